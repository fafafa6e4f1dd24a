// Loop kernels as WebAssembly: loops, what they move along, where stages and folds go. loop-layout.ts decides how they run.
import { sizeOf } from "../../base/shape.ts";
import type { LoopKernel, Store } from "../../kernel/ir.ts";
import { type Extent, kernelFunction, toldSize } from "./abi.ts";
import { Accumulator } from "./accumulate.ts";
import type { Affine, Point } from "./address.ts";
import { costOf, unrollFor } from "./cost.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import { Evaluator } from "./expression.ts";
import type { WasmFeatures } from "./features.ts";
import { type I32, i32, select } from "./instructions.ts";
import { LaneOperations, type Lanes } from "./lanes.ts";
import { type Cut, type LoopLayout, lanesPerVector, layoutOf, oneByOne, type Split, splitOf } from "./loop-layout.ts";
import { type FoldStage, foldedType, isPlainSum, type Nest, type NestStage } from "./nest.ts";
import { rootsOf, rowBytesOf, storesOf } from "./steps.ts";

export function emitLoops(
  module: ModuleBuilder,
  kernel: LoopKernel,
  features: WasmFeatures,
  extent: Extent = "units",
): FunctionBuilder {
  const f = kernelFunction(module, extent);
  const layout = layoutOf(kernel);
  const split = extent === "units" ? splitOf(kernel, features) : null;
  const { sizes, outer } = layout.nest;
  const told = (): I32 => (extent === "units" ? toldSize(f, 0) : f.param("i32", 4));
  if (!sizes.slice(0, outer).includes(0))
    new LoopWriter(new LaneOperations(f, module, features), layout, split, told).write();
  return f;
}

/** After so many iterations of the loop over `dim`, sums are carried over. */
interface Block {
  readonly dim: number;
  readonly iterations: number;
}

/** Float32 additions to one state before a sum is carried over to float64: its error is theirs, however many terms there are. */
const blockSteps = 16;

/** So many folds need not wait for their own additions, and more states would not fit in registers. */
const manyFolds = 4;

class LoopWriter {
  private readonly f: FunctionBuilder;
  private readonly layout: LoopLayout;
  private readonly split: Split | null;
  /** How long the nest's free axis is. */
  private readonly told: () => I32;
  private readonly nest: Nest;
  private readonly evaluator: Evaluator;
  /** Lanes are separate outer indices, rather than parts of one row. */
  private readonly vectorIsOuter: boolean;
  private readonly stagesOfAll: readonly NestStage[];

  constructor(lanes: LaneOperations, layout: LoopLayout, split: Split | null, told: () => I32) {
    this.f = lanes.f;
    this.layout = layout;
    this.split = split;
    this.told = told;
    this.nest = layout.nest;
    this.vectorIsOuter = layout.vector < layout.nest.outer;
    this.stagesOfAll = layout.steps.flatMap((step) => step.stages);
    this.evaluator = new Evaluator(lanes, layout.vector, this.vectorIsOuter, rowBytesOf(layout.nest));
    this.evaluator.register(rootsOf(this.stagesOfAll), storesOf(this.stagesOfAll));
  }

  write(): void {
    const { nest, evaluator } = this;
    const roots = rootsOf(this.stagesOfAll);
    const affines = evaluator.affines(roots, storesOf(this.stagesOfAll));
    const zero: Point = { deltas: nest.sizes.map(() => 0), lanes: 1 };
    const level = (dim: number, outerPoints: readonly Point[]): void => {
      evaluator.prepare(roots, outerPoints);
      if (dim === nest.outer) this.stages(outerPoints);
      else {
        this.loop(dim, this.layout.cutOf(dim), affines, null, (points) => {
          const along = points.map(({ delta, lanes }) => shifted(zero, dim, delta, lanes));
          if (dim !== this.layout.vector) level(dim + 1, outerPoints);
          else if (!this.layout.alternates) level(dim + 1, along);
          else
            evaluator.enter(dim + 1, () =>
              this.stages(along.flatMap((point) => [point, shifted(point, dim + 1, 1, point.lanes)])),
            );
        });
      }
    };
    evaluator.frame(() => level(0, [zero]));
  }

  /** All stages for these outer points. */
  private stages(points: readonly Point[]): void {
    this.evaluator.withAccumulators(() => {
      for (const step of this.layout.steps) {
        if (step.once) this.storeAll(storesOf(step.stages), points);
        else this.pass(step.stages, points);
      }
    });
  }

  /**
   * All values first, then all stores: outputs may lie where inputs lay. Each output's stores follow each other, as
   * V8 pairs vectors only where nothing is stored in between. They go from the last point to the first: V8 stores the
   * first vector of a pair alone as well if that comes first.
   */
  private storeAll(stores: readonly Store[], points: readonly Point[]): void {
    const alone = stores.length * points.length === 1;
    const values = points.map((point) =>
      stores.map((store) => {
        const value = this.evaluator.value(store.value, point);
        return alone ? value : this.evaluator.lanes.keepLanes(value);
      }),
    );
    stores.forEach((store, i) => {
      const order = [...points.entries()];
      for (const [j, point] of isRepeated(store, points) ? order : order.reverse()) {
        const value = values[j]?.[i];
        if (!value) continue;
        if (!this.layout.alternates) this.evaluator.store(store, value, point);
        else if (j % 2 === 0) this.evaluator.storePairs(store, value, values[j + 1]?.[i] ?? value, point);
      }
    });
  }

  /** One walk over the inner dims. */
  private pass(stages: readonly NestStage[], outerPoints: readonly Point[]): void {
    const { nest, evaluator } = this;
    const folds = stages.filter((stage): stage is FoldStage => stage.kind === "fold");
    const stores = storesOf(stages);
    const roots = rootsOf(stages);
    const rank = nest.sizes.length;
    const last = rank - 1;
    const lanesAreInner = !this.vectorIsOuter;
    const hasMany = lanesAreInner && folds.length > manyFolds;
    const unroll = hasMany ? 4 : unrollFor(costOf(roots));
    // Terms of a round are added up in pairs first: a state takes a quarter of the additions in a row, which round, and wait.
    const inPairs = !lanesAreInner && unroll === 4 && stores.length === 0 && folds.every(isPlainSum);
    const cut: Cut = lanesAreInner
      ? { width: 4, unroll, straight: this.layout.straight }
      : {
          width: 1,
          unroll: inPairs ? unroll : Math.max(1, Math.floor(4 / outerPoints.length)),
          straight: this.layout.straight / 2,
        };
    const innerSizes = nest.sizes.slice(nest.outer);
    const isEmpty = innerSizes.includes(0);
    const units = this.layout.flat ? sizeOf(innerSizes) : Math.ceil((nest.sizes[last] ?? 1) / cut.width);
    const states = Math.max(1, Math.min(4, units, this.layout.flat || units <= cut.straight ? units : cut.unroll));
    const width = inPairs || hasMany ? 1 : states;
    const block = this.blockOf(cut);
    const accumulators = outerPoints.map(() =>
      folds.map((fold) => new Accumulator(evaluator.lanes, fold.op, foldedType(fold), width, block !== null)),
    );
    if (!isEmpty) {
      const affines = evaluator.affines(roots, stores);
      const flush = (): void => {
        for (const group of accumulators) for (const accumulator of group) accumulator.flush();
      };
      const joined = (outerPoint: Point, { deltas, lanes }: Point): Point => ({
        deltas: outerPoint.deltas.map((delta, dim) => delta + (deltas[dim] ?? 0)),
        lanes: lanesAreInner ? lanes : outerPoint.lanes,
      });
      const termOf = (fold: FoldStage, point: Point): Lanes =>
        evaluator.lanes.cast(evaluator.value(fold.value, point), foldedType(fold));
      const body = (inner: readonly Point[]): void => {
        const points = outerPoints.flatMap((outerPoint, group) =>
          inner.map((at, slot) => ({ group, slot, point: joined(outerPoint, at) })),
        );
        if (inPairs) {
          // Two rows at a time, since loads had better go through memory in its order.
          const pairs = inner.flatMap((_, i) => (i % 2 === 0 ? [inner.slice(i, i + 2)] : []));
          const sums = pairs.map((rows) =>
            outerPoints.map((outerPoint) =>
              folds.map((fold) => {
                const terms = rows.map((at) => termOf(fold, joined(outerPoint, at)));
                return evaluator.lanes.keepLanes(sumInPairs(evaluator.lanes, terms));
              }),
            ),
          );
          accumulators.forEach((group, g) => {
            group.forEach((accumulator, i) => {
              const terms = sums.flatMap((of) => of[g]?.[i] ?? []);
              accumulator.add(0, sumInPairs(evaluator.lanes, terms), null, null);
            });
          });
          return;
        }
        for (const { group, slot, point } of points)
          folds.forEach((fold, i) => {
            const value = termOf(fold, point);
            const position = fold.position ? (evaluator.value(fold.position, point).parts[0] ?? null) : null;
            const mask = lanesAreInner && point.lanes < lanesPerVector ? evaluator.lanes.laneMask(point.lanes) : null;
            accumulators[group]?.[i]?.add(slot, value, position, mask);
          });
        this.storeAll(
          stores,
          points.map(({ point }) => point),
        );
      };
      const zero: Point = { deltas: nest.sizes.map(() => 0), lanes: 1 };
      const level = (dim: number): void => {
        evaluator.prepare(roots, outerPoints);
        const carried = block?.dim === dim ? { ...block, flush } : null;
        if (dim === rank) body([zero]);
        else if (dim < last) this.loop(dim, oneByOne, affines, carried, () => level(dim + 1));
        else
          this.loop(dim, cut, affines, carried, (points) =>
            body(points.map(({ delta, lanes }) => shifted(zero, dim, delta, lanes))),
          );
      };
      if (this.layout.flat) {
        evaluator.prepare(roots, outerPoints);
        this.enterAll(nest.outer, () => body(allPoints(nest.sizes, nest.outer)));
      } else level(nest.outer);
    }
    outerPoints.forEach((point, group) => {
      folds.forEach((fold, i) => {
        const result = accumulators[group]?.[i]?.finish(fold.dtype, lanesAreInner);
        if (result) evaluator.setAccumulator(fold.index, point, result);
      });
    });
  }

  /** Enters all dims from this one on. */
  private enterAll(dim: number, body: () => void): void {
    if (dim === this.nest.sizes.length) body();
    else this.evaluator.enter(dim, () => this.enterAll(dim + 1, body));
  }

  /** The loop that sums are carried over in: the outermost of which one iteration adds few enough to an accumulator. */
  private blockOf(cut: Cut): Block | null {
    const { sizes, outer } = this.nest;
    let steps = 1;
    for (let dim = sizes.length - 1; dim >= outer; dim--) {
      const perIteration = dim === sizes.length - 1 ? cut.width * cut.unroll : 1;
      const iterations = Math.ceil((sizes[dim] ?? 1) / perIteration);
      if (steps * iterations > blockSteps) return { dim, iterations: Math.max(1, Math.floor(blockSteps / steps)) };
      steps *= iterations;
    }
    return null;
  }

  private loop(
    dim: number,
    cut: Cut,
    affines: readonly Affine[],
    block: (Block & { flush(): void }) | null,
    body: (points: readonly { delta: number; lanes: number }[]) => void,
  ): void {
    const { evaluator, nest } = this;
    const { width, unroll, straight } = cut;
    const size = nest.sizes[dim] ?? 1;
    const pointsOf = (count: number): { delta: number; lanes: number }[] =>
      Array.from({ length: Math.ceil(count / width) }, (_, i) => ({
        delta: i * width,
        lanes: Math.min(width, count - i * width),
      }));
    evaluator.enter(dim, () => {
      if (Math.ceil(size / width) <= straight) {
        body(pointsOf(size));
        return;
      }
      evaluator.frame(() => {
        const step = width * unroll;
        const advance = evaluator.addresses.moveAlong(dim, affines);
        const round = (): void => {
          evaluator.frame(() => body(pointsOf(step)));
          advance(step);
        };
        const isSplit = dim === this.split?.dim;
        if (isSplit) advance(i32.mul(this.f.param("i32", 4), i32.const(step)));
        if (nest.free?.dim === dim) {
          const { rounds, left } = this.toldRounds(nest.free.factor, step);
          const rest = (): void =>
            this.rest(left, nest.free?.factor ?? 1, cut, advance, (lanes) => body([{ delta: 0, lanes }]));
          if (isSplit) {
            this.repeatBetween(rounds, round);
            this.f.if(i32.lt(rounds, this.f.param("i32", 5)), rest);
          } else {
            this.f.if(rounds, () => this.repeat(rounds, block, round));
            rest();
          }
          return;
        }
        const rounds = Math.floor(size / step);
        const rest = (): void => evaluator.frame(() => body(pointsOf(size - rounds * step)));
        if (isSplit) {
          if (rounds > 0) this.repeatBetween(i32.const(rounds), round);
          if (rounds * step < size) this.f.if(i32.lt(i32.const(rounds), this.f.param("i32", 5)), rest);
          return;
        }
        if (rounds > 0) this.repeat(rounds, block, round);
        if (rounds * step < size) rest();
      });
    });
  }

  /** Of a loop whose extent is told: its rounds of so many iterations, and the iterations that are left. */
  private toldRounds(factor: number, step: number): { rounds: Local<"i32">; left: Local<"i32"> } {
    const { f } = this;
    const extent = f.hoist("extent", "i32", () => i32.mul(this.told(), i32.const(factor)));
    return {
      rounds: f.hoist(`rounds ${step}`, "i32", () => i32.divU(extent, i32.const(step))),
      left: f.hoist(`left ${step}`, "i32", () => i32.remU(extent, i32.const(step))),
    };
  }

  /** The iterations after the last round, where their number is told: whole vectors, then one by one. */
  private rest(
    left: Local<"i32">,
    factor: number,
    { width, unroll }: Cut,
    advance: (iterations: number) => void,
    body: (lanes: number) => void,
  ): void {
    const { f, evaluator } = this;
    const count = f.local("i32");
    const loop = (by: number, lanes: number): void => {
      f.while(i32.ge(count, i32.const(by)), () => {
        evaluator.frame(() => body(lanes));
        advance(by);
        f.increase(count, -by);
      });
    };
    if (factor % (width * unroll) === 0) return;
    f.set(count, left);
    if (width > 1 && unroll > 1) loop(width, width);
    if (factor % width !== 0 || width === 1) loop(1, 1);
  }

  /** Rounds from … to − 1 of those that are shared, as far as there are. */
  private repeatBetween(rounds: I32, round: () => void): void {
    const { f } = this;
    const [from, to] = [f.param("i32", 4), f.param("i32", 5)];
    const left = f.local("i32", i32.sub(select(i32.lt(to, rounds), to, rounds), from));
    f.if(i32.lt(i32.const(0), left), () =>
      f.loop((again) => {
        round();
        f.increase(left, -1);
        f.brIf(again, left);
      }),
    );
  }

  /** At least one round. */
  private repeat(rounds: number | I32, block: (Block & { flush(): void }) | null, round: () => void): void {
    const { f } = this;
    const counted = (count: Local<"i32">): void => {
      f.loop((again) => {
        round();
        f.set(count, i32.sub(count, i32.const(1)));
        f.brIf(again, count);
      });
    };
    const total = typeof rounds === "number" ? i32.const(rounds) : rounds;
    if (!block || (typeof rounds === "number" && rounds <= block.iterations)) {
      if (rounds === 1) round();
      else counted(f.local("i32", total));
      if (block) block.flush();
      return;
    }
    const left = f.local("i32", total);
    const count = f.local("i32");
    f.loop((again) => {
      f.set(count, i32.const(block.iterations));
      f.if(i32.lt(left, count), () => f.set(count, left));
      f.set(left, i32.sub(left, count));
      counted(count);
      block.flush();
      f.brIf(again, left);
    });
  }
}

/** The sum of at least one value. */
function sumInPairs(c: LaneOperations, values: readonly Lanes[]): Lanes {
  const [first = c.literal("float32", 0), second] = values;
  if (!second) return first;
  const half = Math.ceil(values.length / 2);
  return c.apply("add", "float32", [sumInPairs(c, values.slice(0, half)), sumInPairs(c, values.slice(half))]);
}

/** Whether some of the points may store to the same place: the last one counts. */
const isRepeated = ({ view }: Store, [first, ...others]: readonly Point[]): boolean =>
  view.strides.some((stride, dim) => stride === 0 && others.some(({ deltas }) => deltas[dim] !== first?.deltas[dim]));

const shifted = (point: Point, dim: number, delta: number, lanes: number): Point => ({
  deltas: point.deltas.map((old, axis) => (axis === dim ? old + delta : old)),
  lanes,
});

/** Every iteration of the dims from `first` on. */
function allPoints(sizes: readonly number[], first: number): Point[] {
  let points: Point[] = [{ deltas: sizes.map(() => 0), lanes: 1 }];
  for (let dim = first; dim < sizes.length; dim++)
    points = points.flatMap((point) => Array.from({ length: sizes[dim] ?? 1 }, (_, i) => shifted(point, dim, i, 1)));
  return points;
}

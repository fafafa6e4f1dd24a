// Loop kernels as WebAssembly: which loop runs in the lanes, how far loops are unrolled, where stages and folds go.
import type { DType } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { LoopKernel, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { type Extent, kernelFunction } from "./abi.ts";
import { Accumulator } from "./accumulate.ts";
import type { Affine, Point } from "./address.ts";
import { costOf, unrollFor } from "./cost.ts";
import type { FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import { Evaluator } from "./expression.ts";
import type { WasmFeatures } from "./features.ts";
import { type I32, i32, select } from "./instructions.ts";
import { LaneOperations, type Lanes } from "./lanes.ts";
import { type Nest, type NestStage, simplifyNest } from "./nest.ts";
import { keepRows, rootsOf, rowBytesOf, type Step, stepsOf, storesOf } from "./steps.ts";
import { minSharedNs, workNs } from "./work.ts";

export function emitLoops(
  module: ModuleBuilder,
  kernel: LoopKernel,
  features: WasmFeatures,
  extent: Extent = "units",
): FunctionBuilder {
  const f = kernelFunction(module, extent);
  const layout = layoutOf(kernel, extent === "units" ? features : null);
  const { sizes, outer } = layout.nest;
  if (!sizes.slice(0, outer).includes(0)) new LoopWriter(new LaneOperations(f, module, features), layout).write();
  return f;
}

/** How many units of work the kernel can be cut into. */
export const loopUnits = (kernel: LoopKernel, features: WasmFeatures): number =>
  layoutOf(kernel, features).split?.units ?? 1;

/** Bytes at `work` that the kernel needs. */
export function loopsWorkspaceBytes(kernel: LoopKernel): number {
  const { nest, rows } = layoutOf(kernel, null);
  return rows * rowBytesOf(nest);
}

type FoldStage = NestStage & { readonly kind: "fold" };

/** After so many iterations of the loop over `dim`, sums are carried over. */
interface Block {
  readonly dim: number;
  readonly iterations: number;
}

/** How a loop is cut: iterations side by side in a point, points side by side in one round. */
interface Cut {
  readonly width: 1 | 4;
  readonly unroll: number;
  /** Loops of no more points than this are written out. */
  readonly straight: number;
}

const oneByOne: Cut = { width: 1, unroll: 1, straight: 1 };
const lanesPerVector = 4;
/** Windows of 3 × 3 are written out. */
const largestFlat = 9;
/** Float32 additions to one state before a sum is carried over to float64: its error is theirs, however many terms there are. */
const blockSteps = 16;

/** What is decided before code is written. */
interface Layout {
  readonly nest: Nest;
  /** How the loop over an outer dim is cut. */
  readonly cutOf: (dim: number) => Cut;
  /** The dim in the lanes, or -1. */
  readonly vector: number;
  /** Loops in the lanes of no more points than this are written out. */
  readonly straight: number;
  readonly steps: readonly Step[];
  /** How many rows the workspace holds. */
  readonly rows: number;
  /** Rounds of this outer loop are the units that threads share; null: the kernel is one unit. */
  readonly split: Split | null;
  /** The last dim has two iterations, whose stores alternate: the lanes run along the dim before it. */
  readonly alternates: boolean;
  /** The inner dims are so small that all their iterations are written out. */
  readonly flat: boolean;
}

interface Split {
  readonly dim: number;
  readonly units: number;
}

/** `features`: of the engine whose threads may share the kernel; null where it is one unit in any case. */
function layoutOf(kernel: LoopKernel, features: WasmFeatures | null): Layout {
  const nest = simplifyNest(kernel);
  const { sizes, outer } = nest;
  const alternates = storesAlternate(nest);
  const vector = alternates ? outer - 2 : chooseVector(nest);
  const first = stepsOf(nest.stages);
  const cost = costOf(rootsOf(nest.stages));
  const straight = 2 * unrollFor(cost);
  const isLong = Math.ceil((sizes[vector] ?? 1) / lanesPerVector) > straight;
  const innerSize = sizeOf(sizes.slice(outer));
  const flat = vector < outer && innerSize > 0 && innerSize <= largestFlat && cost * innerSize <= 200;
  const { steps, rows } = vector >= outer && isLong ? keepRows(nest, first) : { steps: first, rows: 0 };
  const unroll = unrollFor(costOf(rootsOf(steps.flatMap((step) => step.stages))));
  const cutOf = (dim: number): Cut => (dim === vector ? { width: 4, unroll, straight } : oneByOne);
  const isShared = features !== null && workNs(kernel) >= (features.minSharedNs ?? minSharedNs);
  const split = isShared ? chooseSplit(sizes.slice(0, alternates ? outer - 1 : outer), cutOf) : null;
  return { nest, cutOf, vector, straight, steps, rows, alternates, flat, split };
}

/** Enough units that threads come out even. */
const manyUnits = 32;

/** The outermost loop that has many rounds, or else the one that has most. */
function chooseSplit(sizes: readonly number[], cutOf: (dim: number) => Cut): Split | null {
  let best: Split | null = null;
  for (const [dim, size] of sizes.entries()) {
    if (best && best.units >= manyUnits) break;
    const { width, unroll, straight } = cutOf(dim);
    const units = Math.ceil(size / width) <= straight ? 1 : Math.ceil(size / (width * unroll));
    if (units > (best?.units ?? 1)) best = { dim, units };
  }
  return best;
}

class LoopWriter {
  private readonly f: FunctionBuilder;
  private readonly layout: Layout;
  private readonly nest: Nest;
  private readonly evaluator: Evaluator;
  /** Lanes are separate outer indices, rather than parts of one row. */
  private readonly vectorIsOuter: boolean;
  private readonly stagesOfAll: readonly NestStage[];

  constructor(lanes: LaneOperations, layout: Layout) {
    this.f = lanes.f;
    this.layout = layout;
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
    const level = (dim: number): void => {
      evaluator.prepare(roots, [zero]);
      if (dim === nest.outer) this.stages([zero]);
      else {
        this.loop(dim, this.layout.cutOf(dim), affines, null, (points) => {
          const along = points.map(({ delta, lanes }) => shifted(zero, dim, delta, lanes));
          if (dim !== this.layout.vector) level(dim + 1);
          else if (!this.layout.alternates) this.stages(along);
          else
            evaluator.enter(dim + 1, () =>
              this.stages(along.flatMap((point) => [point, shifted(point, dim + 1, 1, point.lanes)])),
            );
        });
      }
    };
    evaluator.frame(() => level(0));
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
   * V8 pairs vectors only where nothing is stored in between.
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
      points.forEach((point, j) => {
        const value = values[j]?.[i];
        if (!value) return;
        if (!this.layout.alternates) this.evaluator.store(store, value, point);
        else if (j % 2 === 0) this.evaluator.storePairs(store, value, values[j + 1]?.[i] ?? value, point);
      });
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
    const unroll = unrollFor(costOf(roots));
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
    const width = inPairs ? 1 : states;
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
    { width, unroll, straight }: Cut,
    affines: readonly Affine[],
    block: (Block & { flush(): void }) | null,
    body: (points: readonly { delta: number; lanes: number }[]) => void,
  ): void {
    const { evaluator } = this;
    const size = this.nest.sizes[dim] ?? 1;
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
        const rounds = Math.floor(size / step);
        const advance = evaluator.addresses.moveAlong(dim, affines);
        const round = (): void => {
          evaluator.frame(() => body(pointsOf(step)));
          advance(step);
        };
        const rest = (): void => evaluator.frame(() => body(pointsOf(size - rounds * step)));
        if (dim === this.layout.split?.dim) {
          const [from, to] = [this.f.param("i32", 4), this.f.param("i32", 5)];
          advance(i32.mul(from, i32.const(step)));
          if (rounds > 0) this.repeatBetween(from, to, rounds, round);
          if (rounds * step < size) this.f.if(i32.lt(i32.const(rounds), to), rest);
          return;
        }
        if (rounds > 0) this.repeat(rounds, block, round);
        if (rounds * step < size) rest();
      });
    });
  }

  /** Rounds from … to − 1, as far as there are. */
  private repeatBetween(from: I32, to: I32, rounds: number, round: () => void): void {
    const { f } = this;
    const left = f.local("i32", i32.sub(select(i32.lt(to, i32.const(rounds)), to, i32.const(rounds)), from));
    f.if(i32.lt(i32.const(0), left), () =>
      f.loop((again) => {
        round();
        f.increase(left, -1);
        f.brIf(again, left);
      }),
    );
  }

  private repeat(rounds: number, block: (Block & { flush(): void }) | null, round: () => void): void {
    const { f } = this;
    const counted = (count: ReturnType<FunctionBuilder["local"]> & { type: "i32" }): void => {
      f.loop((again) => {
        round();
        f.set(count, i32.sub(count, i32.const(1)));
        f.brIf(again, count);
      });
    };
    if (!block || rounds <= block.iterations) {
      if (rounds === 1) round();
      else counted(f.local("i32", i32.const(rounds)));
      if (block) block.flush();
      return;
    }
    const left = f.local("i32", i32.const(rounds));
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

const isPlainSum = (fold: FoldStage): boolean => fold.op === "add" && foldedType(fold) === "float32";

/** The sum of at least one value. */
function sumInPairs(c: LaneOperations, values: readonly Lanes[]): Lanes {
  const [first = c.literal("float32", 0), second] = values;
  if (!second) return first;
  const half = Math.ceil(values.length / 2);
  return c.apply("add", "float32", [sumInPairs(c, values.slice(0, half)), sumInPairs(c, values.slice(half))]);
}

/** The dtype that a fold compares or adds up in. */
const foldedType = (fold: FoldStage): DType => (fold.position ? fold.value.dtype : fold.dtype);

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

/** The stores of the last two dims fill memory without gaps, one iteration of the last after the other. */
const isAlternating = ({ dtype, view }: Store, vector: number): boolean =>
  (dtype === "float32" || dtype === "int32") && view.strides[vector] === 2 && view.strides[vector + 1] === 1;

function storesAlternate({ sizes, outer, stages }: Nest): boolean {
  if (sizes.length !== outer || outer < 2 || sizes[outer - 1] !== 2 || (sizes[outer - 2] ?? 1) < lanesPerVector)
    return false;
  return storesOf(stages).every((store) => isAlternating(store, outer - 2));
}

/** The dim whose iterations go into the lanes: one along which memory is contiguous, the last outer or inner one. */
function chooseVector({ sizes, outer, stages }: Nest): number {
  const rank = sizes.length;
  if (rank === 0) return -1;
  if (rank === outer) return outer - 1;
  const inner = rank - 1;
  if (outer === 0) return inner;
  const innerSize = sizes[inner] ?? 1;
  const outerSize = sizes[outer - 1] ?? 1;
  const views = [
    ...storesOf(stages.filter((stage) => stage.kind === "each")).map((store) => store.view),
    ...exprOrder(rootsOf(stages)).flatMap((expr) => (expr.kind === "load" ? [expr.view] : [])),
  ];
  const strided = (dim: number): number => views.filter((view) => Math.abs(view.strides[dim] ?? 0) > 1).length;
  if (innerSize >= 4 && strided(inner) <= strided(outer - 1)) return inner;
  if (outerSize >= 4) return outer - 1;
  return innerSize >= outerSize ? inner : outer - 1;
}

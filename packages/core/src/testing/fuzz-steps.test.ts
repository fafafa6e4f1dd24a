// Random programs that are trained for some steps: parameters, moments and running means are written over, loss after loss.
// `COTANGENT_FUZZ=10000` runs more of them, `COTANGENT_FUZZ_SEED=7` others.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutFusion } from "../engine/engine.ts";
import {
  add,
  compile,
  div,
  mean,
  mul,
  noGrad,
  sqrt,
  sub,
  sum,
  type Tensor,
  tensor,
  type Update,
  update,
  vjp,
} from "../index.ts";
import { registerEagerThreads } from "./eager-threads.ts";
import { moveCount, type Program, type Setting, trace } from "./programs.ts";
import { seededArray } from "./seeded-values.ts";

const numRuns = Number(process.env.COTANGENT_FUZZ ?? 150);
const seed = Number(process.env.COTANGENT_FUZZ_SEED ?? 20261101);
const steps = 4;

registerEagerThreads();

/** A program, what its parameters learn by, and whether somebody reads along. */
const runs = fc.record({
  program: fc.array(fc.tuple(fc.nat(moveCount * 7 - 1), fc.nat(3), fc.nat(20), fc.nat(63)), {
    minLength: 3,
    maxLength: 14,
    size: "max",
  }) satisfies fc.Arbitrary<Program>,
  rule: fc.constantFrom("momentum", "adam", "adam, clipped", "lagging"),
  reads: fc.constantFrom("nothing", "losses", "all"),
});

interface Run {
  readonly program: Program;
  readonly rule: string;
  readonly reads: string;
}

/** What a step does to one parameter. All are formulas of optimizers, without what they count. */
interface Memory {
  readonly first: Tensor;
  readonly second: Tensor;
}

function advance(
  rule: string,
  p: Tensor,
  g: Tensor,
  { first, second }: Memory,
  rate: Tensor,
): readonly [Tensor, Memory] {
  const m = add(mul(first, 0.9), rule === "momentum" ? g : mul(g, 0.1));
  if (rule === "momentum") return [sub(p, mul(m, rate)), { first: m, second }];
  const v = add(mul(second, 0.5), mul(mul(g, g), 0.5));
  // The old average is read after the new one of squares, all of them: it must not be written over before.
  const [used, size] = rule === "lagging" ? [first, sum(v)] : [m, v];
  return [sub(p, div(mul(used, rate), add(sqrt(size), 0.125))), { first: m, second: v }];
}

/** Gradients as they are, or scaled by the norm of all. */
function clipped(rule: string, gradients: readonly Tensor[]): readonly Tensor[] {
  if (rule !== "adam, clipped") return gradients;
  const squares = gradients.map((g) => sum(mul(g, g)));
  const total = squares.reduce((a, b) => add(a, b));
  return gradients.map((g) => div(g, add(sqrt(add(total, 0.5)), 1)));
}

const like = (x: Tensor, values: ArrayLike<number>): Tensor =>
  tensor(x.dtype === "float64" ? Float64Array.from(values) : Float32Array.from(values), {
    shape: x.shape,
    dtype: x.dtype,
    device: x.device,
  });
const zero = (x: Tensor): Tensor => like(x, new Array(x.size).fill(0));
const read = (xs: readonly Tensor[]): number[][] => xs.map((x) => [...x.dataSync()]);

interface Model {
  readonly leaves: readonly Tensor[];
  readonly lossOf: (leaves: readonly Tensor[]) => readonly [loss: Tensor, mean: Tensor];
  /** The leaves of step `i`: the last one is data where there are several, and new each time. */
  readonly dataOf: (i: number) => Tensor | null;
  readonly rateOf: (i: number) => Tensor;
}

function modelOf(program: Program, setting: Setting): Model {
  const { leaves } = trace(program, setting);
  const data = leaves.length > 1 ? leaves.at(-1) : undefined;
  return {
    leaves: data ? leaves.slice(0, -1) : leaves,
    lossOf(xs) {
      const { results } = trace(program, { ...setting, leaves: xs });
      const terms = results.map((y, k) => {
        const weights = like(y, seededArray(y.size, { seed: 50 + k, dtype: setting.dtype }));
        return sum(mul(mul(y, add(y, 0.5)), weights));
      });
      // Some programs use no parameter.
      const decay = xs.slice(0, 1).map((x) => sum(mul(mul(x, x), 0.25)));
      const loss = [...terms, ...decay].reduce((a, b) => add(a, b));
      const some = results.find((y) => y.size > 0);
      return [loss, some ? mean(some) : loss];
    },
    dataOf: (i) => (data ? like(data, seededArray(data.size, { seed: 300 + i, dtype: setting.dtype })) : null),
    rateOf: (i) => tensor(0.05 / (1 + i), { dtype: setting.dtype, device: setting.device }),
  };
}

/** Everything that a run leaves behind: losses, parameters, what is remembered of them, the running mean. */
type Trajectory = readonly number[][][];

/** Trains by `backward` and `update`, as optimizers do. */
function train({ program, rule, reads }: Run, setting: Setting, around: typeof compile = (f) => f): Trajectory {
  const { leaves, lossOf, dataOf, rateOf } = modelOf(program, setting);
  const parameters = leaves.map((x) => {
    const { shape, dtype, device } = x;
    return tensor(x.dataSync(), { shape, dtype, device, requiresGrad: true });
  });
  const memories = parameters.map((p): Memory => ({ first: zero(p), second: zero(p) }));
  const running = tensor(0, { dtype: setting.dtype, device: setting.device });
  const step = around((rate: Tensor, ...data: Tensor[]) => {
    for (const p of parameters) p.zeroGrad();
    const [loss, level] = lossOf([...parameters, ...data]);
    running.assign(add(mul(running, 0.75), mul(level.detach(), 0.25)));
    loss.backward();
    const moved = parameters.filter((p) => p.grad !== null);
    const updates = noGrad(() => {
      const gradients =
        moved.length > 0
          ? clipped(
              rule,
              moved.map((p) => p.grad ?? p),
            )
          : [];
      return moved.flatMap((p, i): Update[] => {
        const memory = memories[parameters.indexOf(p)] ?? { first: p, second: p };
        const [value, next] = advance(rule, p, gradients[i] ?? p, memory, rate);
        const first = { target: memory.first, value: next.first, inPlace: true };
        const second = { target: memory.second, value: next.second, inPlace: true };
        return [{ target: p, value }, first, ...(rule === "momentum" ? [] : [second])];
      });
    });
    if (updates.length > 0) update(updates);
    return loss;
  });
  const losses: Tensor[] = [];
  const trajectory: number[][][] = [];
  for (let i = 0; i < steps; i++) {
    const data = dataOf(i);
    losses.push(step(rateOf(i), ...(data ? [data] : [])));
    if (reads === "losses") losses.at(-1)?.dataSync();
    const state = memories.flatMap(({ first, second }) => [first, second]);
    if (reads === "all" || i === steps - 1) trajectory.push(read([running, ...parameters, ...state]));
  }
  return [read(losses), ...trajectory];
}

/** The same by functions of values, each step on its own. */
function trainApart({ program, rule, reads }: Run, setting: Setting): Trajectory {
  const { leaves, lossOf, dataOf, rateOf } = modelOf(program, setting);
  let parameters: readonly Tensor[] = leaves;
  let memories = parameters.map((p): Memory => ({ first: zero(p), second: zero(p) }));
  let running: Tensor = tensor(0, { dtype: setting.dtype, device: setting.device });
  const fresh = (x: Tensor): Tensor => like(x, x.dataSync());
  const losses: Tensor[] = [];
  const trajectory: number[][][] = [];
  for (let i = 0; i < steps; i++) {
    const data = dataOf(i);
    const extra = data ? [data] : [];
    const [values, pull] = vjp((...xs: Tensor[]) => [...lossOf([...xs, ...extra])], [...parameters]);
    const [loss, level] = values;
    if (!loss || !level) throw new Error("expected a loss and a mean");
    const one = like(loss, [1]);
    const gradients = clipped(rule, pull([one, zero(level)]));
    const moved = parameters.map((p, k) =>
      advance(rule, p, gradients[k] ?? p, memories[k] ?? { first: p, second: p }, rateOf(i)),
    );
    losses.push(fresh(loss));
    running = fresh(add(mul(running, 0.75), mul(level, 0.25)));
    parameters = moved.map(([p]) => fresh(p));
    memories = moved.map(([, { first, second }]) => ({ first: fresh(first), second: fresh(second) }));
    const state = memories.flatMap(({ first, second }) => [first, second]);
    if (reads === "all" || i === steps - 1) trajectory.push(read([running, ...parameters, ...state]));
  }
  return [read(losses), ...trajectory];
}

function expectClose(actual: Trajectory, expected: Trajectory, tolerance: number): void {
  expect(actual.map((list) => list.map((x) => x.length))).toEqual(expected.map((list) => list.map((x) => x.length)));
  const flat = actual.flat(2);
  expected.flat(2).forEach((y, i) => {
    const x = flat[i] ?? Number.NaN;
    if (!(Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(y))) && !Object.is(x, y))
      throw new Error(`number ${i} of the run is ${x} instead of ${y}`);
  });
}

const [single, double] = [
  { device: "wasm", dtype: "float32", smooth: true },
  { device: "wasm", dtype: "float64", smooth: true },
] as const satisfies Setting[];

describe("random programs learn", { timeout: 60_000 + 200 * numRuns }, () => {
  const each = (check: (run: Run) => void): void =>
    fc.assert(fc.property(runs, check), { numRuns: Math.ceil(numRuns / 2), seed });

  it("by the same bits compiled and not", () => {
    each((run) => {
      expect(train(run, single, compile)).toEqual(train(run, single));
    });
  });

  it("by the same bits on one thread and on two", () => {
    each((run) => {
      expect(train(run, { ...single, device: "threads" })).toEqual(train(run, single));
    });
  });

  it("what functions of values come to, apart, on the reference device", () => {
    const reference = { ...double, device: "reference" };
    each((run) =>
      expectClose(
        train(run, double),
        withoutFusion(() => trainApart(run, reference)),
        1e-9,
      ),
    );
  });
});

// The living definition of the kernel IR: runs one kernel on typed arrays, clear rather than fast.
import type { TypedArray } from "../base/dtype.ts";
import { CotangentError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Guard, View } from "../base/view.ts";
import { type Fold, foldOf } from "./fold.ts";
import type { ContractKernel, Expr, Kernel, LoopKernel, RoutineKernel, Store } from "./ir.ts";
import { type CheckStatus, routines } from "./routines.ts";
import { convertTo, roundTo, scalarFormula } from "./scalar.ts";
import { exprOrder, kernelDims } from "./walk.ts";

export type { CheckStatus } from "./routines.ts";

/** A kernel made ready to run; slots are the plan's, as arrays of exactly the slot's size and dtype. */
export type Runner = (slots: readonly TypedArray[], params: readonly number[], status: CheckStatus) => void;

/** Runs `kernel` once. The first check that fails is noted in `status`; the run goes on without harm. */
export function runKernel(
  kernel: Kernel,
  slots: readonly TypedArray[],
  params: readonly number[],
  status: CheckStatus,
): void {
  prepareKernel(kernel)(slots, params, status);
}

/** Turns the kernel's expressions into closures, so that a second run need not look at them again. */
export function prepareKernel(kernel: Kernel): Runner {
  if (kernel.form === "routine") return prepareRoutine(kernel);
  if (kernel.form === "contract") return prepareContract(kernel);
  return prepareLoops(kernel);
}

/** What a kernel's closures share while it runs. */
interface Frame {
  slots: readonly TypedArray[];
  params: readonly number[];
  status: CheckStatus;
  /** The loop indices. */
  readonly at: Int32Array;
  readonly accs: number[];
}

const newFrame = (rank: number): Frame => ({
  slots: [],
  params: [],
  status: { failed: -1, value: 0 },
  at: new Int32Array(rank),
  accs: [],
});

/** Runs `body` for every index of axes from ≤ axis < to, the last one fastest, and leaves these indices at 0. */
function loop(at: Int32Array, dims: readonly number[], from: number, to: number, body: () => void): void {
  if (sizeOf(dims.slice(from, to)) === 0) return;
  for (;;) {
    body();
    let axis = to - 1;
    for (; axis >= from; axis--) {
      const next = (at[axis] ?? 0) + 1;
      if (next < (dims[axis] ?? 0)) {
        at[axis] = next;
        break;
      }
      at[axis] = 0;
    }
    if (axis < from) return;
  }
}

function linear(offset: number, coefficients: readonly number[]): (at: Int32Array) => number {
  const terms = coefficients.flatMap((factor, axis) => (factor === 0 ? [] : [{ factor, axis }]));
  return (at) => {
    let sum = offset;
    for (const { factor, axis } of terms) sum += factor * (at[axis] ?? 0);
    return sum;
  };
}

/** The position along the guarded axis, or -1 where the guard fails. */
function guarded(guard: Guard): (at: Int32Array) => number {
  const position = linear(guard.offset, guard.coefficients);
  return (at) => {
    const e = position(at);
    return e >= 0 && e <= (guard.size - 1) * guard.step && e % guard.step === 0 ? e / guard.step : -1;
  };
}

/** The element that the view reads, or -1 where one of its guards fails. */
function address(view: View): (at: Int32Array) => number {
  const base = linear(view.offset, view.strides);
  if (view.guards.length === 0) return base;
  const guards = view.guards.map((guard) => ({ position: guarded(guard), stride: guard.stride }));
  return (at) => {
    let sum = base(at);
    for (const { position, stride } of guards) {
      const i = position(at);
      if (i < 0) return -1;
      sum += i * stride;
    }
    return sum;
  };
}

/** Computes `roots` for the frame's indices; each expression once. */
interface Program {
  run(): void;
  /** The value of root number i after run(). */
  value(i: number): number;
}

function compile(roots: readonly Expr[], frame: Frame): Program {
  const order = exprOrder(roots);
  const places = new Map(order.map((expr, i) => [expr, i]));
  const values = new Float64Array(order.length);
  const steps: (() => void)[] = [];
  order.forEach((expr, place) => {
    const step = compileExpr(expr, (arg) => places.get(arg) ?? 0, values, frame);
    steps.push(() => {
      values[place] = step();
    });
  });
  const results = roots.map((root) => places.get(root) ?? 0);
  return {
    run: () => {
      for (const step of steps) step();
    },
    value: (i) => values[results[i] ?? 0] ?? 0,
  };
}

function compileExpr(expr: Expr, placeOf: (arg: Expr) => number, values: Float64Array, frame: Frame): () => number {
  const { at, accs } = frame;
  switch (expr.kind) {
    case "literal": {
      const value = convertTo[expr.dtype](expr.value);
      return () => value;
    }
    case "param": {
      const convert = convertTo[expr.dtype];
      return () => convert(frame.params[expr.index] ?? Number.NaN);
    }
    case "index": {
      const value = linear(expr.offset, expr.coefficients);
      return () => value(at) | 0;
    }
    case "load": {
      const element = address(expr.view);
      const { slot, view } = expr;
      return () => {
        const i = element(at);
        if (i < 0 && view.guards.length > 0) return 0;
        const value = frame.slots[slot]?.[i];
        if (value === undefined) throw outside("load", slot, i, frame);
        return value;
      };
    }
    case "inside": {
      const guards = expr.guards.map(guarded);
      return () => (guards.every((position) => position(at) >= 0) ? 1 : 0);
    }
    case "acc":
      return () => accs[expr.index] ?? Number.NaN;
    case "apply": {
      const [x = 0, y = 0, z = 0] = expr.args.map(placeOf);
      if (expr.op === "check") {
        const check = expr.check ?? 0;
        return () => checked(values[x] ?? 0, values[y] ?? 0, check, frame.status);
      }
      const formula = scalarFormula(expr.op, expr.dtype);
      return () => formula(values[x] ?? 0, values[y] ?? 0, values[z] ?? 0);
    }
  }
}

function checked(value: number, bound: number, check: number, status: CheckStatus): number {
  if (!(value >= 0 && value < bound) && status.failed < 0) {
    status.failed = check;
    status.value = value;
  }
  return value;
}

const outside = (what: string, slot: number, element: number, frame: Frame): CotangentError =>
  new CotangentError(
    `interpret: expected a ${what} within slot ${slot} of ${frame.slots[slot]?.length} elements, got element ${element} at [${frame.at.join(", ")}]`,
  );

/** All values first, then all stores, so that outputs may lie where inputs lay. */
function compileStores(stores: readonly Store[], frame: Frame): () => void {
  const program = compile(
    stores.map((store) => store.value),
    frame,
  );
  const targets = stores.map((store, i) => ({ slot: store.slot, element: address(store.view), i }));
  return () => {
    program.run();
    for (const { slot, element, i } of targets) {
      const array = frame.slots[slot];
      const to = element(frame.at);
      if (!array || to < 0 || to >= array.length) throw outside("store", slot, to, frame);
      array[to] = program.value(i);
    }
  };
}

function prepareLoops(kernel: LoopKernel): Runner {
  const dims = kernelDims(kernel);
  const rank = kernel.outer.length;
  const frame = newFrame(dims.length);
  const { at, accs } = frame;
  const passes: (() => void)[] = [];
  let folds = 0;
  for (let i = 0; i < kernel.stages.length; ) {
    const stage = kernel.stages[i];
    if (!stage) break;
    if (stage.kind === "fold") {
      const index = folds++;
      const program = compile([stage.value], frame);
      const fold: Fold = foldOf(stage.op, stage.op.startsWith("arg") ? stage.value.dtype : stage.dtype);
      passes.push(() => {
        fold.start();
        loop(at, dims, rank, dims.length, () => {
          program.run();
          fold.add(program.value(0));
        });
        accs[index] = fold.finish();
      });
      i++;
      continue;
    }
    const stores: Store[] = [];
    for (let next = kernel.stages[i]; next?.kind === stage.kind; next = kernel.stages[++i]) stores.push(next.store);
    const body = compileStores(stores, frame);
    passes.push(stage.kind === "once" ? body : () => loop(at, dims, rank, dims.length, body));
  }
  return (slots, params, status) => {
    enter(frame, slots, params, status);
    loop(at, dims, 0, rank, () => {
      for (const pass of passes) pass();
    });
  };
}

function enter(frame: Frame, slots: readonly TypedArray[], params: readonly number[], status: CheckStatus): void {
  frame.slots = slots;
  frame.params = params;
  frame.status = status;
  frame.at.fill(0);
}

/** For each index of the batch both operands are written out, so that their expressions run once per element. */
function prepareContract(kernel: ContractKernel): Runner {
  const dims = kernelDims(kernel);
  const frame = newFrame(dims.length);
  const { at, accs } = frame;
  const mStart = kernel.batch.length;
  const nStart = mStart + kernel.m.length;
  const kStart = nStart + kernel.n.length;
  const [m, n, k] = [sizeOf(kernel.m), sizeOf(kernel.n), sizeOf(kernel.k)];
  const a = compile([kernel.a], frame);
  const b = compile([kernel.b], frame);
  const store = compileStores(kernel.stores, frame);
  const round = roundTo[kernel.dtype];
  const isFloat = kernel.dtype === "float32" || kernel.dtype === "float64";
  const left = new Float64Array(m * k);
  const right = new Float64Array(n * k);
  const product = (row: number, column: number): number => {
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const x = left[row * k + i] ?? 0;
      const y = right[column * k + i] ?? 0;
      sum = isFloat ? sum + x * y : (sum + Math.imul(x, y)) | 0;
    }
    return round(sum);
  };
  return (slots, params, status) => {
    enter(frame, slots, params, status);
    loop(at, dims, 0, mStart, () => {
      let next = 0;
      loop(at, dims, mStart, nStart, () =>
        loop(at, dims, kStart, dims.length, () => {
          a.run();
          left[next++] = a.value(0);
        }),
      );
      next = 0;
      loop(at, dims, nStart, kStart, () =>
        loop(at, dims, kStart, dims.length, () => {
          b.run();
          right[next++] = b.value(0);
        }),
      );
      let row = 0;
      loop(at, dims, mStart, nStart, () => {
        let column = 0;
        loop(at, dims, nStart, kStart, () => {
          accs[0] = product(row, column++);
          store();
        });
        row++;
      });
    });
  };
}

function prepareRoutine(kernel: RoutineKernel): Runner {
  const routine = routines[kernel.name];
  if (!routine) throw new CotangentError(`interpret: expected a known routine, got ${kernel.name}`);
  return (slots, _params, status) => {
    const inputs = kernel.inputs.map((operand) => slots[operand.slot] ?? new Float32Array(0));
    const wrong = routine(inputs, slots[kernel.output.slot] ?? new Float32Array(0), kernel.numbers);
    if (wrong !== null && kernel.check >= 0 && status.failed < 0) {
      status.failed = kernel.check;
      status.value = wrong;
    }
  };
}

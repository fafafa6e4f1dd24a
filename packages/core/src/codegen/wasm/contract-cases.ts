// Contractions to test with: their kernels, and how a result is held against the interpreter.
import type { DType, TypedArray } from "../../base/dtype.ts";
import { CotangentError } from "../../base/errors.ts";
import { contiguousStrides } from "../../base/shape.ts";
import type { View } from "../../base/view.ts";
import { runKernel } from "../../kernel/interpret.ts";
import type { ContractKernel, Expr, Kernel, Store } from "../../kernel/ir.ts";
import type { Sized } from "./emit.ts";
import type { WasmFeatures } from "./features.ts";
import { loadKernel } from "./harness.ts";

interface Dims {
  batch?: readonly number[];
  m: readonly number[];
  n: readonly number[];
  k: readonly number[];
}

const featureSets = [{ relaxedSimd: false }, { relaxedSimd: true }, { relaxedSimd: true, wideVectors: true }];
let seed = 1;
export const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};
export const filled = <T extends TypedArray>(array: T): T => {
  for (let i = 0; i < array.length; i++) array[i] = random();
  return array;
};
/** Sums of these are exact, in any order. */
export const wholes = (size: number): Float32Array =>
  Float32Array.from({ length: size }, () => Math.round(8 * random()));
export const floats = (size: number): Float32Array => filled(new Float32Array(size));

/** Strides of a buffer that holds the axes named by `order`, outermost first; axes that are not named repeat. */
function laid(dims: readonly number[], order: readonly number[]): number[] {
  const strides = dims.map(() => 0);
  const inner = contiguousStrides(order.map((axis) => dims[axis] ?? 1));
  order.forEach((axis, i) => {
    strides[axis] = inner[i] ?? 0;
  });
  return strides;
}

export class Case {
  readonly dims: readonly number[];
  readonly groups: Required<Dims>;
  readonly at: { batch: number[]; m: number[]; n: number[]; k: number[] };
  readonly dtype: DType;
  constructor(groups: Dims, dtype: DType = "float32") {
    this.groups = { batch: [], ...groups };
    this.dtype = dtype;
    const { batch, m, n, k } = this.groups;
    this.dims = [...batch, ...m, ...n, ...k];
    let next = 0;
    const range = (sizes: readonly number[]): number[] => sizes.map(() => next++);
    this.at = { batch: range(batch), m: range(m), n: range(n), k: range(k) };
  }
  view(strides: readonly number[], offset = 0): View {
    return { shape: this.dims, offset, strides, guards: [] };
  }
  load(slot: number, strides: readonly number[], offset = 0): Expr & { kind: "load" } {
    return { kind: "load", dtype: this.dtype, slot, view: this.view(strides, offset) };
  }
  /** A row-major operand or result over the axes given. */
  order(...groups: readonly (readonly number[])[]): number[] {
    return laid(this.dims, groups.flat());
  }
  kernel(a: Expr, b: Expr, stores: readonly Store[]): ContractKernel {
    return { form: "contract", ...this.groups, dtype: this.dtype, a, b, stores };
  }
  acc(): Expr {
    return { kind: "acc", dtype: this.dtype, index: 0 };
  }
  store(slot: number, value: Expr, strides?: readonly number[], offset = 0): Store {
    const { batch, m, n } = this.at;
    return { slot, dtype: value.dtype, value, view: this.view(strides ?? this.order(batch, m, n), offset) };
  }
}

export const apply = (op: "add" | "mul" | "max" | "sub" | "tanh", ...args: readonly Expr[]): Expr => ({
  kind: "apply",
  dtype: args[0]?.dtype ?? "float32",
  op,
  args,
});

interface Reference {
  readonly expected: readonly TypedArray[];
  readonly magnitude: readonly TypedArray[];
}

/** What the interpreter makes of the kernel, and of the same with all magnitudes added up. */
function reference(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[],
): Reference {
  const expected = [...inputs, ...outputs.map((output) => output.slice())];
  const wide = (array: TypedArray): TypedArray =>
    array instanceof Float32Array ? Float64Array.from(array) : array.slice();
  runKernel(kernel, expected, params, { failed: -1, value: 0 });
  const magnitude = [...inputs, ...outputs].map((x) => wide(x).map(Math.abs));
  const sums = { ...kernel, stores: kernel.stores.map((store) => ({ ...store, value: bound(store.value) })) };
  runKernel(sums, magnitude, params.map(Math.abs), { failed: -1, value: 0 });
  return { expected, magnitude };
}

const dtypeOf = (array: TypedArray): DType =>
  array instanceof Float32Array ? "float32" : array instanceof Float64Array ? "float64" : "int32";

/** Makes the kernel, or `code` in its place as it was written for another, ready to run with slots of these contents, and to be held against the interpreter. */
export function load(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[],
  features: WasmFeatures,
  result: () => Reference = () => reference(kernel, inputs, outputs, params),
  code?: Sized,
  written?: Kernel,
): { run(): void; compare(): void } {
  const slots = [...inputs, ...outputs];
  const loaded = loadKernel(kernel, slots.map(dtypeOf), slots, params, features, code, written);
  const compare = (): void => {
    const { expected, magnitude } = result();
    loaded.slots.forEach((slot, i) => {
      slot.set(slots[i] ?? []);
    });
    loaded.run();
    if (loaded.status().failed >= 0) throw new CotangentError("contract: a check failed");
    if (!loaded.isPaddingIntact()) throw new CotangentError("contract: written outside of slots and workspace");
    loaded.slots.forEach((slot, i) => {
      if (i < inputs.length) requireSame(slot, inputs[i] ?? slot);
      else requireClose(slot, expected[i] ?? slot, magnitude[i] ?? slot, kernel.dtype);
    });
  };
  return { run: loaded.run, compare };
}

/** Runs the kernel on every feature set and compares with the interpreter. */
export function check(
  kernel: ContractKernel,
  inputs: readonly TypedArray[],
  outputs: readonly TypedArray[],
  params: readonly number[] = [],
): void {
  const result = reference(kernel, inputs, outputs, params);
  for (const features of featureSets) load(kernel, inputs, outputs, params, features, () => result).compare();
}

function requireSame(actual: TypedArray, expected: TypedArray): void {
  if (actual.some((x, i) => x !== expected[i])) throw new CotangentError("contract: an input was written to");
}

/** Rounding errors are at most a few units of the sum of all magnitudes. */
function requireClose(actual: TypedArray, expected: TypedArray, magnitude: TypedArray, dtype: DType): void {
  const unit = dtype === "float64" ? 2 ** -52 : 2 ** -23;
  let worst = 0;
  let where = -1;
  for (let i = 0; i < actual.length; i++) {
    const x = actual[i] ?? Number.NaN;
    const y = expected[i] ?? Number.NaN;
    if (Object.is(x, y)) continue;
    const error = Math.abs(x - y) / (unit * Math.abs(magnitude[i] ?? 0));
    if (!(error <= worst)) {
      worst = error;
      where = i;
    }
  }
  if (!(worst <= 4))
    throw new CotangentError(
      `contract: expected ${expected[where]} at ${where}, got ${actual[where]}: ${worst} units off`,
    );
}

/** An expression with all magnitudes added up: tanh has slope 1 at most. */
function bound(expr: Expr): Expr {
  if (expr.kind !== "apply") return expr;
  const args = expr.args.map(bound);
  if (expr.op === "sub" || expr.op === "max") return { ...expr, op: "add", args };
  if (expr.op === "tanh") return args[0] ?? expr;
  return { ...expr, args };
}

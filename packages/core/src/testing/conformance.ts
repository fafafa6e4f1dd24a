// Runs samples on a device and says where the results are not what the reference interpreter says.
import { type DType, isFloat } from "../base/dtype.ts";
import { showShape } from "../base/shape.ts";
import { realize, withoutFusion } from "../engine/engine.ts";
import { type Attrs, makeNode, type Node } from "../graph/node.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { DeviceStorage } from "../runtime/storage.ts";
import { placeOf } from "./allclose.ts";
import { nodeOf } from "./nodes.ts";
import { type Presentation, present, twice, valuesShown } from "./present.ts";
import type { Bound, Input, Operation, Sample } from "./samples/sample.ts";
import { ulpsBetween } from "./ulps.ts";

export interface Result {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly number[];
}

/** The result of an operation on a device. Its buffers are given back. */
export function evaluate(
  op: Operation,
  inputs: readonly Input[],
  attrs: Attrs,
  device: string,
  presentation: Presentation = "plain",
): Result {
  const made: Node[] = [];
  const leaf = (shape: readonly number[], values: readonly number[], dtype: DType): Node => {
    const node = nodeOf(shape, values, dtype, { device });
    made.push(node);
    return node;
  };
  const xs = inputs.map((input) => present(input, presentation, leaf));
  const y = makeNode(op, xs, attrs);
  const result = presentation === "computed" ? twice(y) : y;
  made.push(result);
  realize([result]);
  if (!(result.storage instanceof DeviceStorage)) throw new Error(`${op.name} has no values`);
  const size = result.shape.reduce((product, n) => product * n, 1);
  const values = [...deviceNamed(device).read(result.storage.buffer, result.dtype, size)];
  for (const node of made) node.storage?.release();
  return { shape: result.shape, dtype: result.dtype, values };
}

const epsilons: Partial<Record<DType, number>> = { float32: 2 ** -23, float64: 2 ** -52 };
const byReference = (op: Operation, inputs: readonly Input[], attrs: Attrs): Result =>
  withoutFusion(() => evaluate(op, inputs, attrs, "reference"));

interface Expected {
  readonly op: Operation;
  readonly attrs: Attrs;
  readonly values: readonly (readonly number[])[];
  readonly result: Result;
  /** What the bound is relative to, where it is a sum: the same of absolute values, and the number of terms. */
  readonly sizes: readonly number[];
  readonly terms: readonly number[];
}

/** The last one: a sample is shown in several ways, and mostly these are the same values. */
let known: Expected | null = null;

function expectedOf(op: Operation, inputs: readonly Input[], attrs: Attrs, bound: Bound): Expected {
  const values = inputs.map((input) => input.values);
  if (known?.op === op && known.attrs === attrs && values.every((list, i) => list === known?.values[i])) return known;
  const floatsAs = (change: (x: number) => number): readonly number[] => {
    if (bound.kind !== "sum") return [];
    const changed = inputs.map((x) => (isFloat(x.dtype) ? { ...x, values: x.values.map(change) } : x));
    return byReference(op, changed, attrs).values;
  };
  const result = byReference(op, inputs, attrs);
  known = { op, attrs, values, result, sizes: floatsAs(Math.abs), terms: floatsAs(() => 1) };
  return known;
}

/** How far the value at index i may be from y. */
function allowance(bound: Bound, dtype: DType, y: number, xs: readonly number[], size: number, terms: number): number {
  const epsilon = epsilons[dtype] ?? 0;
  switch (bound.kind) {
    case "exact":
    case "ulps":
      return 0;
    case "scaled":
      return bound.epsilons * epsilon * Math.max(Math.abs(y), bound.scale(...xs));
    case "sum":
      return bound.epsilons(terms) * epsilon * size;
  }
}

/** Whether x passes for y. */
function passes(x: number, y: number, dtype: DType, bound: Bound, allowed: number): boolean {
  if (Object.is(x, y)) return true;
  if (!isFloat(dtype) || bound.kind === "exact" || !Number.isFinite(x) || !Number.isFinite(y)) {
    // The largest finite number and infinity are neighbours.
    return bound.kind === "ulps" && Math.abs(x) > 1e38 && ulpsBetween(x, y, dtype) <= ulpsOf(bound, dtype);
  }
  if (bound.kind === "sum") return Math.abs(x - y) <= allowed;
  if (x === 0 && y === 0) return false;
  return bound.kind === "ulps" ? ulpsBetween(x, y, dtype) <= ulpsOf(bound, dtype) : Math.abs(x - y) <= allowed;
}

const ulpsOf = (bound: Bound, dtype: DType): number =>
  bound.kind !== "ulps" ? 0 : dtype === "float32" ? bound.float32 : bound.float64;

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

/** What is wrong with a sample on a device, or null. */
export function disagreement(
  op: Operation,
  { inputs, attrs }: Sample,
  declared: Bound,
  device: string,
  presentation: Presentation,
): string | null {
  const shown = inputs.map((input) => {
    const values = valuesShown(input, presentation);
    return values === input.values ? input : { ...input, values };
  });
  const { result: expected, sizes, terms } = expectedOf(op, shown, attrs, declared);
  const bound: Bound = device === "reference" ? { kind: "exact" } : declared;
  const actual = evaluate(op, inputs, attrs, device, presentation);
  const name = `${inputs.map((x) => `${x.dtype} ${showShape(x.shape)}`).join(", ")} ${JSON.stringify(attrs)} ${presentation} on ${device}`;
  if (`${actual.shape}` !== `${expected.shape}` || actual.dtype !== expected.dtype)
    return `${name}: ${actual.dtype} ${showShape(actual.shape)} instead of ${expected.dtype} ${showShape(expected.shape)}`;
  for (let i = 0; i < expected.values.length; i++) {
    const x = actual.values[i] ?? Number.NaN;
    const y = expected.values[i] ?? Number.NaN;
    const xs = shown.map((input) => input.values[input.values.length === expected.values.length ? i : 0] ?? Number.NaN);
    const allowed = allowance(bound, expected.dtype, y, xs, sizes[i] ?? 0, terms[i] ?? 0);
    if (passes(x, y, expected.dtype, bound, allowed)) continue;
    const off = isFloat(expected.dtype) ? `, ${ulpsBetween(x, y, expected.dtype)} ulps, ${allowed} allowed` : "";
    return `${name}: at ${showShape(placeOf(i, expected.shape))} ${show(x)} instead of ${show(y)}${off}; inputs there ${xs.map(show).join(", ")}`;
  }
  return null;
}

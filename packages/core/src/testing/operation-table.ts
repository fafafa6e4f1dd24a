// What the records and their samples tell of each operation: the rows of docs/operations.md.
import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { type DType, dtypes, isFloat } from "../base/dtype.ts";
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import { type Attrs, makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import { deviceNames } from "../runtime/devices.ts";
import { evaluate } from "./conformance.ts";
import type { Bound, Input, Sample } from "./samples/sample.ts";
import type { Sampled } from "./samples.ts";

export interface OperationRow {
  readonly family: string;
  readonly name: string;
  readonly kind: string;
  readonly shape: string;
  readonly dtypes: string;
  /** One for each input of a sample, true where there is a derivative. */
  readonly reverse: readonly boolean[];
  readonly forward: readonly boolean[];
  readonly second: boolean;
  readonly vmap: boolean;
  readonly devices: readonly string[];
  readonly cases: number;
}

const node = ({ shape, dtype }: Pick<Input, "shape" | "dtype">): Node =>
  unknownLeaf(shape, dtype, "reference", "table");

/** The row of an operation, without running it but for the smallest of its samples. */
export function rowOf({ family, name, record, samples }: Sampled): OperationRow {
  const { list } = samples;
  const probes = list.filter((each) => each.probes);
  const probe = probes.find(({ inputs }) => inputs.some(({ dtype }) => isFloat(dtype))) ?? probes[0] ?? list[0];
  if (!probe) throw new Error(`${name} has no samples`);
  const xs = probe.inputs.map(node);
  const y = makeNode(record, xs, probe.attrs);
  const gradients = xs.map((x) => gradientOf(y, x));
  return {
    family,
    name,
    kind: record.kind,
    shape: shapeRule(list, ({ inputs, attrs }) => record.shape(inputs.map(node), attrs)),
    dtypes: dtypeRule(list, (inputs, attrs) => record.dtype(inputs, attrs)),
    reverse: gradients.map((g) => g !== null),
    forward: xs.map((x) => isFloat(x.dtype) && isFloat(y.dtype) && forward(b, [y], [x], [x])[0] !== null),
    second: gradients.some((g, i) => {
      const [x, cotangent] = [xs[i], g?.cotangent];
      return g && x && cotangent && reverse(b, [g.value], [g.value], [x, cotangent]).some((h) => h !== null);
    }),
    vmap: isBatched(y, xs),
    devices: deviceNames().filter((device) => runsOn(device, record, probe)),
    cases: list.length,
  };
}

function gradientOf(y: Node, x: Node): { value: Node; cotangent: Node } | null {
  if (!isFloat(y.dtype) || !isFloat(x.dtype)) return null;
  const cotangent = node(y);
  const [value] = reverse(b, [y], [cotangent], [x]);
  return value ? { value, cotangent } : null;
}

function isBatched(y: Node, xs: readonly Node[]): boolean {
  const size = 2;
  const batched = xs.map(({ shape, dtype }) => node({ shape: [size, ...shape], dtype }));
  const [ys] = vectorize(b, [y], xs, batched, size);
  return ys !== undefined && sameShape(ys.shape, [size, ...y.shape]);
}

function runsOn(device: string, record: Sampled["record"], { inputs, attrs }: Sample): boolean {
  const { shape } = evaluate(record, inputs, attrs, device);
  return sameShape(shape, record.shape(inputs.map(node), attrs));
}

const numbers = (x: Attrs[string] | undefined): readonly number[] => (Array.isArray(x) ? x.map(Number) : []);
const axesOf = ({ axes, axis }: Attrs): readonly number[] => (axis === undefined ? numbers(axes) : [Number(axis)]);

/** What may be said of shapes. The first that holds for every sample is said. */
const shapeRules: readonly (readonly [
  text: string,
  holds: (xs: readonly Shape[], y: Shape, attrs: Attrs) => boolean,
])[] = [
  ["that of x", (xs, y) => xs.length === 1 && sameShape(y, xs[0] ?? [])],
  [
    "broadcast",
    (xs, y) =>
      sameShape(
        y,
        xs.reduce((a, c) => broadcastOrNone(a, c), [] as Shape),
      ),
  ],
  ["that of the first", ([x = []], y) => sameShape(y, x)],
  ["that of the second", ([, x], y) => x !== undefined && sameShape(y, x)],
  ["that of the last", (xs, y) => xs.length > 1 && sameShape(y, xs.at(-1) ?? [])],
  ["`shape`", (_, y, { shape }) => shape !== undefined && sameShape(y, numbers(shape))],
  ["`size`", (_, y, { size }) => Array.isArray(size) && sameShape(y, numbers(size))],
  [
    "x without `axes`",
    ([x = []], y, attrs) =>
      sameShape(
        y,
        x.filter((_, i) => !axesOf(attrs).includes(i)),
      ),
  ],
  [
    "x with its axes in the order of `axes`",
    ([x = []], y, { axes }) =>
      sameShape(
        y,
        numbers(axes).map((i) => x[i] ?? -1),
      ),
  ],
  [
    "joined along `axis`",
    (xs, y, { axis }) =>
      xs.every((x) => sameShape(x.toSpliced(Number(axis), 1), y.toSpliced(Number(axis), 1))) &&
      xs.reduce((sum, x) => sum + (x[Number(axis)] ?? 0), 0) === y[Number(axis)],
  ],
  [
    "x with the index in the place of `axis`",
    ([x = [], index = []], y, { axis, batch }) =>
      sameShape(y, x.toSpliced(Number(axis), 1, ...index.slice(Number(batch ?? 0)))),
  ],
  ["x with `size` at `axis`", ([x = []], y, { axis, size }) => sameShape(y, x.with(Number(axis), Number(size)))],
  [
    "`low` + x + `high`, `interior` apart",
    ([x = []], y, { low, high, interior }) =>
      low !== undefined &&
      sameShape(
        y,
        x.map(
          (n, i) =>
            Math.max(0, (n - 1) * (numbers(interior)[i] ?? 1) + 1) + (numbers(low)[i] ?? 0) + (numbers(high)[i] ?? 0),
        ),
      ),
  ],
  [
    "[…, m, k] × […, k, n] to […, m, n]",
    ([x = [], w = []], y) =>
      x.length > 1 &&
      w.length > 1 &&
      sameShape(y.slice(-2), [x.at(-2) ?? 0, w.at(-1) ?? 0]) &&
      sameShape(y.slice(0, -2), broadcastOrNone(x.slice(0, -2), w.slice(0, -2))),
  ],
];

function broadcastOrNone(x: Shape, y: Shape): Shape {
  try {
    return broadcastShapes("table", x, y);
  } catch {
    return [Number.NaN];
  }
}

/** A rule where one holds, else the sample of the most axes. */
function shapeRule(list: readonly Sample[], shapeOf: (sample: Sample) => Shape): string {
  const known = list.map((sample) => ({
    xs: sample.inputs.map(({ shape }) => shape),
    y: shapeOf(sample),
    attrs: sample.attrs,
  }));
  const rule = shapeRules.find(([, holds]) => known.every(({ xs, y, attrs }) => holds(xs, y, attrs)));
  if (rule) return rule[0];
  const telling = known
    .filter(({ y }) => sizeOf(y) > 0)
    .reduce((best, each) => (each.xs.flat().length > best.xs.flat().length ? each : best));
  const settings = Object.entries(telling.attrs)
    .filter(([, value]) => typeof value !== "string")
    .map(([key, value]) => `${key} ${JSON.stringify(value).replaceAll(",", ", ")}`);
  const from = telling.xs.map(showShape).join(", ");
  return [`${from} to ${showShape(telling.y)}`, ...settings].join("; ");
}

const classes: readonly (readonly [name: string, members: readonly DType[]])[] = [
  ["any", dtypes],
  ["numbers", dtypes.filter((dtype) => dtype !== "bool")],
  ["floats", dtypes.filter(isFloat)],
  ["bits", dtypes.filter((dtype) => !isFloat(dtype))],
];

const classOf = (members: readonly DType[]): string =>
  classes.find(([, all]) => all.length === members.length && all.every((x) => members.includes(x)))?.[0] ??
  members.join(", ");

/**
 * The dtypes that an operation takes and gives. Inputs of one dtype in a sample change it together, floats if there are any;
 * the others keep theirs.
 */
function dtypeRule(list: readonly Sample[], resultOf: (inputs: readonly Node[], attrs: Attrs) => DType): string {
  const typical = list.find(({ inputs }) => inputs.some(({ dtype }) => dtype === "float32")) ?? list[0];
  if (!typical) return "";
  const main = typical.inputs.find(({ dtype }) => isFloat(dtype))?.dtype ?? typical.inputs[0]?.dtype;
  const results = new Map<DType, DType>();
  for (const dtype of dtypes) {
    const inputs = typical.inputs.map((x) => node(x.dtype === main ? { ...x, dtype } : x));
    const result = accepted(() => resultOf(inputs, typical.attrs));
    if (result) results.set(dtype, result);
  }
  const given = classOf([...results.keys()]);
  const parts = typical.inputs.map(({ dtype }) => (dtype === main ? given : dtype));
  const taken = new Set(parts).size === 1 ? given : `(${parts.slice(0, 4).join(", ")})`;
  const isSame = [...results].every(([from, to]) => from === to);
  const gives = new Set(results.values());
  if (isSame) return `${taken} → same`;
  if (gives.size === 1) return `${taken} → ${"dtype" in typical.attrs ? "`dtype`" : [...gives][0]}`;
  const changed = [...results].filter(([from, to]) => from !== to);
  return `${taken} → same; ${changed.map(([from]) => from).join(", ")} → ${[...new Set(changed.map(([, to]) => to))].join(", ")}`;
}

function accepted<T>(body: () => T): T | null {
  try {
    return body();
  } catch {
    return null;
  }
}

/** The distance of x from y in units of the last place of `dtype` at the size of `scale`. */
function ulpsAt(x: number, y: number, scale: number, dtype: DType): number {
  const [bits, least] = dtype === "float32" ? [23, -126] : [52, -1022];
  const exponent = scale === 0 ? least : Math.max(least, Math.floor(Math.log2(scale)));
  return Math.abs(x - y) / 2 ** (exponent - bits);
}

/**
 * The largest error over the samples of a dtype on a device, in units of the last place: of float32 against the same inputs
 * in double precision, of float64 against the reference device. Sums count against the sum of absolute values, and formulas
 * that cancel against the size of what cancels, as their bounds do. Null where nothing floats.
 */
export function largestError(
  { record, samples }: Sampled,
  dtype: "float32" | "float64",
  device: string,
): number | null {
  let largest: number | null = null;
  for (const { inputs, attrs } of samples.list) {
    if (!inputs.some((x) => x.dtype === dtype)) continue;
    const actual = evaluate(record, inputs, attrs, device);
    if (actual.dtype !== dtype) continue;
    const exact = inputs.map((x) =>
      x.dtype === "float32" ? { ...x, dtype: "float64" as const, values: x.values.map(Math.fround) } : x,
    );
    const expected = evaluate(record, exact, attrs, "reference").values;
    const sizes =
      samples.bound.kind === "sum"
        ? evaluate(
            record,
            exact.map((x) => (isFloat(x.dtype) ? { ...x, values: x.values.map(Math.abs) } : x)),
            attrs,
            "reference",
          ).values
        : [];
    const [smallest, most] = dtype === "float32" ? [2 ** -126, 2 ** 128 - 2 ** 103] : [2 ** -1022, Number.MAX_VALUE];
    for (const [i, y] of expected.entries()) {
      const x = actual.values[i] ?? Number.NaN;
      // What is too large for the dtype is infinite and has no last place, what is too small loses places.
      const isSmall = (v: number): boolean => v !== 0 && Math.abs(v) < smallest;
      if (!Number.isFinite(x) || !(Math.abs(y) < most) || isSmall(y)) continue;
      if (inputs.some(({ values }) => values.length === expected.length && isSmall(values[i] ?? 0))) continue;
      const scale = Math.max(Math.abs(y), sizes[i] ?? 0, cancelled(samples.bound, exact, i, expected.length));
      largest = Math.max(largest ?? 0, ulpsAt(x, y, scale, dtype));
    }
  }
  return largest;
}

const cancelled = (bound: Bound, inputs: readonly Input[], i: number, count: number): number =>
  bound.kind !== "scaled"
    ? 0
    : bound.scale(...inputs.map(({ values }) => values[values.length === count ? i : 0] ?? 0));

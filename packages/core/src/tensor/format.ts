// Tensors as text: nested rows, long ones cut short.
import type { DType, TypedArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";

/** The method that Node's console asks for text. */
export const inspect: symbol = Symbol.for("nodejs.util.inspect.custom");

/** Larger tensors show only the ends of their long axes. */
const maxElements = 1000;
const edge = 3;
const digits = 5;

function formatNumber(x: number, dtype: DType): string {
  if (dtype === "bool") return x === 0 ? "false" : "true";
  return String(Number.isInteger(x) ? x : Number(x.toPrecision(digits)));
}

/** The values in brackets, aligned, each row of the last axis on a line of its own; `indent` spaces precede later lines. */
export function formatValues(values: TypedArray, shape: Shape, dtype: DType, indent = 0): string {
  const isCut = values.length > maxElements;
  /** The positions of an axis to show; null for what is left out. */
  const shownAlong = (n: number): (number | null)[] =>
    isCut && n > 2 * edge
      ? [...Array(edge).keys(), null, ...[...Array(edge).keys()].map((i) => n - edge + i)]
      : [...Array(n).keys()];
  const texts: string[] = [];
  const collect = (axis: number, at: number): void => {
    if (axis === shape.length) texts.push(formatNumber(values[at] ?? Number.NaN, dtype));
    else for (const i of shownAlong(shape[axis] ?? 0)) if (i !== null) collect(axis + 1, at * (shape[axis] ?? 0) + i);
  };
  collect(0, 0);
  const width = shape.length > 1 ? Math.max(0, ...texts.map((text) => text.length)) : 0;
  let next = 0;
  const build = (axis: number): string => {
    if (axis === shape.length) return (texts[next++] ?? "").padStart(width);
    const parts = shownAlong(shape[axis] ?? 0).map((i) => (i === null ? "…" : build(axis + 1)));
    const inner = shape.length - axis - 1;
    const gap = inner === 0 ? ", " : `,${"\n".repeat(inner)}${" ".repeat(indent + axis + 1)}`;
    return `[${parts.join(gap)}]`;
  };
  return build(0);
}

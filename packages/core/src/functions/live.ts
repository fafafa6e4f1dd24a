// Values that a compiled function reads at each call, although it is built once.
import type { DType } from "../base/dtype.ts";
import { trace } from "../engine/trace.ts";
import type { Node } from "../graph/node.ts";
import { scalarNode } from "../ops/source.ts";
import { defaultDevice } from "../runtime/devices.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What `live` makes of a value: numbers are scalars, all else is itself. */
export type Live<T> = T extends number
  ? Tensor<[]>
  : T extends Readonly<Record<string, unknown>>
    ? { readonly [K in keyof T]: LiveField<T[K]> }
    : T;

type LiveField<T> = T extends number ? Tensor<[]> : T;

export interface LiveOptions {
  /** Of numbers; float32 by default. */
  readonly dtype?: DType;
  readonly device?: string;
}

/**
 * What `read` returns, for functions that may be compiled: such a function runs once, and later calls repeat what it
 * built. Numbers become scalars that each call reads anew. Anything else is watched: the function is traced again
 * when it is not what it was. Outside of `compile` it is read once, now.
 * @param read a function without effects that returns a number, another plain value, or an object of them, whose
 * fields are the same each time
 * @param options dtype (float32 by default) and device of numbers
 * @returns a scalar for a number, an object with scalars for numbers, and otherwise what `read` returned
 * @example (await compile((x) => x.mul(live(() => 3)))(tensor(2)).item()) // 6
 */
export function live<const T>(read: () => T, options: LiveOptions = {}): Live<T> {
  const { dtype = "float32", device = defaultDevice().name } = options;
  const value = read();
  if (!isPlainObject(value)) {
    const node = typeof value === "number" ? scalarNode(value, dtype, device) : null;
    trace?.actions.push({ kind: "reading", read: () => [read()], nodes: [node], values: [value], advances: false });
    return (node === null ? value : new Tensor(node)) as Live<T>;
  }
  const nodes: (Node | null)[] = [];
  const shown: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const part = value[key];
    const node = typeof part === "number" ? scalarNode(part, dtype, device) : null;
    nodes.push(node);
    shown[key] = node === null ? part : new Tensor(node);
  }
  if (trace !== null) {
    const values = Object.values(value);
    trace.actions.push({ kind: "reading", read: () => Object.values(read() ?? {}), nodes, values, advances: false });
  }
  return shown as Live<T>;
}

function isPlainObject(x: unknown): x is Record<string, unknown> {
  return x !== null && typeof x === "object" && Object.getPrototypeOf(x) === Object.prototype;
}

/** Numbers that `advance` makes and that change something as they are made: each call makes new ones, in the same order. */
export function drawnNumbers(advance: () => readonly number[], dtype: DType, device: string): Node[] {
  const values = advance();
  const nodes = values.map((value) => scalarNode(value, dtype, device));
  trace?.actions.push({ kind: "reading", read: advance, nodes, values, advances: true });
  return nodes;
}

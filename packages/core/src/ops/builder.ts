// The builder of graph nodes: the vocabulary of formulas, on nodes. What changes nothing builds nothing.
import type { DType } from "../base/dtype.ts";
import { type Shape, sameShape } from "../base/shape.ts";
import type { Builder } from "../graph/algebra.ts";
import { makeNode, type Node } from "../graph/node.ts";
import * as arithmetic from "./arithmetic.ts";
import { axesAttrs, castAttrs, checkAttrs, contractionAttrs, shapeAttrs, sliceAttrs } from "./attrs.ts";
import { cast } from "./cast.ts";
import * as compare from "./compare.ts";
import { contract } from "./contract.ts";
import { sum } from "./reduce.ts";
import { constantNode, iotaNode } from "./source.ts";
import * as transcendental from "./transcendental.ts";
import * as view from "./view.ts";

const tables = new Map<string, Map<number, Node>>();
let recentDType: DType = "float32";
let recentDevice = "";
let recentTable = new Map<number, Node>();

/** A literal, the same node each time: formulas ask for few numbers, but often. */
function literal(value: number, dtype: DType, device: string): Node {
  if (Object.is(value, -0)) return constantNode(value, dtype, device);
  if (dtype !== recentDType || device !== recentDevice) {
    const key = `${dtype} ${device}`;
    const table = tables.get(key);
    recentTable = table ?? new Map<number, Node>();
    if (!table) tables.set(key, recentTable);
    recentDType = dtype;
    recentDevice = device;
  }
  const known = recentTable.get(value);
  // One that somebody computed or disposed of belongs to them.
  if (known && known.storage === null && known.gone === null) return known;
  if (recentTable.size > 4096) recentTable.clear();
  const made = constantNode(value, dtype, device);
  recentTable.set(value, made);
  return made;
}

const isLiteral = (x: Node, value: number): boolean => x.opKind === "constant" && Object.is(x.attrs.value, value);

const isIdentity = (axes: readonly number[]): boolean => {
  for (let i = 0; i < axes.length; i++) if (axes[i] !== i) return false;
  return true;
};

const isFilled = (list: Shape, value: number): boolean => list.every((n) => n === value);

export const builder: Builder = {
  num: (value, like) => literal(value, like.dtype, like.device),
  dtypeOf: (x) => x.dtype,
  neg: (x) => makeNode(arithmetic.neg, [x]),
  abs: (x) => makeNode(arithmetic.abs, [x]),
  exp: (x) => makeNode(transcendental.exp, [x]),
  expm1: (x) => makeNode(transcendental.expm1, [x]),
  log: (x) => makeNode(transcendental.log, [x]),
  log1p: (x) => makeNode(transcendental.log1p, [x]),
  sin: (x) => makeNode(transcendental.sin, [x]),
  cos: (x) => makeNode(transcendental.cos, [x]),
  tan: (x) => makeNode(transcendental.tan, [x]),
  tanh: (x) => makeNode(transcendental.tanh, [x]),
  erf: (x) => makeNode(transcendental.erf, [x]),
  sqrt: (x) => makeNode(transcendental.sqrt, [x]),
  floor: (x) => makeNode(arithmetic.floor, [x]),
  ceil: (x) => makeNode(arithmetic.ceil, [x]),
  trunc: (x) => makeNode(arithmetic.trunc, [x]),
  round: (x) => makeNode(arithmetic.round, [x]),
  not: (x) => makeNode(compare.not, [x]),
  add: (a, b) => makeNode(arithmetic.add, [a, b]),
  sub: (a, b) => makeNode(arithmetic.sub, [a, b]),
  mul: (a, b) => (isLiteral(b, 1) ? a : isLiteral(a, 1) ? b : makeNode(arithmetic.mul, [a, b])),
  div: (a, b) => (isLiteral(b, 1) ? a : makeNode(arithmetic.div, [a, b])),
  pow: (a, b) => makeNode(transcendental.pow, [a, b]),
  min: (a, b) => makeNode(compare.minimum, [a, b]),
  max: (a, b) => makeNode(compare.maximum, [a, b]),
  mod: (a, b) => makeNode(arithmetic.mod, [a, b]),
  atan2: (a, b) => makeNode(transcendental.atan2, [a, b]),
  and: (a, b) => makeNode(compare.and, [a, b]),
  or: (a, b) => makeNode(compare.or, [a, b]),
  xor: (a, b) => makeNode(compare.xor, [a, b]),
  shl: (a, b) => makeNode(compare.shl, [a, b]),
  shr: (a, b) => makeNode(compare.shr, [a, b]),
  eq: (a, b) => makeNode(compare.eq, [a, b]),
  ne: (a, b) => makeNode(compare.ne, [a, b]),
  lt: (a, b) => makeNode(compare.lt, [a, b]),
  le: (a, b) => makeNode(compare.le, [a, b]),
  select: (condition, a, b) => makeNode(compare.select, [condition, a, b]),
  cast: (x, dtype) => (x.dtype === dtype ? x : makeNode(cast, [x], castAttrs(dtype))),
  check: (x, bound, what) => makeNode(compare.check, [x], checkAttrs(bound, what)),

  reshape(x, shape) {
    if (sameShape(x.shape, shape)) return x;
    const inner = x.inputs[0];
    const through = x.op === view.reshape && x.storage === null && inner ? inner : x;
    return sameShape(through.shape, shape) ? through : makeNode(view.reshape, [through], shapeAttrs(shape));
  },
  permute: (x, axes) => (isIdentity(axes) ? x : makeNode(view.permute, [x], axesAttrs(axes))),
  expand: (x, shape) => (sameShape(x.shape, shape) ? x : makeNode(view.expand, [x], shapeAttrs(shape))),
  slice(x, start, step, size) {
    const whole = sameShape(x.shape, size) && isFilled(start, 0) && isFilled(step, 1);
    return whole ? x : makeNode(view.slice, [x], sliceAttrs(start, step, size));
  },
  pad(x, low, high, interior) {
    const bare = isFilled(low, 0) && isFilled(high, 0) && isFilled(interior, 1);
    return bare ? x : makeNode(view.pad, [x], { low, high, interior });
  },
  windows: (x, { axes, size, step, dilation }) => makeNode(view.windows, [x], { axes, size, step, dilation }),
  fold: (x, { axes, size, step, dilation, shape }) => makeNode(view.fold, [x], { axes, size, step, dilation, shape }),
  sum: (x, axes) => (axes.length === 0 ? x : makeNode(sum, [x], axesAttrs(axes))),
  contract: (a, b, contraction) => makeNode(contract, [a, b], contractionAttrs(contraction)),
  iota: (n, like) => iotaNode(n, like.device),
  fill: (value, shape, like) => builder.expand(literal(value, like.dtype, like.device), shape),
};

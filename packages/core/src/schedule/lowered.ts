// The lowered graph: a node graph with every record opened up into a few kinds. Equal nodes are one node.
import type { DType } from "../base/dtype.ts";
import { isFloat } from "../base/dtype.ts";
import type { FoldOp, Instruction } from "../base/instruction.ts";
import { broadcastShapes, contiguousStrides, type Shape, sameShape, sizeOf } from "../base/shape.ts";
import { type ViewOp, viewShape } from "../base/view.ts";
import type { Contraction, Lowering } from "../graph/algebra.ts";
import type { Attrs } from "../graph/node.ts";
import type { Check } from "../kernel/ir.ts";
import { extents, freeAxes } from "./contract.ts";
import { asSumOfProducts } from "./matrix-vector.ts";
import { type Cut, cutAxes, cutOfContract, cutOfReduce, cutShape, partsAxis } from "./two-steps.ts";

export type Body =
  /** A computed buffer: plan input number `index`. */
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "param"; readonly index: number }
  | { readonly kind: "literal"; readonly value: number }
  | { readonly kind: "iota" }
  /** Arguments broadcast to the node's shape. */
  | { readonly kind: "apply"; readonly op: Instruction; readonly args: readonly Lowered[]; readonly check: number }
  | {
      readonly kind: "view";
      readonly x: Lowered;
      readonly op: ViewOp;
      readonly fill: number;
      /** Values that must be there before this one is read. */
      readonly after?: readonly Lowered[];
    }
  | { readonly kind: "reduce"; readonly op: FoldOp; readonly x: Lowered; readonly axes: readonly number[] }
  | { readonly kind: "contract"; readonly a: Lowered; readonly b: Lowered; readonly contraction: Contraction }
  /** A buffer that its parts are written into: they are places. */
  | { readonly kind: "join"; readonly parts: readonly Lowered[] }
  /** x on its way into its box of a join. */
  | { readonly kind: "place"; readonly x: Lowered; readonly box: Box }
  | {
      readonly kind: "routine";
      readonly name: string;
      readonly inputs: readonly Lowered[];
      readonly numbers: readonly number[];
      readonly check: number;
    };

/** Part of a contiguous buffer: where it starts, and the strides of its axes. */
export interface Box {
  readonly offset: number;
  readonly strides: Shape;
}

export interface Lowered {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly body: Body;
  /** The name of the operation that came to need it first. */
  readonly operation: string;
}

export const argumentsOf = ({ body }: Pick<Lowered, "body">): readonly Lowered[] => {
  switch (body.kind) {
    case "apply":
      return body.args;
    case "view":
    case "reduce":
    case "place":
      return [body.x];
    case "contract":
      return [body.a, body.b];
    case "join":
      return body.parts;
    case "routine":
      return body.inputs;
    default:
      return [];
  }
};

/** The ends of the formulas of some nodes: the first on each way down, from these nodes on, for which `isEnd` holds. */
export function endsBelow(nodes: readonly Lowered[], isEnd: (node: Lowered) => boolean): Set<Lowered> {
  const ends = new Set<Lowered>();
  const seen = new Set<Lowered>();
  const stack = [...nodes];
  for (let x = stack.pop(); x; x = stack.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    if (isEnd(x)) ends.add(x);
    else stack.push(...argumentsOf(x));
  }
  return ends;
}

const comparisons: ReadonlySet<Instruction> = new Set<Instruction>(["eq", "ne", "lt", "le"]);

interface Piece {
  readonly start: number;
  readonly x: Lowered;
}

/** Values side by side along an axis, in order, with zeros between them. */
interface Pieces {
  readonly axis: number;
  readonly parts: readonly Piece[];
}

const endOf = (piece: Piece | undefined, axis: number): number =>
  piece ? piece.start + (piece.x.shape[axis] ?? 0) : 0;

/** The one piece of a value padded with zeros along one axis. */
function padded({ body }: Lowered): Pieces | null {
  if (body.kind !== "view" || body.op.kind !== "pad" || body.fill !== 0) return null;
  const { low, high, interior } = body.op;
  const axes = low.flatMap((n, axis) => (n > 0 || (high[axis] ?? 0) > 0 ? [axis] : []));
  const [axis] = axes;
  if (axis === undefined || axes.length > 1 || interior.some((n) => n !== 1)) return null;
  return { axis, parts: [{ start: low[axis] ?? 0, x: body.x }] };
}

/** Whether there are no zeros left. */
const isWhole = ({ axis, parts }: Pieces, shape: Shape): boolean =>
  parts.every(({ start }, i) => start === endOf(parts[i - 1], axis)) && endOf(parts.at(-1), axis) === shape[axis];

/** Builds the lowered graph, finding equal nodes once. */
export class LoweredGraph implements Lowering<Lowered> {
  readonly checks: Check[] = [];
  /** The joins that places belong to. */
  readonly homes: Map<Lowered, Lowered> = new Map<Lowered, Lowered>();
  /** The operation that nodes are made for from here on. */
  operation = "";
  private readonly known = new Map<string, Lowered>();
  private readonly sums = new Map<Lowered, Pieces>();

  private intern(key: string, shape: Shape, dtype: DType, body: Body): Lowered {
    const found = this.known.get(key);
    if (found) return found;
    const node: Lowered = { id: this.known.size, shape, dtype, body, operation: this.operation };
    this.known.set(key, node);
    return node;
  }

  input(index: number, shape: Shape, dtype: DType): Lowered {
    return this.intern(`i${index}`, shape, dtype, { kind: "input", index });
  }
  param(index: number, dtype: DType): Lowered {
    return this.intern(`p${index}`, [], dtype, { kind: "param", index });
  }
  literal(value: number, dtype: DType): Lowered {
    return this.intern(`l${dtype}${show(value)}`, [], dtype, { kind: "literal", value });
  }
  iota(n: number): Lowered {
    return this.intern(`n${n}`, [n], "int32", { kind: "iota" });
  }
  shapeOf(x: Lowered): Shape {
    return x.shape;
  }
  dtypeOf(x: Lowered): DType {
    return x.dtype;
  }
  num(value: number, like: Lowered): Lowered {
    return this.literal(value, like.dtype);
  }

  view(x: Lowered, op: ViewOp, fill = 0): Lowered {
    const shape = viewShape(x.shape, op);
    const inner = x.body;
    // No elements of x: nothing of it has to be computed.
    if (shape.includes(0) && !x.shape.includes(0) && inner.kind !== "literal") return this.empty(shape, x.dtype);
    if (op.kind === "reshape" || op.kind === "expand") {
      if (sameShape(shape, x.shape)) return x;
      if (op.kind === "reshape" && inner.kind === "view" && inner.op.kind === "reshape" && !inner.after)
        return this.view(inner.x, op);
    } else if (op.kind === "permute") {
      if (op.axes.every((axis, i) => axis === i)) return x;
      if (inner.kind === "view" && inner.op.kind === "permute") {
        const first = inner.op.axes;
        return this.view(inner.x, { kind: "permute", axes: op.axes.map((axis) => first[axis] ?? 0) });
      }
    } else if (op.kind === "slice") {
      if (sameShape(shape, x.shape) && op.start.every((s) => s === 0) && op.step.every((s) => s === 1)) return x;
    } else if (op.kind === "pad") {
      if ([...op.low, ...op.high].every((n) => n === 0) && op.interior.every((n) => n === 1)) return x;
    }
    return this.intern(`v${x.id};${show(fill)};${JSON.stringify(op)}`, shape, x.dtype, { kind: "view", x, op, fill });
  }

  /** What has no elements reads nothing, so that no kernel of anything else takes it in. */
  private empty(shape: Shape, dtype: DType): Lowered {
    return this.view(this.literal(0, dtype), { kind: "expand", shape });
  }

  after(x: Lowered, others: readonly Lowered[]): Lowered {
    const op: ViewOp = { kind: "reshape", shape: x.shape };
    const key = `w${x.id};${others.map((other) => other.id)}`;
    return this.intern(key, x.shape, x.dtype, { kind: "view", x, op, fill: 0, after: others });
  }

  reduce(op: FoldOp, x: Lowered, axes: readonly number[]): Lowered {
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    const positions = op === "argmax" || op === "argmin";
    if (axes.every((axis) => x.shape[axis] === 1)) {
      if (!positions) return this.view(x, { kind: "reshape", shape });
      return this.view(this.literal(0, "int32"), { kind: "expand", shape });
    }
    const cut = cutOfReduce(op, x.shape, axes);
    if (cut) {
      const parts = this.reduce(
        op,
        this.view(x, { kind: "reshape", shape: cutShape(x.shape, cut) }),
        cutAxes(axes, cut),
      );
      const at = cut.axis - axes.filter((axis) => axis < cut.axis).length;
      return this.reduce(op, parts, [at]);
    }
    return this.intern(`r${op};${x.id};${axes}`, shape, positions ? "int32" : x.dtype, { kind: "reduce", op, x, axes });
  }

  contract(a: Lowered, b: Lowered, contraction: Contraction): Lowered {
    const { batchA, batchB, contractA, contractB } = contraction;
    const shape = [
      ...extents(a, [...batchA, ...freeAxes(a, batchA, contractA)]),
      ...extents(b, freeAxes(b, batchB, contractB)),
    ];
    const sums = asSumOfProducts(this, a, b, contraction);
    if (sums) return this.view(sums, { kind: "reshape", shape });
    const cut = cutOfContract(a.shape, b.shape, contraction);
    if (cut) {
      const cutB: Cut = { ...cut, axis: contractB[contractA.indexOf(cut.axis)] ?? 0 };
      const parts = this.contract(
        this.view(a, { kind: "reshape", shape: cutShape(a.shape, cut) }),
        this.view(b, { kind: "reshape", shape: cutShape(b.shape, cutB) }),
        {
          batchA: [partsAxis(cut), ...cutAxes(batchA, cut)],
          batchB: [partsAxis(cutB), ...cutAxes(batchB, cutB)],
          contractA: cutAxes(contractA, cut),
          contractB: cutAxes(contractB, cutB),
        },
      );
      return this.reduce("add", parts, [0]);
    }
    const key = `c${a.id},${b.id};${batchA};${batchB};${contractA};${contractB}`;
    return this.intern(key, shape, a.dtype, { kind: "contract", a, b, contraction });
  }

  join(parts: readonly Lowered[], starts: readonly Shape[], shape: Shape): Lowered {
    const key = `j${parts.map((p) => p.id)};${JSON.stringify(starts)};${shape}`;
    const strides = contiguousStrides(shape);
    const places = parts.flatMap((x, i): Lowered[] => {
      if (x.shape.includes(0)) return [];
      const offset = strides.reduce((sum, stride, axis) => sum + stride * (starts[i]?.[axis] ?? 0), 0);
      return [this.intern(`${key};${i}`, x.shape, x.dtype, { kind: "place", x, box: { offset, strides } })];
    });
    const joined = this.intern(key, shape, parts[0]?.dtype ?? "float32", { kind: "join", parts: places });
    for (const place of places) this.homes.set(place, joined);
    return joined;
  }

  routine(name: string, inputs: readonly Lowered[], shape: Shape, dtype: DType, attrs: Attrs): Lowered {
    const { numbers, what, bound, problem } = attrs;
    const list = Array.isArray(numbers) ? numbers.map(Number) : [];
    const check =
      typeof what === "string" && typeof bound === "number"
        ? this.addCheck(typeof problem === "string" ? { what, bound, problem } : { what, bound })
        : -1;
    const key = `f${name};${inputs.map((x) => x.id)};${list};${shape};${dtype};${check}`;
    return this.intern(key, shape, dtype, { kind: "routine", name, inputs, numbers: list, check });
  }

  private addCheck({ what, bound, problem }: Check): number {
    const found = this.checks.findIndex((c) => c.what === what && c.bound === bound && c.problem === problem);
    return found >= 0
      ? found
      : this.checks.push(problem === undefined ? { what, bound } : { what, bound, problem }) - 1;
  }

  private apply(op: Instruction, dtype: DType, args: readonly Lowered[], check = -1): Lowered {
    let shape: Shape = [];
    for (const arg of args) shape = broadcastShapes(op, shape, arg.shape);
    // What has elements and meets what has none need not be computed either.
    if (shape.includes(0)) return this.empty(shape, dtype);
    const key = `a${op};${dtype};${args.map((x) => x.id)};${check}`;
    return this.intern(key, shape, dtype, { kind: "apply", op, args, check });
  }
  private unary(op: Instruction, x: Lowered): Lowered {
    return this.apply(op, x.dtype, [x]);
  }
  private binary(op: Instruction, a: Lowered, b: Lowered): Lowered {
    return this.apply(op, comparisons.has(op) ? "bool" : a.dtype, [a, b]);
  }

  neg(x: Lowered): Lowered {
    if (x.body.kind === "literal" && isFloat(x.dtype)) return this.literal(-x.body.value, x.dtype);
    if (x.body.kind === "apply" && x.body.op === "neg" && x.body.args[0]) return x.body.args[0];
    return this.unary("neg", x);
  }
  abs(x: Lowered): Lowered {
    return this.unary("abs", x);
  }
  exp(x: Lowered): Lowered {
    return this.unary("exp", x);
  }
  expm1(x: Lowered): Lowered {
    return this.unary("expm1", x);
  }
  log(x: Lowered): Lowered {
    return this.unary("log", x);
  }
  log1p(x: Lowered): Lowered {
    return this.unary("log1p", x);
  }
  sin(x: Lowered): Lowered {
    return this.unary("sin", x);
  }
  cos(x: Lowered): Lowered {
    return this.unary("cos", x);
  }
  tan(x: Lowered): Lowered {
    return this.unary("tan", x);
  }
  tanh(x: Lowered): Lowered {
    return this.unary("tanh", x);
  }
  erf(x: Lowered): Lowered {
    return this.unary("erf", x);
  }
  sqrt(x: Lowered): Lowered {
    return this.unary("sqrt", x);
  }
  floor(x: Lowered): Lowered {
    return this.unary("floor", x);
  }
  ceil(x: Lowered): Lowered {
    return this.unary("ceil", x);
  }
  trunc(x: Lowered): Lowered {
    return this.unary("trunc", x);
  }
  round(x: Lowered): Lowered {
    return this.unary("round", x);
  }
  not(x: Lowered): Lowered {
    return this.unary("not", x);
  }
  add(a: Lowered, b: Lowered): Lowered {
    const all = this.pieces(a, b);
    if (all && isWhole(all, a.shape)) {
      const starts = all.parts.map(({ start }) => a.shape.map((_, axis) => (axis === all.axis ? start : 0)));
      return this.join(
        all.parts.map(({ x }) => x),
        starts,
        a.shape,
      );
    }
    const sum = this.binary("add", a, b);
    if (all) this.sums.set(sum, all);
    return sum;
  }

  /** What a sum consists of, if its terms are padded along one axis and do not meet: the gradient of a split. */
  private pieces(a: Lowered, b: Lowered): Pieces | null {
    const [left, right] = [this.sums.get(a) ?? padded(a), this.sums.get(b) ?? padded(b)];
    if (!left || !right || left.axis !== right.axis || !sameShape(a.shape, b.shape)) return null;
    const { axis } = left;
    const parts = [...left.parts, ...right.parts].sort((p, q) => p.start - q.start);
    const meets = parts.some(({ start }, i) => i > 0 && start < endOf(parts[i - 1], axis));
    return meets ? null : { axis, parts };
  }
  sub(a: Lowered, b: Lowered): Lowered {
    return this.binary("sub", a, b);
  }
  mul(a: Lowered, b: Lowered): Lowered {
    if (isOne(b) && fits(b, a)) return a;
    if (isOne(a) && fits(a, b)) return b;
    return this.binary("mul", a, b);
  }
  div(a: Lowered, b: Lowered): Lowered {
    return isOne(b) && fits(b, a) ? a : this.binary("div", a, b);
  }
  pow(a: Lowered, b: Lowered): Lowered {
    return this.binary("pow", a, b);
  }
  min(a: Lowered, b: Lowered): Lowered {
    return this.binary("min", a, b);
  }
  max(a: Lowered, b: Lowered): Lowered {
    return this.binary("max", a, b);
  }
  mod(a: Lowered, b: Lowered): Lowered {
    return this.binary("mod", a, b);
  }
  atan2(a: Lowered, b: Lowered): Lowered {
    return this.binary("atan2", a, b);
  }
  and(a: Lowered, b: Lowered): Lowered {
    return this.binary("and", a, b);
  }
  or(a: Lowered, b: Lowered): Lowered {
    return this.binary("or", a, b);
  }
  xor(a: Lowered, b: Lowered): Lowered {
    return this.binary("xor", a, b);
  }
  shl(a: Lowered, b: Lowered): Lowered {
    return this.binary("shl", a, b);
  }
  shr(a: Lowered, b: Lowered): Lowered {
    return this.binary("shr", a, b);
  }
  eq(a: Lowered, b: Lowered): Lowered {
    return this.binary("eq", a, b);
  }
  ne(a: Lowered, b: Lowered): Lowered {
    return this.binary("ne", a, b);
  }
  lt(a: Lowered, b: Lowered): Lowered {
    return this.binary("lt", a, b);
  }
  le(a: Lowered, b: Lowered): Lowered {
    return this.binary("le", a, b);
  }
  select(condition: Lowered, a: Lowered, b: Lowered): Lowered {
    return this.apply("select", a.dtype, [condition, a, b]);
  }
  cast(x: Lowered, dtype: DType): Lowered {
    return x.dtype === dtype ? x : this.apply("cast", dtype, [x]);
  }
  check(x: Lowered, bound: number, what: string): Lowered {
    return this.apply("check", x.dtype, [x], this.addCheck({ what, bound }));
  }
}

const show = (value: number): string => (Object.is(value, -0) ? "-0" : `${value}`);
const isOne = (x: Lowered): boolean => x.body.kind === "literal" && x.body.value === 1;
/** Dropping a literal must not change the result's shape. */
const fits = (literal: Lowered, other: Lowered): boolean =>
  literal.shape.length <= other.shape.length && sizeOf(literal.shape) === 1;

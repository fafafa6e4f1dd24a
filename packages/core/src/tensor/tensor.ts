// The handle that users hold: a node of the graph, its gradient, and the methods that build further nodes.
import { type DType, isFloat, type TypedArray } from "../base/dtype.ts";
import { ArgumentError, DTypeError, GraphError } from "../base/errors.ts";
import { normalizeAxes, normalizeAxis, type Shape, showShape, sizeOf } from "../base/shape.ts";
import type {
  Broadcast,
  BroadcastCheck,
  ExpandCheck,
  Literal,
  MatMul,
  MatMulCheck,
  Permuted,
  Reduced,
  ReshapeCheck,
  Reshaped,
  ShapeLike,
  ShapeOf,
  Transposed,
} from "../base/shape-types.ts";
import { leaveNextRun } from "../engine/engine.ts";
import { refuseReading, trace, tracing } from "../engine/trace.ts";
import { valuesOf } from "../engine/values.ts";
import { whyGone } from "../graph/gone.ts";
import { makeNode, type Node } from "../graph/node.ts";
import { realNode } from "../graph/stand-in.ts";
import * as activation from "../ops/activation.ts";
import { builder } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import * as reduce from "../ops/reduce.ts";
import { leaf } from "../ops/source.ts";
import { yieldToFinalizers } from "../runtime/pressure.ts";
import { expectNotApart } from "./apart.ts";
import { assignLater, checkAssignable, given } from "./assign.ts";
import { type BackwardOptions, backward, realizeForReading } from "./backward.ts";
import { expectNotFixed } from "./fixed.ts";
import { formatValues, inspect } from "./format.ts";
import { Handle } from "./handle.ts";
import { addHook, replacedBy } from "./hooks.ts";
import { matmulNode } from "./matmul.ts";
import { meanNode } from "./mean.ts";
import { checkMove, isDType, leafOn } from "./move.ts";
import { type Nested, nest } from "./nested.ts";
import { powNode } from "./power.ts";
import { alike, castNode, toFloat } from "./promote.ts";
import { inferShape } from "./reshape.ts";

export interface ReduceOptions {
  /** Axis or axes to reduce; all by default. Negative axes count from the end. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepdims?: boolean;
}

/** What options are where none are given. */
export type NoOptions = Record<never, never>;

/** An array of numbers with a shape, a dtype and a device: computed when somebody reads it, and never changed but by `assign`. */
export class Tensor<S extends Shape = Shape> extends Handle {
  declare protected gradient: Tensor<S> | null;
  declare private readonly literalShape: S;

  /** What `backward()` has added up; null before the first one and after `zeroGrad`. */
  get grad(): Tensor<S> | null {
    const shown = this.showGradient();
    const { shape, dtype, device } = this.kind;
    if (shown) this.gradient = tracing(null, () => new Tensor(leaf(shape, dtype, device, shown)));
    if (trace !== null) this.noteGradient();
    return this.gradient;
  }
  set grad(gradient: Tensor<S> | null) {
    if (gradient !== null) checkAssignable("grad", this.kind, gradient.kind);
    this.setGradient(gradient);
  }

  get shape(): S {
    return this.kind.shape as S;
  }
  get dtype(): DType {
    return this.kind.dtype;
  }
  get device(): string {
    return this.kind.device;
  }
  /** The number of axes. */
  get rank(): number {
    return this.kind.shape.length;
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.kind.shape);
  }

  // Arithmetic

  add(other: Tensor<S> | number): Tensor<S>;
  add<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"add", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  add(other: Tensor | number): Tensor {
    return combined(builder.add, this.node, nodeOf(other));
  }
  sub(other: Tensor<S> | number): Tensor<S>;
  sub<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"sub", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  sub(other: Tensor | number): Tensor {
    return combined(builder.sub, this.node, nodeOf(other));
  }
  mul(other: Tensor<S> | number): Tensor<S>;
  mul<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"mul", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  mul(other: Tensor | number): Tensor {
    return combined(builder.mul, this.node, nodeOf(other));
  }
  /** True division: integers become float32. */
  div(other: Tensor<S> | number): Tensor<S>;
  div<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"div", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  div(other: Tensor | number): Tensor {
    return combined(builder.div, toFloat(this.node), nodeOf(other));
  }
  pow(exponent: Tensor<S> | number): Tensor<S>;
  pow<T extends Tensor, B extends Tensor | number>(
    this: T,
    exponent: B & BroadcastCheck<"pow", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  pow(exponent: Tensor | number): Tensor {
    if (typeof exponent === "number") return new Tensor(powNode(toFloat(this.node), exponent));
    return new Tensor(builder.pow(...alike(toFloat(this.node), nodeOf(exponent))));
  }
  neg(): Tensor<S> {
    return new Tensor(builder.neg(this.node));
  }
  abs(): Tensor<S> {
    return new Tensor(builder.abs(this.node));
  }
  exp(): Tensor<S> {
    return new Tensor(builder.exp(toFloat(this.node)));
  }
  log(): Tensor<S> {
    return new Tensor(builder.log(toFloat(this.node)));
  }
  sqrt(): Tensor<S> {
    return new Tensor(builder.sqrt(toFloat(this.node)));
  }
  sin(): Tensor<S> {
    return new Tensor(builder.sin(toFloat(this.node)));
  }
  cos(): Tensor<S> {
    return new Tensor(builder.cos(toFloat(this.node)));
  }
  tanh(): Tensor<S> {
    return new Tensor(builder.tanh(toFloat(this.node)));
  }
  sigmoid(): Tensor<S> {
    return new Tensor(makeNode(activation.sigmoid, [toFloat(this.node)]));
  }
  relu(): Tensor<S> {
    return new Tensor(makeNode(activation.relu, [this.node]));
  }

  // Comparisons

  eq(other: Tensor<S> | number): Tensor<S>;
  eq<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"eq", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  eq(other: Tensor | number): Tensor {
    return new Tensor(builder.eq(...alike(this.node, nodeOf(other))));
  }
  ne(other: Tensor<S> | number): Tensor<S>;
  ne<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"ne", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  ne(other: Tensor | number): Tensor {
    return new Tensor(builder.ne(...alike(this.node, nodeOf(other))));
  }
  lt(other: Tensor<S> | number): Tensor<S>;
  lt<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"lt", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  lt(other: Tensor | number): Tensor {
    return new Tensor(builder.lt(...alike(this.node, nodeOf(other))));
  }
  le(other: Tensor<S> | number): Tensor<S>;
  le<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"le", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  le(other: Tensor | number): Tensor {
    return new Tensor(builder.le(...alike(this.node, nodeOf(other))));
  }
  gt(other: Tensor<S> | number): Tensor<S>;
  gt<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"gt", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  gt(other: Tensor | number): Tensor {
    const [a, b] = alike(this.node, nodeOf(other));
    return new Tensor(builder.lt(b, a));
  }
  ge(other: Tensor<S> | number): Tensor<S>;
  ge<T extends Tensor, B extends Tensor | number>(
    this: T,
    other: B & BroadcastCheck<"ge", ShapeOf<T>, ShapeOf<B>>,
  ): Tensor<Broadcast<ShapeOf<T>, ShapeOf<B>>>;
  ge(other: Tensor | number): Tensor {
    const [a, b] = alike(this.node, nodeOf(other));
    return new Tensor(builder.le(b, a));
  }

  // Reductions and products

  sum<T extends Tensor, const O extends ReduceOptions = NoOptions>(
    this: T,
    options?: O,
  ): Tensor<Reduced<ShapeOf<T>, O>>;
  sum(options: ReduceOptions = {}): Tensor {
    return this.reduced("sum", options, (x, axes) => builder.sum(x, axes));
  }
  mean<T extends Tensor, const O extends ReduceOptions = NoOptions>(
    this: T,
    options?: O,
  ): Tensor<Reduced<ShapeOf<T>, O>>;
  mean(options: ReduceOptions = {}): Tensor {
    return this.reduced("mean", options, (x, axes) => meanNode(toFloat(x), axes));
  }
  max<T extends Tensor, const O extends ReduceOptions = NoOptions>(
    this: T,
    options?: O,
  ): Tensor<Reduced<ShapeOf<T>, O>>;
  max(options: ReduceOptions = {}): Tensor {
    return this.reduced("max", options, (x, axes) => makeNode(reduce.max, [x], { axes, ties: "share" }));
  }
  min<T extends Tensor, const O extends ReduceOptions = NoOptions>(
    this: T,
    options?: O,
  ): Tensor<Reduced<ShapeOf<T>, O>>;
  min(options: ReduceOptions = {}): Tensor {
    return this.reduced("min", options, (x, axes) => makeNode(reduce.min, [x], { axes, ties: "share" }));
  }
  /** The position of the largest element along `axis` (of the flattened tensor without one) as int32; the first of equals. */
  argmax<T extends Tensor, const O extends { readonly axis?: number; readonly keepdims?: boolean } = NoOptions>(
    this: T,
    options?: O,
  ): Tensor<Reduced<ShapeOf<T>, O>>;
  argmax(options: { readonly axis?: number; readonly keepdims?: boolean } = {}): Tensor {
    return this.reduced("argmax", options, (x, axes) => makeNode(reduce.argmax, [x], { axes }));
  }
  matmul<T extends Tensor, B extends Shape>(
    this: T,
    other: Tensor<B> & MatMulCheck<ShapeOf<T>, B>,
  ): Tensor<MatMul<ShapeOf<T>, B>>;
  matmul(other: Tensor): Tensor {
    return combined(matmulNode, this.node, other.node);
  }

  private reduced(
    operation: string,
    options: ReduceOptions,
    build: (x: Node, axes: readonly number[]) => Node,
  ): Tensor {
    const axes = normalizeAxes(operation, options.axis, this.node.shape);
    const y = build(this.node, axes);
    if (options.keepdims !== true) return new Tensor(y);
    return new Tensor(
      builder.reshape(
        y,
        this.node.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
      ),
    );
  }

  // Views

  /** The same elements in row-major order; one extent may be -1 and follows from the others. */
  reshape<T extends Tensor, const To extends ShapeLike>(
    this: T,
    shape: To & ReshapeCheck<ShapeOf<T>, To>,
  ): Tensor<Reshaped<To>>;
  reshape(shape: Shape): Tensor {
    return new Tensor(builder.reshape(this.node, inferShape(this.node.shape, shape)));
  }
  permute<T extends Tensor, const P extends ShapeLike>(this: T, axes: P): Tensor<Permuted<ShapeOf<T>, P>>;
  permute(axes: readonly number[]): Tensor {
    return new Tensor(
      builder.permute(
        this.node,
        axes.map((axis) => normalizeAxis("permute", axis, this.node.shape)),
      ),
    );
  }
  /** Swaps two axes, the last two by default. */
  transpose<T extends Tensor, const I extends number = -2, const J extends number = -1>(
    this: T,
    axis0?: I,
    axis1?: J,
  ): Tensor<Transposed<ShapeOf<T>, I, J>>;
  transpose(axis0 = -2, axis1 = -1): Tensor {
    const { shape } = this.node;
    const from = normalizeAxis("transpose", axis0, shape);
    const to = normalizeAxis("transpose", axis1, shape);
    const axes = shape.map((_, i) => (i === from ? to : i === to ? from : i));
    return new Tensor(builder.permute(this.node, axes));
  }
  /** Broadcasts to `shape` without copying. */
  expand<T extends Tensor, const To extends ShapeLike>(
    this: T,
    shape: To & ExpandCheck<ShapeOf<T>, To>,
  ): Tensor<Literal<To>>;
  expand(shape: Shape): Tensor {
    return new Tensor(builder.expand(this.node, shape));
  }

  /**
   * The same values as another dtype, or on another device. Moving computes the value and copies it: what comes out is a
   * leaf, which requires a gradient if this one is a leaf that does.
   * @throws {DeviceError} `to: expected a dtype or one of wasm, reference, got "cuda"`
   * @throws {GraphError} `to: expected a leaf or a detached tensor to move, got a result that carries a gradient`
   */
  to(target: DType | (string & {})): Tensor<S> {
    if (isDType(target)) return new Tensor(castNode(this.node, target));
    if (target === this.device) return this;
    checkMove(this.node, target);
    return new Tensor(leafOn(target, this.node, this.dataSync()));
  }

  // Gradients

  /** The same values, without a gradient. */
  detach(): Tensor<S> {
    return new Tensor(makeNode(stopGradient, [this.node]));
  }

  /** Marks a tensor as a leaf that collects gradients. Computes it if that has not been done. */
  requiresGrad_(requiresGrad = true): this {
    if (requiresGrad === this.requiresGrad) return this;
    if (!isFloat(this.dtype))
      throw new DTypeError(`requiresGrad: expected a float tensor, got ${this.dtype}. Cast it with .to("float32")`);
    realizeForReading([this.node]);
    const { shape, dtype, device, storage } = this.node;
    if (storage) this.node = leaf(shape, dtype, device, storage, requiresGrad);
    if (requiresGrad) this.node.owner = this;
    return this;
  }

  /**
   * Reverse mode: adds ∂this/∂leaf to `.grad` of every leaf that requires it. Runs nothing yet; the gradients are
   * computed with the next value that is needed, in one plan.
   * The graph stays: another backward() adds the gradients again.
   * @param gradient the cotangent, of this shape; may be left out for a scalar
   * @param options retainGraph: a second backward() computes no second forward pass. createGraph: the gradients can
   * be differentiated themselves
   */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    const wanting: { owner: Tensor; resets: number }[] = [];
    const wanted = {
      ...options,
      isWanted: () => wanting.some(({ owner, resets }) => owner.resets === resets),
    };
    backward(this.node, gradient?.node, wanted, (at, g) => {
      const { owner } = at;
      if (!(owner instanceof Tensor)) return null;
      expectNotApart("backward", owner);
      wanting.push({ owner, resets: owner.resets });
      const before = owner.grad;
      const total = before ? builder.add(before.node, realNode(g)) : g;
      if (before) leaveNextRun(before.node);
      owner.grad = new Tensor(total);
      return total;
    });
  }

  /**
   * Calls `hook` in every backward() with the gradient of this tensor, before it goes on and before a leaf adds it up.
   * A gradient that the hook returns goes on instead.
   */
  registerHook(hook: (gradient: Tensor<S>) => Tensor<S> | undefined): { remove(): void } {
    const { node } = this;
    if (!node.requiresGrad)
      throw new GraphError("registerHook: expected a tensor with a gradient, got one without. Set requiresGrad first");
    return { remove: addHook(node, (g) => replacedBy(hook(new Tensor(g))?.node, g)) };
  }

  // Updates

  /**
   * Gives this handle another value, of the same shape and dtype. The value is computed with the next thing that is; if
   * that fails, the handle has its last good value again. A leaf, and a tensor without a gradient, take the value alone
   * and keep their `requiresGrad`; a gradient that `backward()` finds is that of all values a leaf had meanwhile. A result
   * that carries a gradient takes the value with its trail, as PyTorch's `mul_` and `copy_` do: gradients go on to what
   * the value was made of.
   * @throws {ShapeError} `assign: expected shape [2], got [3]`
   * @throws {GraphError} `grad: expected a function that assigns to none of its arguments, got one that assigns to a tensor of shape [2]`
   */
  assign(value: Tensor): void {
    expectNotFixed(this);
    checkAssignable("assign", this.node, value.node);
    if (this.node.requiresGrad && this.node.opKind === "leaf") {
      expectNotApart("assign", this);
      const copy = makeNode(stopGradient, [value.node]);
      realizeForReading([copy]);
      this.settle(copy);
    } else assignLater(this, given(this.node, value.node));
  }

  // Reading

  /** The values in row-major order; bools as 0 and 1. */
  async data(): Promise<TypedArray> {
    const values = this.dataSync();
    await yieldToFinalizers();
    return values;
  }
  dataSync(): TypedArray {
    refuseReading(this.shape);
    const { node } = this;
    if (node.storage === null) realizeForReading([node]);
    return valuesOf(node);
  }
  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    const value = this.itemSync();
    await yieldToFinalizers();
    return value;
  }
  itemSync(): number {
    if (this.size !== 1)
      throw new ArgumentError(
        `item: expected a tensor with one element, got shape ${showShape(this.node.shape)}. Use data()`,
      );
    return this.dataSync()[0] ?? Number.NaN;
  }
  /** Nested arrays, or a plain number for a scalar. */
  async toArray(): Promise<Nested> {
    return nest(await this.data(), this.node.shape, this.dtype);
  }
  toArraySync(): Nested {
    return nest(this.dataSync(), this.node.shape, this.dtype);
  }

  /** Gives the memory back now instead of when the garbage collector finds the handle. */
  dispose(): void {
    this.node.gone ??= whyGone.disposed;
    this.node.storage?.release();
    this.releaseSpare();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The values where they are computed; it computes nothing. */
  override toString(): string {
    const { storage, gone, dtype, shape } = this.node;
    if (storage !== null && !storage.isReleased)
      return `Tensor(${formatValues(valuesOf(this.node), shape, dtype, 7)}, ${dtype})`;
    return `Tensor(${showShape(shape)}, ${dtype}, ${gone === null ? "not computed yet" : `gone: ${gone}`})`;
  }
  static {
    // Isolated declarations know no computed names of methods.
    Object.defineProperty(Tensor.prototype, inspect, { value: Tensor.prototype.toString });
  }
}

/** What `make` makes of both operands in one dtype. */
function combined(make: (a: Node, b: Node) => Node, a: Node, b: Node | number): Tensor {
  if (typeof b !== "number" && a.dtype === b.dtype) return new Tensor(make(a, b));
  const [x, y] = alike(a, b);
  return new Tensor(make(x, y));
}

export const nodeOf = (x: Tensor | number): Node | number => (typeof x === "number" ? x : x.node);

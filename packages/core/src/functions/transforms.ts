// Transforms: from a function of tensors to its derivatives, or to the same function over a batch. They compose in any order.
import { forward } from "../autodiff/forward.ts";
import { rebuild } from "../autodiff/rebuild.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { isFloat } from "../base/dtype.ts";
import { ArgumentError, AxisError, DTypeError, GraphError, ShapeError } from "../base/errors.ts";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../base/shape.ts";
import type { ScalarCheck } from "../base/shape-types.ts";
import { makeNode, type Node, recording } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { alias, stopGradient as stopGradientOp } from "../ops/cast.ts";
import { unknownLeaf } from "../ops/source.ts";
import { builtFrom } from "../tensor/apart.ts";
import { assigning } from "../tensor/assign.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, range } from "./arguments.ts";
import { countedUp, forCopies, type Randomness } from "./copies.ts";
import { moved } from "./shape.ts";
import { alignedTensors, mapTensors, type Plain, type Reshapen, Substituted, tensorsOf } from "./trees.ts";

/** Which arguments to differentiate by: a position, or several. */
export type Positions = number | readonly number[];

/** For one position a gradient like that argument, for several an array of them. */
export type GradientAt<A extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: Plain<A[N[K] & keyof A]> }
  : N extends number
    ? Plain<A[N]>
    : never;

const listOf = (positions: Positions): readonly number[] => (typeof positions === "number" ? [positions] : positions);

/** Runs the function of a transform: what it builds can be differentiated, even where it reads values on the way. */
export function run<R>(operation: string, f: () => R): R {
  const result = recording(f);
  if (result instanceof Promise)
    throw new GraphError(`${operation}: expected a synchronous function, got one that returns a promise`);
  return result;
}

/** Every tensor under a name of its own, so that two uses of one tensor are two variables. */
export const renamed = (x: Tensor): Tensor => new Tensor(makeNode(alias, [x.node]));

export function checkPositions(operation: string, positions: Positions, count: number): readonly number[] {
  const list = listOf(positions);
  if (count === 0) throw new ArgumentError(`${operation}: expected arguments to differentiate by, got none`);
  for (const at of list)
    if (!Number.isInteger(at) || at < 0 || at >= count)
      throw new ArgumentError(`${operation}: expected argument positions from 0 to ${count - 1}, got ${at}`);
  return list;
}

/** Arguments with fresh names at some positions, and the nodes of the tensors there. */
export function freshArguments(
  operation: string,
  args: readonly unknown[],
  positions: readonly number[],
): { call: <R>(f: (...args: never) => R) => R; nodes: Node[] } {
  const substituted = new Substituted();
  const found = new Map<number, Node[]>();
  const fresh = args.map((arg, i) => {
    if (!positions.includes(i)) return arg;
    const from = substituted.tensors.length;
    const own = substituted.of(arg, renamed);
    found.set(
      i,
      substituted.tensors.slice(from).map((x) => x.node),
    );
    return own;
  });
  const nodes = positions.flatMap((at) => found.get(at) ?? []);
  for (const node of nodes)
    if (!isFloat(node.dtype))
      throw new DTypeError(
        `${operation}: expected float tensors to differentiate by, got ${node.dtype}. Name the others in the positions, or convert it with .to("float32")`,
      );
  const call = <R>(f: (...args: never) => R): R =>
    substituted.during(operation, () => run(operation, () => f(...(fresh as never))));
  return { call, nodes };
}

const zerosFor = (node: Node): Node => b.fill(0, node.shape, node);

/** Gradients in the form of the arguments at some positions. */
export function likeArguments(
  args: readonly unknown[],
  positions: Positions,
  nodes: readonly Node[],
  gradients: readonly (Node | null)[],
): unknown {
  let next = 0;
  const found = listOf(positions).map((at) =>
    mapTensors(args[at], () => {
      const node = nodes[next];
      const gradient = gradients[next++];
      return node && new Tensor(gradient ?? zerosFor(node));
    }),
  );
  return typeof positions === "number" ? found[0] : found;
}

function scalarResult(operation: string, result: unknown): Node {
  const y = nodeOf(operation, result as Tensor);
  if (sizeOf(y.shape) !== 1)
    throw new ShapeError(
      `${operation}: expected a function with a scalar result, got shape ${showShape(y.shape)}. Reduce it (.sum(), .mean()), or use vjp or jacobian`,
    );
  expectFloats(operation, [y]);
  return y;
}

/** Refuses a function with no result that has a derivative. */
export function expectFloats(operation: string, results: readonly Node[]): void {
  const [first] = results;
  if (first && !results.some((y) => isFloat(y.dtype)))
    throw new DTypeError(
      `${operation}: expected a float result, got ${first.dtype}. Integers and bools have no gradient: convert the inputs, not the result`,
    );
}

/**
 * The gradient of a function with a scalar result, by one reverse sweep.
 * @param f a synchronous function of tensors, or of arrays, plain objects and modules of them; the gradient of a module is
 * an object with one for each of its trainable parameters, by name
 * @param positions which arguments to differentiate by: 0 by default; with a list, the result is an array
 * @returns a function of the same arguments. Where the result doesn't depend on an argument, its gradient is zeros
 * @throws {ShapeError} `grad: expected a function with a scalar result, got shape [2]. Reduce it (.sum(), .mean()), or use vjp or jacobian`
 * @throws {DTypeError} `grad: expected float tensors to differentiate by, got int32`
 * @throws {GraphError} `grad: expected a function that assigns to none of its arguments, got one that assigns to a tensor of shape [2]. …`
 * @throws {DTypeError} `grad: expected a float result, got int32. Integers and bools have no gradient: convert the inputs, not the result`
 * @example (await grad((x) => x.pow(3))(tensor(2)).item()) // 12
 */
export function grad<A extends readonly unknown[], S extends Shape, const N extends Positions = 0>(
  f: (...args: A) => Tensor<S> & ScalarCheck<"grad", S>,
  positions?: N,
): (...args: A) => GradientAt<A, N> {
  const transformed = gradOf("grad", f, positions ?? 0);
  return (...args) => transformed(...args) as GradientAt<A, N>;
}

/** `grad` under the name of the transform that is built on it. */
export function gradOf<A extends readonly unknown[]>(
  operation: string,
  f: (...args: A) => unknown,
  positions: Positions,
): (...args: A) => unknown {
  const transformed = valueAndGradOf(operation, f, positions, false);
  return (...args) => transformed(...args)[1];
}

/**
 * A function's scalar result together with its gradient, from one forward and one reverse sweep.
 * @param f as for `grad`; with `hasAux`, a function that returns `[scalar, anything]`
 * @param positions as for `grad`
 * @returns a function that gives `[value, gradient]`; with `hasAux`, `[[value, anything], gradient]`
 * @throws {ShapeError} `valueAndGrad: expected a function with a scalar result, got shape [2]`
 * @example (await Promise.all(valueAndGrad((x) => x.pow(3))(tensor(2)).map((x) => x.item()))) // [8, 12]
 */
export function valueAndGrad<A extends readonly unknown[], S extends Shape, const N extends Positions = 0>(
  f: (...args: A) => Tensor<S> & ScalarCheck<"valueAndGrad", S>,
  positions?: N,
): (...args: A) => [value: Tensor<[]>, gradient: GradientAt<A, N>];
export function valueAndGrad<A extends readonly unknown[], X, const N extends Positions>(
  f: (...args: A) => readonly [Tensor, X],
  positions: N,
  options: { readonly hasAux: true },
): (...args: A) => [value: [Tensor<[]>, X], gradient: GradientAt<A, N>];
export function valueAndGrad<A extends readonly unknown[]>(
  f: (...args: A) => unknown,
  positions: Positions = 0,
  options: { readonly hasAux?: boolean } = {},
): (...args: A) => [unknown, unknown] {
  return valueAndGradOf("valueAndGrad", f, positions, options.hasAux ?? false);
}

function valueAndGradOf<A extends readonly unknown[]>(
  operation: string,
  f: (...args: A) => unknown,
  positions: Positions,
  hasAux: boolean,
): (...args: A) => [unknown, unknown] {
  return (...args) => {
    const chosen = checkPositions(operation, positions, args.length);
    const { call, nodes } = freshArguments(operation, args, chosen);
    const result = call(f);
    if (hasAux && !Array.isArray(result))
      throw new ArgumentError(`${operation}: expected a function that returns [scalar, anything] with hasAux`);
    const y = scalarResult(operation, hasAux && Array.isArray(result) ? result[0] : result);
    const gradients = reverse(b, [y], [b.fill(1, y.shape, y)], nodes);
    return [result, likeArguments(args, positions, nodes, gradients)];
  };
}

/** Tensors of a tree in the order of those of another, whose nodes are `like`, checked to be as many and as large. */
function matching(operation: string, what: string, tree: unknown, model: unknown, like: readonly Node[]): Node[] {
  const isWhole = tensorsOf(tree).length === like.length;
  const nodes = (isWhole ? alignedTensors(operation, what, tree, model) : tensorsOf(tree)).map((x) => x.node);
  if (!isWhole || nodes.some((node, i) => !sameShape(node.shape, like[i]?.shape ?? [])))
    throw new ShapeError(
      `${operation}: expected ${what} of shapes ${like.map((x) => showShape(x.shape)).join(", ")}, got ${nodes.map((x) => showShape(x.shape)).join(", ")}`,
    );
  return nodes.map((node, i) => b.cast(node, like[i]?.dtype ?? node.dtype));
}

/**
 * A function's result, and the function that pulls cotangents back: reverse mode.
 * @param f a synchronous function of tensors with one or several results; what of them is no float pulls nothing back
 * @param primals its arguments
 * @returns the result, and a function from cotangents (of the result's form) to an array of gradients, one for each argument
 * @throws {ShapeError} `vjp: expected cotangents of shapes [2], got [3]`
 * @example (await vjp((x) => x.mul(x), [tensor([1, 2])])[1](tensor([1, 10]))[0].toArray()) // [2, 40]
 */
export function vjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: readonly [...A],
): [result: R, pull: (cotangents: Reshapen<R>) => { -readonly [K in keyof A]: Plain<A[K]> }] {
  const positions = range(primals.length);
  const { call, nodes } = freshArguments("vjp", primals, positions);
  const own = call(f);
  const roots = tensorsOf(own).map((x) => x.node);
  expectFloats("vjp", roots);
  // The way back is laid at once, for cotangents to come: what somebody reads until then forgets how it came about.
  const seeds = roots.map((y) =>
    unknownLeaf(y.shape, y.dtype, y.device, "inside of vjp a cotangent has no values of its own"),
  );
  const gradients = assigning(builtFrom("vjp", () => reverse(b, roots, seeds, nodes)));
  const found = gradients.filter((g) => g !== null);
  const pull = (cotangents: Reshapen<R>): { -readonly [K in keyof A]: Plain<A[K]> } => {
    const pulled = rebuild({ roots: found, inputs: seeds }, matching("vjp", "cotangents", cotangents, own, roots));
    let next = 0;
    const each = gradients.map((g) => (g === null ? null : (pulled[next++] ?? null)));
    return likeArguments(primals, positions, nodes, each) as never;
  };
  return [own as R, pull];
}

/**
 * A function's result and its derivative along a direction: forward mode, one sweep.
 * @param f a synchronous function of tensors with one or several results
 * @param primals its arguments
 * @param tangents a direction, of the arguments' form
 * @returns the result, and its tangent of the same form
 * @throws {ShapeError} `jvp: expected tangents of shapes [2], got [3]`
 * @example (await jvp((x) => x.mul(x), [tensor([1, 2])], [tensor([1, 10])])[1].toArray()) // [2, 40]
 */
export function jvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: readonly [...A],
  tangents: Reshapen<readonly [...A]>,
): [result: R, tangent: Plain<R>] {
  const { call, nodes } = freshArguments("jvp", primals, range(primals.length));
  const directions = matching("jvp", "tangents", tangents, primals, nodes);
  const result = call(f);
  const roots = tensorsOf(result).map((x) => x.node);
  expectFloats("jvp", roots);
  const found = forward(b, roots, nodes, directions);
  let next = 0;
  const tangent = mapTensors(result, (y) => new Tensor(found[next++] ?? zerosFor(y.node)));
  return [result, tangent as Plain<R>];
}

export interface VmapOptions {
  /** Where the batch lies in the arguments: one axis for all, or one for each; null for what all examples share. */
  readonly inAxes?: number | null | readonly (number | null)[];
  /** Where the batch lies in the results, 0 by default. */
  readonly outAxes?: number;
  /**
   * Random numbers inside: "different" for each example, the default; "same" for all; "error" refuses to draw any, as
   * `torch.func.vmap` does by default.
   */
  readonly randomness?: Randomness;
}

/**
 * A function of one example as a function of a batch, without a loop. Each example draws random numbers of its own: of a
 * function that draws once, those that one draw for the whole batch gives.
 * @param f a synchronous function of tensors; inside, the batch axis is not there, and values cannot be read
 * @param options inAxes and outAxes, 0 by default; randomness, "different" by default
 * @throws {ShapeError} `vmap: expected one batch size, got 2 and 3`
 * @throws {ArgumentError} `vmap: expected an axis for each of 2 arguments, got 1`
 * @throws {GraphError} `vmap: expected a function that assigns nothing made of its arguments, got one that does. …`
 * @example (await vmap((x, y) => x.matmul(y))(tensor([[1, 2], [3, 4]]), tensor([[1, 0], [0, 1]])).toArray()) // [1, 4]
 */
export function vmap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: VmapOptions = {},
): (...args: { [K in keyof A]: Reshapen<A[K]> }) => Reshapen<R> {
  const { inAxes = 0, outAxes = 0, randomness = "different" } = options;
  return (...args) => {
    const axes = typeof inAxes === "number" || inAxes === null ? args.map(() => inAxes) : inAxes;
    if (axes.length !== args.length)
      throw new ArgumentError(`vmap: expected an axis for each of ${args.length} arguments, got ${axes.length}`);
    const mapped: Node[] = [];
    const batched: Node[] = [];
    let size: number | null = null;
    const substituted = new Substituted();
    const examples = args.map((arg, i) => {
      const axis = axes[i] ?? null;
      if (axis === null) return arg;
      return substituted.of(arg, ({ node }) => {
        const lead = moved(node, normalizeAxis("vmap", axis, node.shape), 0);
        const [count = 0, ...shape] = lead.shape;
        if (size !== null && size !== count)
          throw new ShapeError(`vmap: expected one batch size, got ${size} and ${count}`);
        size = count;
        const example = unknownLeaf(shape, node.dtype, node.device, "inside of vmap a tensor has no values of its own");
        mapped.push(example);
        batched.push(lead);
        return new Tensor(example);
      });
    });
    if (size === null)
      throw new ArgumentError("vmap: expected at least one tensor with a batch axis, got none. Check inAxes");
    const { result, numbers } = forCopies("vmap", size, randomness, () =>
      substituted.during("vmap", () => run("vmap", () => f(...(examples as never)))),
    );
    const roots = tensorsOf(result).map((x) => x.node);
    const lifted = vectorize(b, roots, [...mapped, ...numbers], [...batched, ...countedUp(size, numbers)], size);
    let next = 0;
    return mapTensors(result, (y) => {
      const node = lifted[next++];
      if (!node) throw new AxisError("vmap: a result got lost");
      return new Tensor(moved(node, 0, normalizeAxis("vmap", outAxes, [...y.shape, 1])));
    }) as Reshapen<R>;
  };
}

/**
 * x itself, through which no gradient flows.
 * @example (await grad((x) => x.mul(stopGradient(x)))(tensor(3)).item()) // 3
 */
export function stopGradient<T extends Tensor>(x: T): Plain<T>;
export function stopGradient(x: Tensor): Tensor {
  return new Tensor(makeNode(stopGradientOp, [nodeOf("stopGradient", x)]));
}

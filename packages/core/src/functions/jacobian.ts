// Matrices of derivatives: one sweep over a batch of directions.
import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { isFloat } from "../base/dtype.ts";
import { ArgumentError, DTypeError } from "../base/errors.ts";
import { type Shape, sizeOf } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";
import { moved } from "./shape.ts";
import { grad, jvp, type Positions, renamed, run } from "./transforms.ts";
import type { Plain, Reshapen } from "./trees.ts";

export interface JacobianOptions {
  /** Reverse mode sweeps once for each output, forward mode once for each input: by default, the one with fewer sweeps. */
  readonly mode?: "reverse" | "forward";
}

/** For one position a tensor, for several an array of them. */
export type AtPositions<N> = N extends readonly unknown[] ? { -readonly [K in keyof N]: Tensor } : Tensor;

const direction = (like: Node): Node =>
  unknownLeaf(like.shape, like.dtype, like.device, "a direction of jacobian has no values of its own");

/** The unit directions of a shape: `[n, ...shape]`. */
function units(like: Node): Node {
  const n = sizeOf(like.shape);
  const column = b.iota(n, like);
  const matrix = b.cast(b.eq(b.reshape(column, [n, 1]), column), like.dtype);
  return b.reshape(matrix, [n, ...like.shape]);
}

function byReverse(y: Node, x: Node): Node {
  const shape: Shape = [...y.shape, ...x.shape];
  const g = direction(y);
  const [pulled] = reverse(b, [y], [g], [x]);
  if (!pulled) return b.fill(0, shape, x);
  const [rows] = vectorize(b, [pulled], [g], [units(y)], sizeOf(y.shape));
  return b.reshape(rows ?? pulled, shape);
}

function byForward(y: Node, x: Node): Node {
  const shape: Shape = [...y.shape, ...x.shape];
  const dx = direction(x);
  const [pushed] = forward(b, [y], [x], [dx]);
  if (!pushed) return b.fill(0, shape, y);
  const [columns] = vectorize(b, [pushed], [dx], [units(x)], sizeOf(x.shape));
  return b.reshape(moved(columns ?? pushed, 0, y.shape.length), shape);
}

function positionsOf(operation: string, positions: Positions, args: readonly Tensor[]): readonly number[] {
  const list = typeof positions === "number" ? [positions] : positions;
  for (const at of list) {
    const x = args[at];
    if (!x)
      throw new ArgumentError(`${operation}: expected argument positions from 0 to ${args.length - 1}, got ${at}`);
    if (!isFloat(x.dtype))
      throw new DTypeError(`${operation}: expected float tensors to differentiate by, got ${x.dtype}`);
  }
  return list;
}

/**
 * All first derivatives of a function: ∂y/∂x for each element of the result and of the argument.
 * @param f a synchronous function of tensors with one result of any shape
 * @param positions which arguments to differentiate by: 0 by default; with a list, the result is an array
 * @param options mode: "reverse" or "forward"; by default, the one that needs fewer sweeps
 * @returns a function that gives `[...y.shape, ...x.shape]`
 * @example (await jacobian((x) => x.mul(x))(tensor([1, 2])).toArray()) // [[2, 0], [0, 4]]
 */
export function jacobian<A extends readonly Tensor[], const N extends Positions = 0>(
  f: (...args: A) => Tensor,
  positions?: N,
  options: JacobianOptions = {},
): (...args: A) => AtPositions<N> {
  return (...args) => {
    const chosen = positionsOf("jacobian", positions ?? 0, args);
    const fresh = args.map((x, i) => (chosen.includes(i) ? renamed(x) : x));
    const y = nodeOf(
      "jacobian",
      run("jacobian", () => f(...(fresh as never))),
    );
    const found = chosen.map((at) => {
      const x = nodeOf("jacobian", fresh[at] as Tensor);
      const mode = options.mode ?? (sizeOf(x.shape) < sizeOf(y.shape) ? "forward" : "reverse");
      return new Tensor(mode === "forward" ? byForward(y, x) : byReverse(y, x));
    });
    return (typeof positions === "object" ? found : found[0]) as AtPositions<N>;
  };
}

/** For one position a tensor, for several an array of arrays of them: rows first. */
export type Blocks<N> = N extends readonly unknown[] ? { -readonly [K in keyof N]: AtPositions<N> } : Tensor;

/**
 * All second derivatives of a function with a scalar result: forward mode over reverse mode.
 * @param f a synchronous function of tensors
 * @param positions which arguments to differentiate by: 0 by default; with a list, the result is an array of arrays, and
 *   element [i][j] holds the derivatives by argument i and then j
 * @returns a function that gives `[...x.shape, ...x.shape]`
 * @example (await hessian((x, y) => x.mul(x).mul(y).sum())(tensor([1, 2]), tensor([3, 4])).toArray()) // [[6, 0], [0, 8]]
 */
export function hessian<A extends readonly Tensor[], const N extends Positions = 0>(
  f: (...args: A) => Tensor,
  positions?: N,
): (...args: A) => Blocks<N> {
  const at = positions ?? 0;
  const list: readonly number[] = typeof at === "number" ? [at] : at;
  return (...args) => {
    positionsOf("hessian", at, args);
    const rows = list.map((row) =>
      list.map((column) => {
        const derivative = jacobian<A, number>((...xs) => grad<A, Shape, number>(f, row)(...xs) as Tensor, column, {
          mode: "forward",
        });
        return derivative(...args);
      }),
    );
    return (typeof at === "number" ? rows[0]?.[0] : rows) as Blocks<N>;
  };
}

/**
 * The Hessian of a function with a scalar result times a vector, without the Hessian: forward mode over reverse mode.
 * @param f a synchronous function of tensors, or of trees of them
 * @param primals its arguments
 * @param tangents the vector, in the arguments' form
 * @returns the product, an array with one part for each argument
 * @example (await hvp((x) => x.pow(3).sum(), [tensor([1, 2])], [tensor([1, 1])])[0].toArray()) // [6, 12]
 */
export function hvp<A extends readonly unknown[]>(
  f: (...args: A) => Tensor,
  primals: readonly [...A],
  tangents: Reshapen<readonly [...A]>,
): { -readonly [K in keyof A]: Plain<A[K]> } {
  const positions = primals.map((_, i) => i);
  const gradient = (...xs: A): unknown => grad<A, Shape, number[]>(f, positions)(...xs);
  const [, product] = jvp(gradient, primals, tangents);
  return product as { -readonly [K in keyof A]: Plain<A[K]> };
}

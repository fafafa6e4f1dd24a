// Loops and branches as one operation each, with derivatives: one compiled body, however many steps it runs.
import { ArgumentError, DTypeError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../base/shape.ts";
import { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { builtApart, builtWithout } from "../tensor/apart.ts";
import { assigning, given } from "../tensor/assign.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { truthOf } from "./arguments.ts";
import { calledWith, captured, capturedSince, closed, filled, type Nodes, parameter } from "./body.ts";
import { branchResults } from "./branch.ts";
import { countedUp, forCopies } from "./copies.ts";
import { loopResults } from "./loop.ts";
import { run } from "./transforms.ts";
import { alignedTensors, type Plain, type Reshapen, tensorsOf } from "./trees.ts";

const nodesOf = (tree: unknown): Node[] => tensorsOf(tree).map((x) => x.node);

/** The tensors of a tree in the order of those of another, whose nodes are `expected`. */
function alike(operation: string, what: string, tree: unknown, like: unknown, expected: Nodes): Node[] {
  const found = alignedTensors(operation, what, tree, like).map((x) => x.node);
  found.forEach((x, i) => {
    const { shape, dtype } = expected[i] ?? x;
    if (!sameShape(x.shape, shape))
      throw new ShapeError(`${operation}: expected ${what} of shape ${showShape(shape)}, got ${showShape(x.shape)}`);
    if (x.dtype !== dtype)
      throw new DTypeError(
        `${operation}: expected ${what} of ${dtype}, got ${x.dtype}. Convert it with .to("${dtype}")`,
      );
  });
  return found;
}

export interface ScanOptions {
  /** The number of steps, where there are no sequences to take it from. */
  readonly length?: number;
  /** From the last slice to the first; what the steps yield keeps its place. */
  readonly reverse?: boolean;
}

/**
 * A loop with a state: `[carry, y] = f(carry, x)` for each slice x of `xs` along the first axis. The body is compiled
 * once and run for every step, however many they are, and so are its derivatives: reverse mode keeps the carries and
 * runs the loop backwards, forward mode carries tangents along.
 * @param f a synchronous function that is called once; inside, values cannot be read. Each step draws random numbers of
 * its own, and derivatives see the same ones. It may use other tensors, which get their gradients too
 * @param init the first carry, a tensor or a tree; the carry keeps its form, shapes and dtypes. A module in it computes with
 * the carry's tensors while f runs; f returns them by name, and so does scan
 * @param xs a tree of tensors with a common first extent, or null
 * @returns the last carry, and what f yields, stacked along a new first axis
 * @throws {ShapeError} `scan: expected a carry after the step of shape [2], got [3]`
 * @throws {ShapeError} `scan: expected sequences of one length, got 2 and 3`
 * @throws {GraphError} `scan: expected a function that assigns nothing, got one that does. …`
 * @example scan((sum, x) => [sum.add(x), sum.mul(x)], tensor(0), tensor([1, 2, 3])) // [6, [0, 2, 9]]
 * @example (await grad((w) => scan((h) => [h.mul(w), null], tensor(1), null, { length: 10 })[0])(tensor(1)).item()) // 10
 */
export function scan<C, X, Y>(
  f: (carry: C, x: X) => readonly [carry: C | Plain<C>, y: Y],
  init: C,
  xs: Reshapen<X>,
  options: ScanOptions = {},
): [carry: Plain<C>, ys: Reshapen<Y>] {
  const first = nodesOf(init);
  const sequences = nodesOf(xs);
  const length = lengthOf(sequences, options.length);
  if (first.length + sequences.length === 0)
    throw new ArgumentError("scan: expected a tensor as the carry or as a sequence, got none");
  const carries = first.map((x) => parameter(x));
  const slices = sequences.map((x) => parameter(x, x.shape.slice(1)));
  const step = (...args: readonly unknown[]): { roots: Node[]; y: unknown } => {
    const result: unknown = f(...(args as [C, X]));
    if (!Array.isArray(result) || result.length !== 2)
      throw new ArgumentError("scan: expected a function that returns [carry, y], got something else");
    const [carry, y]: readonly unknown[] = result;
    return { roots: [...alike("scan", "a carry after the step", carry, init, first), ...nodesOf(y)], y };
  };
  const { result, numbers } = forCopies("scan", length, "different", () =>
    builtWithout("scan", assignedInSteps, () =>
      run("scan", () => calledWith("scan", [init, xs], [...carries, ...slices], step)),
    ),
  );
  const { roots, y } = result;
  const params = [...carries, ...slices, ...numbers];
  const outer = captured(roots, params);
  const results = loopResults(
    {
      kind: "loop",
      body: closed(roots, params, outer),
      length,
      carries: first.length,
      sequences: sequences.length + numbers.length,
      reverse: options.reverse ?? false,
    },
    [...first, ...sequences, ...countedUp(length, numbers), ...outer],
  );
  return [filled(init, results) as Plain<C>, filled(y, results.slice(first.length)) as Reshapen<Y>];
}

const assignedInSteps =
  "State that each step changes belongs in the carry; a layer with running statistics leaves them alone after eval()";

function lengthOf(sequences: Nodes, given: number | undefined): number {
  let length = given;
  for (const { shape } of sequences) {
    const [n] = shape;
    if (n === undefined) throw new ShapeError("scan: expected sequences with a first axis, got shape []");
    if (length !== undefined && n !== length)
      throw new ShapeError(`scan: expected sequences of one length, got ${length} and ${n}`);
    length = n;
  }
  if (length === undefined || !Number.isInteger(length) || length < 0)
    throw new ArgumentError(`scan: expected sequences, or a length in the options, got ${length}`);
  return length;
}

/**
 * `f(...args)` where `predicate` holds, and `g(...args)` otherwise: both are recorded, one is computed, and so it is
 * for gradients. What a branch assigns, as layers do with running statistics, is assigned where it is the one; random
 * numbers are drawn for both. Under `vmap` with a predicate for each example both are computed, and selected from.
 * @param predicate a tensor with one element: a bool, or a number that is tested against 0
 * @param f, g synchronous functions with results of the same form, shapes and dtypes. They may use other tensors
 * @throws {ShapeError} `cond: expected a predicate with one element, got shape [2]. Use where to choose by element`
 * @throws {ShapeError} `cond: expected a second result of shape [2], got [3]`
 * @example (await cond(tensor(3).gt(2), (x) => x.mul(2), (x) => x.neg(), tensor(5)).item()) // 10
 * @example (await grad((x) => cond(x.gt(2), (y) => y.mul(2), (y) => y.neg(), x))(tensor(1)).item()) // -1
 */
export function cond<A extends readonly unknown[], R>(
  predicate: Tensor,
  f: (...args: A) => R,
  g: (...args: A) => Plain<R>,
  ...args: A
): Plain<R> {
  const truth = truthOf("cond", predicate);
  if (sizeOf(truth.shape) !== 1)
    throw new ShapeError(
      `cond: expected a predicate with one element, got shape ${showShape(truth.shape)}. Use where to choose by element`,
    );
  const since = Node.latestId;
  const { result, assigned } = builtApart("cond", () => run("cond", () => f(...args)));
  const { result: other, assigned: assignedElse } = builtApart("cond", () => run("cond", () => g(...args)));
  const yes = nodesOf(result);
  if (yes.length === 0) throw new ArgumentError("cond: expected functions that return tensors, got none");
  const no = alike("cond", "a second result", other, result, yes);
  // What a branch assigns is one more result of both: of the one that does not assign it, the value that is there.
  const handles = [...new Set([...assigned.keys(), ...assignedElse.keys()])];
  for (const handle of handles) {
    yes.push(assigned.get(handle) ?? handle.node);
    no.push(assignedElse.get(handle) ?? handle.node);
  }
  const outer = capturedSince([...yes, ...no], since);
  const { params, roots } = closed([...yes, ...no], [], outer);
  const bodies = [
    { params, roots: roots.slice(0, yes.length) },
    { params, roots: roots.slice(yes.length) },
  ] as const;
  const results = branchResults(bodies, b.reshape(truth, []), outer);
  const states = results.slice(yes.length - handles.length);
  return assigning({
    result: filled(result, results) as Plain<R>,
    assigned: new Map(handles.flatMap((handle, i) => (states[i] ? [[handle, given(handle.node, states[i])]] : []))),
  });
}

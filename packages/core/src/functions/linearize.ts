// A function's derivative at a point, as a function.
import { forward } from "../autodiff/forward.ts";
import { rebuild } from "../autodiff/rebuild.ts";
import { isFloat } from "../base/dtype.ts";
import { realize } from "../engine/engine.ts";
import { Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import { builtFrom } from "../tensor/apart.ts";
import { assigning } from "../tensor/assign.ts";
import { filled, type Nodes, orZeros } from "./body.ts";
import { checked } from "./custom.ts";
import { expectFloats, renamed, run } from "./transforms.ts";
import { type Plain, type Reshapen, Substituted, tensorsOf } from "./trees.ts";

/** Computes what tangents read of the graph up to node number `newest`, unless it is inside of another transform. */
function keepPrimals(tangents: Nodes, newest: number): void {
  const needed = new Set<Node>();
  for (const node of topological(tangents, (x) => x.id > newest))
    for (const input of node.inputs) if (input.id <= newest && input.inputs.length > 0) needed.add(input);
  const pending = [...needed].filter((node) => node.storage === null && node.op.kind !== "several");
  const isUnknown = (node: Node): boolean => node.storage === null && node.gone !== null;
  if (topological(pending, (node) => node.storage === null).some(isUnknown)) return;
  realize(pending, { keep: pending });
}

/**
 * A function's result, and its derivative at that point as a linear function of directions.
 * What the derivative needs of the forward pass is computed with the first direction, and kept for those after it.
 * @param f a synchronous function of tensors with one or several results
 * @param primals its arguments
 * @returns the result, and a function from a direction (one tangent for each argument) to the result's tangent
 * @throws {ShapeError} `linearize: expected a tangent of argument 0 of shape [2], got [3]`
 * @example (await linearize((x) => x.mul(x), [tensor([1, 2])])[1](tensor([1, 10])).toArray()) // [2, 40]
 */
export function linearize<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  primals: readonly [...A],
): [result: R, push: (...tangents: { [K in keyof A]: Reshapen<A[K]> }) => Plain<R>] {
  const substituted = new Substituted();
  const fresh = substituted.of(primals, renamed) as readonly [...A];
  const own = substituted.during("linearize", () => run("linearize", () => f(...fresh)));
  const roots = tensorsOf(own).map((x) => x.node);
  expectFloats("linearize", roots);
  const newest = Node.latestId;
  const moving = substituted.tensors.map((x) => x.node).filter((x) => isFloat(x.dtype));
  // The tangent is built at once, for directions to come: what somebody reads until then forgets how it came about.
  const directions = moving.map((x) =>
    unknownLeaf(x.shape, x.dtype, x.device, "inside of linearize a direction has no values of its own"),
  );
  const found = orZeros(roots, assigning(builtFrom("linearize", () => forward(b, roots, moving, directions))));
  let isKept = false;
  const push = (...tangents: { [K in keyof A]: Reshapen<A[K]> }): Plain<R> => {
    const given = fresh.flatMap((arg, i) => {
      const like = tensorsOf(arg).map((x) => x.node);
      return checked("linearize", `a tangent of argument ${i}`, tangents[i], arg, like).filter((_, j) =>
        isFloat(like[j]?.dtype ?? "int32"),
      );
    });
    if (!isKept) keepPrimals(found, newest);
    isKept = true;
    return filled(own, rebuild({ roots: found, inputs: directions }, given)) as Plain<R>;
  };
  return [own as R, push];
}

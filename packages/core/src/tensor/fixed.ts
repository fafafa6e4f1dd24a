// Tensors that keep their value while a function runs: a transform follows that value, not one that comes later.
import { GraphError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";

interface Scope {
  readonly operation: string;
  readonly fixed: ReadonlySet<object>;
  readonly outer: Scope | null;
}

/** The innermost function that runs. */
let scope: Scope | null = null;

/** Runs `f`, which must not assign to `tensors`. */
export function whileFixed<R>(operation: string, tensors: Iterable<object>, f: () => R): R {
  const outer = scope;
  scope = { operation, fixed: new Set(tensors), outer };
  try {
    return f();
  } finally {
    scope = outer;
  }
}

/** Refuses an assignment to what a function has been given: its derivative would be that of a value that is not used any more. */
export function expectNotFixed(tensor: { readonly shape: Shape }): void {
  for (let each = scope; each !== null; each = each.outer)
    if (each.fixed.has(tensor))
      throw new GraphError(
        `${each.operation}: expected a function that assigns to none of its arguments, got one that assigns to a tensor of shape ${showShape(tensor.shape)}. Assign before ${each.operation} or after it; inside, compute with the new value without assigning it`,
      );
}

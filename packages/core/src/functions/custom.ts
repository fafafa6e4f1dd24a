// Functions with derivatives of their own.
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { isFloat } from "../base/dtype.ts";
import { ArgumentError, GraphError, ShapeError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import { builder as b } from "../ops/builder.ts";
import { type CustomRule, customResults } from "../ops/control.ts";
import { unknownLeaf } from "../ops/source.ts";
import { builtApart } from "../tensor/apart.ts";
import { whileFixed } from "../tensor/fixed.ts";
import { Tensor } from "../tensor/tensor.ts";
import { calledWith, filled, isNode, type Nodes, orZeros, type Sparse, sharedBy, zerosLike } from "./body.ts";
import { countedUp, forCopies } from "./copies.ts";
import { renamed, run } from "./transforms.ts";
import { alignedTensors, type Plain, type Reshapen, tensorsOf } from "./trees.ts";

/** Zeros that are a variable, to differentiate a linear function by. */
const variable = (x: Node): Node => renamed(new Tensor(zerosLike(x))).node;

/** What `build` makes of one example, over a batch; null stays null. */
function overBatch(size: number, args: Sparse, build: (examples: Sparse) => Sparse): Sparse {
  const mapped: Node[] = [];
  const batched: Node[] = [];
  const examples = args.map((x) => {
    if (x === null) return null;
    const shared = sharedBy(x);
    if (shared) return shared;
    const example = unknownLeaf(
      x.shape.slice(1),
      x.dtype,
      x.device,
      "inside of vmap a tensor has no values of its own",
    );
    mapped.push(example);
    batched.push(x);
    return example;
  });
  const { result: results, numbers } = forCopies("vmap", size, "different", () => build(examples));
  const roots = results.filter(isNode);
  const lifted = vectorize(b, roots, [...mapped, ...numbers], [...batched, ...countedUp(size, numbers)], size);
  return results.map((x) => (x === null ? null : (lifted[roots.indexOf(x)] ?? null)));
}

/** A rule for every example of a batch. */
export function batchedRule(rule: CustomRule, size: number): CustomRule {
  const whole = (nodes: Sparse): Nodes => nodes.filter(isNode);
  return {
    vjp: (gs, inputs, results) =>
      overBatch(size, [...gs, ...inputs, ...results], (all) => {
        const rest = all.slice(gs.length);
        return rule.vjp(all.slice(0, gs.length), whole(rest.slice(0, inputs.length)), whole(rest.slice(inputs.length)));
      }),
    jvp: (tangents, inputs, results, own) =>
      overBatch(size, [...tangents, ...own, ...inputs, ...results], (all) => {
        const moved = all.slice(0, tangents.length);
        const given = all.slice(tangents.length, tangents.length + own.length);
        const rest = whole(all.slice(tangents.length + own.length));
        return rule.jvp(moved, rest.slice(0, inputs.length), rest.slice(inputs.length), given);
      }),
    batch: (outer) => batchedRule(batchedRule(rule, size), outer),
  };
}

/** A trained tensor that the function uses without being given it would silently get no gradient. */
function refuseCaptured(operation: string, values: Nodes, args: Nodes): void {
  const given = new Set(args);
  for (const node of topological(values, (x) => x.requiresGrad && !given.has(x)))
    if (node.op.kind === "leaf")
      throw new GraphError(
        `${operation}: expected a function of its arguments, got one that uses another tensor with requiresGrad, of shape ${showShape(node.shape)}. Pass it as an argument, or detach it`,
      );
}

/** One node for each of `like`, the nodes of a tree, out of another that should have its form. */
export function checked(operation: string, what: string, tree: unknown, model: unknown, like: Nodes): Nodes {
  return alignedTensors(operation, what, tree, model).map(({ node }, i) => {
    const { shape, dtype } = like[i] ?? node;
    if (!sameShape(node.shape, shape))
      throw new ShapeError(`${operation}: expected ${what} of shape ${showShape(shape)}, got ${showShape(node.shape)}`);
    return b.cast(node, dtype);
  });
}

interface Call {
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** Runs f and hides its operations behind a rule. */
function hidden<A extends readonly unknown[], R>(
  operation: string,
  f: (...args: A) => R,
  args: A,
  ruleOf: (call: Call) => CustomRule,
): R {
  const given = tensorsOf(args);
  const inputs = given.map((x) => x.node);
  const result = whileFixed(operation, given, () => run(operation, () => f(...args)));
  const values = tensorsOf(result).map((x) => x.node);
  if (values.length === 0) throw new ArgumentError(`${operation}: expected a function that returns tensors, got none`);
  refuseCaptured(operation, values, inputs);
  return filled(result, customResults(inputs, values, ruleOf({ args, result }))) as R;
}

/** The gradients that a rule for reverse mode may return: for each argument one of its form, or null for none. */
export type Gradients<A extends readonly unknown[]> = { readonly [K in keyof A]: Reshapen<A[K]> | null };

/**
 * A function whose gradient is what `rule` says: for a better formula than the one that follows from its operations,
 * or for another gradient on purpose. Forward mode uses the rule's transpose, so there the rule must be linear in the
 * cotangent. Derivatives of higher order differentiate the rule.
 * @param f a synchronous function of tensors, or of arrays, plain objects and modules of them; what it uses besides its
 * arguments gets no gradient
 * @param rule from the cotangent and the result (both of the result's form) and the arguments to an array with a
 * gradient for each argument, of its form (for a module, by name); null where there is none. What it builds that f has built
 * too is computed once. What it assigns is assigned in reverse mode alone: forward mode has no cotangent
 * @throws {ArgumentError} `customVjp: expected a rule that returns an array with a gradient for each of 2 arguments, got 1`
 * @throws {ShapeError} `customVjp: expected a gradient of argument 0 of shape [2], got [3]`
 * @throws {GraphError} `customVjp: expected a function of its arguments, got one that uses another tensor with requiresGrad`
 * @example (await grad(customVjp((x) => x.mul(1), (g) => [g.neg()]))(tensor(3)).item()) // -1
 * @example (await jvp(customVjp((x) => x.exp(), (g, y) => [g.mul(y)]), [tensor(0)], [tensor(2)])[1].item()) // 2
 */
export function customVjp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  rule: (cotangent: Plain<R>, result: R, ...args: A) => Gradients<A>,
): (...args: A) => R {
  return (...args) =>
    hidden("customVjp", f, args, ({ result }) => {
      const vjp: CustomRule["vjp"] = (gs, inputs, results) => {
        const g = filled(result, orZeros(results, gs)) as Plain<R>;
        const gradients: unknown = calledWith("customVjp", args, inputs, (...again) =>
          rule(g, filled(result, results) as R, ...again),
        );
        if (!Array.isArray(gradients) || gradients.length !== args.length)
          throw new ArgumentError(
            `customVjp: expected a rule that returns an array with a gradient for each of ${args.length} arguments, got ${Array.isArray(gradients) ? gradients.length : typeof gradients}`,
          );
        let from = 0;
        return args.flatMap((arg, i): Sparse => {
          const own = inputs.slice(from, from + tensorsOf(arg).length);
          from += own.length;
          if (gradients[i] === null || gradients[i] === undefined) return own.map(() => null);
          return checked("customVjp", `a gradient of argument ${i}`, gradients[i], arg, own);
        });
      };
      return {
        vjp,
        jvp(tangents, inputs, results) {
          const gs = results.map((y) => (isFloat(y.dtype) ? variable(y) : null));
          // There is no cotangent here: what the rule assigns is for reverse mode.
          const { result: gradients } = builtApart("customVjp", () => vjp(gs, inputs, results));
          const pairs = tangents.flatMap((dx, i) => {
            const gradient = gradients[i];
            return dx && gradient ? [{ dx, gradient }] : [];
          });
          const transposed = reverse(
            b,
            pairs.map((x) => x.gradient),
            pairs.map((x) => x.dx),
            gs.filter(isNode),
          );
          let next = 0;
          return gs.map((g) => (g ? (transposed[next++] ?? null) : null));
        },
        batch(size) {
          return batchedRule(this, size);
        },
      };
    });
}

/** Tangents as a rule for forward mode gets them: for each argument one of its form, for a module one by name. */
export type Tangents<A extends readonly unknown[]> = { readonly [K in keyof A]: Plain<A[K]> };

/**
 * A function whose derivative along a direction is what `rule` says. Reverse mode transposes the rule, which must
 * be linear in the tangents. What the rule assigns is assigned in forward mode alone: reverse mode has no tangent.
 * @param f a synchronous function of tensors, or of arrays, plain objects and modules of them; what it uses besides its
 * arguments gets no gradient
 * @param rule from the arguments and their tangents (an array each; a module's tangents by name) to the result's tangent, of
 * the result's form
 * @throws {ArgumentError} `customJvp: expected a tangent with 1 tensors, got 2`
 * @throws {ShapeError} `customJvp: expected a tangent of shape [2], got [3]`
 * @example (await grad(customJvp((x) => x.abs(), ([x], [dx]) => x.div(x.abs().add(1)).mul(dx)))(tensor(-3)).item()) // -0.75
 */
export function customJvp<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  rule: (primals: A, tangents: Tangents<A>) => Plain<R>,
): (...args: A) => R {
  return (...args) =>
    hidden("customJvp", f, args, ({ result }) => {
      const push = (inputs: Nodes, tangents: Nodes, results: Nodes): Nodes => {
        const moved = filled(args, tangents) as Tangents<A>;
        const found = calledWith("customJvp", args, inputs, (...again) => rule(again, moved));
        return checked("customJvp", "a tangent", found, result, results);
      };
      return {
        jvp(tangents, inputs, results) {
          const dy = push(inputs, orZeros(inputs, tangents), results);
          return dy.map((x, i) => (isFloat(results[i]?.dtype ?? "int32") ? x : null));
        },
        vjp(gs, inputs, results) {
          const dxs = inputs.map(variable);
          // There is no tangent here: what the rule assigns is for forward mode.
          const { result: dy } = builtApart("customJvp", () => push(inputs, dxs, results));
          const live = dy.flatMap((y, i) => {
            const g = gs[i];
            return g ? [{ y, g }] : [];
          });
          const pulled = reverse(
            b,
            live.map((x) => x.y),
            live.map((x) => x.g),
            dxs,
          );
          return inputs.map((x, i) => (isFloat(x.dtype) ? (pulled[i] ?? null) : null));
        },
        batch(size) {
          return batchedRule(this, size);
        },
      };
    });
}

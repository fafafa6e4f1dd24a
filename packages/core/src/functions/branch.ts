// A choice between two bodies as a node: of its derivatives, too, only the chosen one is computed.
import { forward } from "../autodiff/forward.ts";
import { rebuild } from "../autodiff/rebuild.ts";
import { reverse } from "../autodiff/reverse.ts";
import { vectorize } from "../autodiff/vectorize.ts";
import { isFloat } from "../base/dtype.ts";
import type { Body } from "../graph/control.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { type ControlRule, controlResults } from "../ops/control.ts";
import { batchedBody, byRules, isNode, type Nodes, orZeros, parameter, type Sparse, sharedBy } from "./body.ts";

export type Bodies = readonly [Body, Body];

/** The results of one of two bodies, which have the same parameters. */
export function branchResults(bodies: Bodies, predicate: Node, inputs: Nodes): readonly Node[] {
  return controlResults([predicate, ...inputs], bodies[0].roots, { kind: "branch", bodies }, ruleOf(bodies));
}

const both = (bodies: Bodies, change: (body: Body) => Body): Bodies => [change(bodies[0]), change(bodies[1])];

function ruleOf(bodies: Bodies): ControlRule {
  const [{ params, roots }] = bodies;
  return {
    vjp(gs, [predicate, ...inputs]) {
      if (!predicate) return [];
      const live = gs.flatMap((g, i) => (g && isFloat(g.dtype) ? [i] : []));
      const cotangents = live.flatMap((i) => roots[i] ?? []).map((x) => parameter(x));
      const wrt = params.filter((x) => isFloat(x.dtype));
      const pulled = both(bodies, (body) => {
        const found = byRules(() =>
          reverse(
            b,
            live.flatMap((i) => body.roots[i] ?? []),
            cotangents,
            body.params.filter((x) => isFloat(x.dtype)),
          ),
        );
        return {
          params: [...body.params, ...cotangents],
          roots: orZeros(wrt, found),
        };
      });
      const results = branchResults(pulled, predicate, [...inputs, ...live.flatMap((i) => gs[i] ?? [])]);
      return [null, ...params.map((x) => results[wrt.indexOf(x)] ?? null)];
    },
    jvp([, ...tangents], [predicate, ...inputs]) {
      if (!predicate) return [];
      const live = params.flatMap((x, i) => (isFloat(x.dtype) && tangents[i] ? [i] : []));
      const directions = live.flatMap((i) => params[i] ?? []).map((x) => parameter(x));
      const at = roots.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
      const pushed = both(bodies, (body) => {
        const targets = at.flatMap((i) => body.roots[i] ?? []);
        const wrt = live.flatMap((i) => body.params[i] ?? []);
        const found = byRules(() => forward(b, targets, wrt, directions));
        return {
          params: [...body.params, ...directions],
          roots: orZeros(targets, found),
        };
      });
      const results = branchResults(pushed, predicate, [...inputs, ...live.flatMap((i) => tangents[i] ?? [])]);
      return roots.map((_, i): Node | null => results[at.indexOf(i)] ?? null);
    },
    batch([predicate, ...inputs]) {
      if (!predicate) return [];
      const [size = 1] = predicate.shape;
      const shared = inputs.map(sharedBy);
      const one = sharedBy(predicate);
      if (one) {
        const lifted = both(bodies, (body) => batchedBody(body, (i) => isNode(shared[i]), size));
        return branchResults(
          lifted,
          one,
          inputs.map((x, i) => shared[i] ?? x),
        );
      }
      // Examples differ in what they choose: both are computed.
      const [yes, no] = [inlined(bodies[0], inputs, shared, size), inlined(bodies[1], inputs, shared, size)];
      return yes.map((x, i) => {
        const mask = b.reshape(predicate, [size, ...new Array<number>(x.shape.length - 1).fill(1)]);
        return b.select(mask, x, no[i] ?? x);
      });
    },
  };
}

/** A body's results over a batch of inputs. */
function inlined({ params, roots }: Body, inputs: Nodes, shared: Sparse, size: number): Nodes {
  const mapped = params.filter((_, i) => !shared[i]);
  const batched = inputs.filter((_, i) => !shared[i]);
  const lifted = vectorize(b, roots, mapped, batched, size);
  return rebuild({ roots: lifted, inputs: params.filter((_, i) => shared[i]) }, shared.filter(isNode));
}

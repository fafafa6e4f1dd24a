// Trading time for memory: what happens inside of a function is computed again for its gradient instead of being kept.
import { rebuild, recorded } from "../autodiff/rebuild.ts";
import { reverse } from "../autodiff/reverse.ts";
import { isFloat } from "../base/dtype.ts";
import { ArgumentError } from "../base/errors.ts";
import { makeNode, Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { after, type CustomRule, customResults } from "../ops/control.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batchedRule } from "./custom.ts";
import { run } from "./transforms.ts";
import { mapTensors, tensorsOf } from "./trees.ts";

/**
 * The same function, but nothing of its inside is kept for the gradient: the backward pass computes it again, when
 * its cotangent is there. With L layers in √L checkpoints, memory grows as √L, at the cost of one more forward pass
 * (Chen et al., "Training deep nets with sublinear memory cost", 2016). Values, gradients and random numbers are the
 * same with and without; tensors that the function uses besides its arguments get their gradients too.
 * @param f a synchronous function of tensors with one or several results
 * @throws {ArgumentError} `checkpoint: expected a function that returns tensors, got none`
 * @example (await grad((x) => checkpoint((y) => y.sin().exp())(x))(tensor(0)).item()) // 1
 */
export function checkpoint<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const since = Node.latestId;
    const result = run("checkpoint", () => f(...args));
    const values = tensorsOf(result).map((x) => x.node);
    if (values.length === 0) throw new ArgumentError("checkpoint: expected a function that returns tensors, got none");
    const body = recorded(values, (node) => node.id > since);
    const rule: CustomRule = {
      vjp(gs, inputs, results) {
        const cotangents = gs.filter((g): g is Node => g !== null);
        const late = inputs.map((x) => makeNode(after, [x, ...cotangents]));
        const again = rebuild(body, late);
        const found = reverse(
          b,
          again.filter((_, i) => gs[i]),
          cotangents,
          late.filter((x) => isFloat(x.dtype)),
        );
        // The results are there, as what comes after read them: no need to compute their last operations again.
        const kept = rebuild({ roots: found.filter((x) => x !== null), inputs: again }, results);
        const gradients = found.map((x) => (x === null ? null : (kept.shift() ?? x)));
        let next = 0;
        return late.map((x) => (isFloat(x.dtype) ? (gradients[next++] ?? null) : null));
      },
      jvp: (_tangents, _inputs, _results, own) => own,
      batch: (size) => batchedRule(rule, size),
    };
    const results = customResults(body.inputs, values, rule);
    let next = 0;
    return mapTensors(result, (x) => new Tensor(results[next++] ?? x.node)) as R;
  };
}

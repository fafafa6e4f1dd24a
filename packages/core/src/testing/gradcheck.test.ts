import { describe, expect, it } from "vitest";
import { makeNode, type Node } from "../graph/node.ts";
import type { Elementwise, Nonlinear } from "../graph/rules.ts";
import { sum } from "../ops/reduce.ts";
import { exp, sin } from "../ops/transcendental.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Differentiable, GradcheckError, gradcheck } from "./gradcheck.ts";
import { seededValues } from "./seeded-values.ts";

const of =
  (op: Elementwise): Differentiable =>
  (x = tensor(0)) =>
    new Tensor(makeNode(op, [x.node]));

const wrong = (changes: Partial<Elementwise>): Differentiable => of({ ...sin, ...changes });
const x = seededValues([2, 3]);

describe("gradcheck", () => {
  it("passes what is right: one input, several, several results, second order", async () => {
    await gradcheck(of(sin), [x], { order: 2 });
    await gradcheck((a = x, b = x) => a.matmul(b).tanh(), [x, seededValues([3, 2], { seed: 2 })], { order: 2 });
    await gradcheck((a = x, b = x) => [a.mul(b), a.sum(), b.exp()], [x, seededValues([3], { seed: 3 })], { order: 2 });
    await gradcheck((a = x) => a.mul(a).add(a), [tensor(0.5)], { order: 2 });
  });

  it("leaves integer inputs and integer results alone", async () => {
    const scale = tensor([2, 3, 4], { dtype: "int32" });
    await gradcheck((a = x, n = scale) => [a.mul(n), n, a.gt(0)], [x, scale]);
  });

  it("checks large Jacobians along random directions", async () => {
    await gradcheck((a = x) => a.mul(a).exp(), [seededValues([8, 9])]);
    const slip: Elementwise = { ...sin, partials: () => [(a, g, y) => a.mul(g, y)] };
    await expect(gradcheck(of(slip), [seededValues([8, 9])])).rejects.toThrow(
      /derivative of a random sum of the results by element \[0, 0\] of input 0 to be .* by reverse mode/,
    );
    await expect(gradcheck(of(slip), [seededValues([8, 9])], { modes: ["forward"] })).rejects.toThrow(
      /derivative of element \[0, 0\] of result 0 by a random direction of the inputs to be .* by forward mode/,
    );
  });

  it("passes results that do not depend on the input, and empty ones", async () => {
    await gradcheck((a = x) => a.gt(0).to("float64"), [x], { order: 2 });
    await gradcheck((a = x) => a.exp(), [seededValues([0, 3])], { order: 2 });
  });

  it("names the element and both numbers", async () => {
    const slip: Elementwise = { ...sin, partials: () => [(a, g, _, v) => a.mul(g, a.sin(v))] };
    const failure = gradcheck((a = x, b = x) => a.mul(of(slip)(b) as Tensor), [seededValues([2]), tensor([0, 1])]);
    await expect(failure).rejects.toThrow(GradcheckError);
    const pattern =
      /^gradcheck: expected the derivative of element \[0\] of result 0 by element \[0\] of input 1 to be -?0\.\d+, as differences say, got 0 by reverse mode$/;
    await expect(
      gradcheck((a = x, b = x) => a.mul(of(slip)(b) as Tensor), [seededValues([2]), tensor([0, 1])]),
    ).rejects.toThrow(pattern);
  });

  it("notices modes that disagree by less than differences can tell", async () => {
    const vjp = (b: Parameters<Nonlinear["vjp"]>[0], g: Node): Node => b.mul(g, b.num(1 + 1e-9, g));
    const slip: Nonlinear = {
      kind: "nonlinear",
      name: "identity",
      dtype: ([y]) => y?.dtype ?? "float64",
      shape: ([y]) => y?.shape ?? [],
      vjp: (b, g) => [vjp(b, g)],
      jvp: (_, [dx]) => dx ?? null,
      batch: sum.batch,
      lower: (k, [y]) => y ?? k.literal(0, "float64"),
    };
    const identity: Differentiable = (a = x) => new Tensor(makeNode(slip, [a.node]));
    await expect(gradcheck(identity, [x])).rejects.toThrow("⟨u, J·v⟩");
  });

  it("notices a wrong second derivative behind a right first one", async () => {
    // exp with a partial that is right as a number, and hides from the next sweep how it depends on x.
    const frozen: Nonlinear = {
      kind: "nonlinear",
      name: "frozen exp",
      dtype: ([y]) => y?.dtype ?? "float64",
      shape: ([y]) => y?.shape ?? [],
      vjp: () => [null],
      jvp: () => null,
      batch: sum.batch,
      lower: (k, [y]) => k.exp(y ?? k.literal(0, "float64")),
    };
    const hidden: Elementwise = {
      ...exp,
      partials: () => [
        (a, g, y, v) => {
          const slope = y instanceof Object && "op" in y && v instanceof Object && "op" in v;
          return slope ? a.mul(g, makeNode(frozen, [v as unknown as Node]) as unknown as typeof g) : g;
        },
      ],
    };
    await gradcheck(of(hidden), [x]);
    await expect(gradcheck(of(hidden), [x], { order: 2 })).rejects.toThrow(
      "gradcheck, second order: expected the derivative",
    );
  });

  it("notices a function of something else than its inputs", async () => {
    let calls = 0;
    await expect(gradcheck((a = x) => a.mul(calls++), [x])).rejects.toThrow("the same results for the same inputs");
  });

  it("asks for a float", async () => {
    await expect(gradcheck((a = x) => a, [tensor([1], { dtype: "int32" })])).rejects.toThrow(
      "at least one float input",
    );
  });

  it("fails where a derivative is missing", async () => {
    await expect(gradcheck((a = x) => a.detach().mul(a), [x])).rejects.toThrow(GradcheckError);
    await expect(gradcheck(wrong({ partials: () => [null] }), [x])).rejects.toThrow("got 0 by reverse mode");
  });
});

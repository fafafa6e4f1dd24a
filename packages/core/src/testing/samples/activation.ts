// Samples of activations. Where 1 + erf or 1 + tanh cancels, the error is relative to x.
import type * as records from "../../ops/activation.ts";
import { unary, unaryNumber } from "./pointwise.ts";
import { type Bound, exact, type SamplesOf, ulps } from "./sample.ts";

const wide = { low: -12, high: 12 };
const ofArgument: Bound = { kind: "scaled", epsilons: 3, scale: (x = 0) => Math.abs(x) };
/** Between the bounds and beyond them, at neither. */
const beside = { low: -0.9, high: 1.9 };

export const activation: SamplesOf<typeof records> = {
  sigmoid: unary(ulps(3), { ranges: [wide], smooth: [{}] }),
  relu: unaryNumber(exact, { smooth: [{ low: 0.1, high: 2 }] }),
  clamp: unaryNumber(exact, {
    attrs: [
      { min: -1, max: 2 },
      { min: null, max: 2 },
      { min: -1, max: null },
    ],
    smooth: [beside],
  }),
  hardtanh: unaryNumber(exact, { attrs: [{ min: -1, max: 2 }], smooth: [beside] }),
  softplus: unary(ulps(3), { ranges: [wide], smooth: [{ low: 0.1, high: 2 }] }),
  logSigmoid: unary(ulps(3), { ranges: [wide], smooth: [{ low: -2, high: -0.1 }] }),
  gelu: unary(ofArgument, { ranges: [wide], smooth: [{}] }),
  geluTanh: unary(ofArgument, { ranges: [wide], smooth: [{}] }),
};

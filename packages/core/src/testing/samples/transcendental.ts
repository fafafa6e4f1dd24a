// Samples of exponentials, logarithms, angles, roots and powers: instructions of their own, to a few units in the last place.
import type * as records from "../../ops/transcendental.ts";
import { binary, unary } from "./pointwise.ts";
import { exact, type SamplesOf, ulps } from "./sample.ts";

const positive = { low: 0.2, high: 4 };
const wide = { low: -20, high: 20 };

export const transcendental: SamplesOf<typeof records> = {
  exp: unary(ulps(2), { ranges: [wide], smooth: [{}] }),
  expm1: unary(ulps(2), { ranges: [wide], smooth: [{}] }),
  log: unary(ulps(2), { ranges: [{ low: 1e-6, high: 100 }], smooth: [positive] }),
  log1p: unary(ulps(2), { ranges: [{ low: -0.999, high: 50 }], smooth: [{ low: -0.5, high: 4 }] }),
  sin: unary(ulps(2), { ranges: [wide] }),
  cos: unary(ulps(2), { ranges: [wide] }),
  tan: unary(ulps(3), { ranges: [wide], smooth: [{ low: -1, high: 1 }] }),
  tanh: unary(ulps(2), { ranges: [{ low: -6, high: 6 }] }),
  erf: unary(ulps(2), { ranges: [{ low: -4, high: 4 }] }),
  sqrt: unary(exact, { ranges: [positive] }),
  rsqrt: unary(exact, { ranges: [positive] }),
  atan2: binary(ulps(2), { ranges: [wide], smooth: [{ low: 0.3, high: 2 }] }),
  pow: binary(ulps(2), {
    ranges: [positive, { low: -5, high: 5 }],
    smooth: [
      { low: 0.5, high: 3 },
      { low: -2, high: 3 },
    ],
  }),
  // Where the larger is near −log 2, the sum cancels.
  logaddexp: binary({ kind: "scaled", epsilons: 3, scale: (x = 0, y = 0) => Math.max(1, Math.abs(x), Math.abs(y)) }),
};

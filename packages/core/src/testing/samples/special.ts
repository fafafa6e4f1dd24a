// Samples of special functions: series and asymptotic formulas of many instructions, whose errors add up.
import type * as records from "../../ops/special.ts";
import { unary } from "./pointwise.ts";
import { type Bound, type SamplesOf, ulps } from "./sample.ts";

const wide = { low: -8, high: 8 };
/** Relative to what is added up: near their zeros the functions cancel. */
const cancelling = (epsilons: number, least = 1): Bound => ({
  kind: "scaled",
  epsilons,
  scale: (x = 0) => Math.max(least, Math.abs(x)),
});

export const special: SamplesOf<typeof records> = {
  erfc: unary(ulps(8), { ranges: [{ low: -4, high: 9 }], smooth: [{ low: -3, high: 3 }] }),
  erfinv: unary(ulps(8), { ranges: [{ low: -0.999, high: 0.999 }], smooth: [{ low: -0.8, high: 0.8 }] }),
  lgamma: unary(cancelling(16), {
    ranges: [{ low: 0.1, high: 30 }],
    smooth: [{ low: 0.4, high: 4 }],
  }),
  polygamma: unary(cancelling(32), {
    ranges: [{ low: 0.5, high: 20 }],
    smooth: [{ low: 0.8, high: 4 }],
    attrs: [{ order: 0 }, { order: 1 }, { order: 3 }],
  }),
  besselI: unary(ulps(16), {
    ranges: [wide],
    smooth: [{ low: -3, high: 3 }],
    attrs: [
      { order: 0, scaled: false },
      { order: 1, scaled: false },
      { order: 0, scaled: true },
      { order: 1, scaled: true },
    ],
  }),
};

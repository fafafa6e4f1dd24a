// Samples of hyperbolic functions and inverses of angles: formulas of a few instructions, whose errors add up.
import type * as records from "../../ops/hyperbolic.ts";
import { unary } from "./pointwise.ts";
import { type SamplesOf, ulps } from "./sample.ts";

const wide = { low: -8, high: 8 };
const unit = { low: -0.99, high: 0.99 };
const inner = { low: -0.8, high: 0.8 };

export const hyperbolic: SamplesOf<typeof records> = {
  sinh: unary(ulps(6), { ranges: [wide], smooth: [{ low: 0.2, high: 0.9 }] }),
  cosh: unary(ulps(6), { ranges: [wide], smooth: [{}] }),
  asin: unary(ulps(3), { ranges: [unit], smooth: [inner] }),
  acos: unary(ulps(3), { ranges: [unit], smooth: [inner] }),
  atan: unary(ulps(2), { ranges: [wide], smooth: [{}] }),
  asinh: unary(ulps(4), { ranges: [wide], smooth: [{}] }),
  acosh: unary(ulps(4), { ranges: [{ low: 1, high: 20 }], smooth: [{ low: 1.5, high: 4 }] }),
  atanh: unary(ulps(4), { ranges: [unit], smooth: [inner] }),
};

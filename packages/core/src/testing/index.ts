// What tests of programs that use Cotangent need: comparisons with a tolerance, checked gradients, repeatable values.
export { allclose, type Comparable, type Tolerance, ToleranceError } from "./allclose.ts";
export { type Differentiable, GradcheckError, type GradcheckOptions, gradcheck } from "./gradcheck.ts";
export { type SeededOptions, seededValues } from "./seeded-values.ts";
export { ulpsBetween } from "./ulps.ts";

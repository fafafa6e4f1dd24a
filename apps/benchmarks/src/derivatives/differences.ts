// How wrong finite differences are, against their step: too long and the function bends, too short and its digits run out.
import { grad, type Tensor, tensor } from "@cotangent/core";

export interface DifferenceError {
  readonly step: number;
  /** Relative to the derivative, which automatic differentiation gives to the last digit. */
  readonly forward: number;
  readonly central: number;
}

const f = (x: Tensor): Tensor => x.sin().exp();
const at = 1;

/** Errors of (f(x + h) − f(x)) / h and (f(x + h) − f(x − h)) / 2h in float64 for f(x) = exp(sin x) at 1. */
export function differenceErrors(): DifferenceError[] {
  const point = tensor(at, { dtype: "float64" });
  const derivative = grad(f)(point).itemSync();
  const value = (x: number): number => f(tensor(x, { dtype: "float64" })).itemSync();
  return Array.from({ length: 61 }, (_, i) => {
    const step = 10 ** (-i / 4);
    // What x + h really is, so that only f rounds.
    const [right, left] = [at + step, at - step];
    const forward = (value(right) - value(at)) / (right - at);
    const central = (value(right) - value(left)) / (right - left);
    const error = (found: number): number => Math.abs(found / derivative - 1);
    return { step, forward: error(forward), central: error(central) };
  });
}

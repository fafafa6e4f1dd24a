// Tensors from flat lists, and comparisons with such lists: what tests against another library's numbers are written with.
import { type Shape, sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { allclose, type Tolerance } from "./allclose.ts";

/** A float64 tensor from its values in row-major order. */
export const f64 = (list: readonly number[], shape: Shape = [list.length]): Tensor =>
  tensor(Float64Array.from(list), { shape });

/** Values that rise by 0.37 and fall back at 1.2, to four decimals: `round((0.37·i) % 2.3 − 1.1, 4)`. */
export const sawtooth = (shape: Shape): Tensor =>
  f64(
    Array.from({ length: sizeOf(shape) }, (_, i) => Number((((0.37 * i) % 2.3) - 1.1).toFixed(4))),
    shape,
  );

/** As `allclose`; a list fits a tensor of any shape. */
export const near = (x: Tensor, expected: readonly number[] | Tensor, tolerance?: Tolerance): Promise<void> =>
  allclose(x, expected instanceof Tensor ? expected : Float64Array.from(expected), tolerance);

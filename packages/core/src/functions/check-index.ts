// Positions that must lie in a range, checked where they are used.
import type { Shape } from "../base/shape.ts";
import { builder } from "../ops/builder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { indexOf } from "./arguments.ts";

/**
 * The index itself, unless an element lies outside of 0 ≤ x < bound: whatever is computed from it then fails.
 * @param index int32 or uint8
 * @param what names the index in the message
 * @returns int32
 * @throws {IndexError} when it is computed: `labels: index 12 is out of range for size 10`
 * @example (await checkIndex(tensor([1, 2]).to("int32"), 3, "labels").toArray()) // [1, 2]
 */
export function checkIndex<S extends Shape>(index: Tensor<S>, bound: number, what: string): Tensor<S> {
  return new Tensor(builder.check(indexOf("checkIndex", index), bound, what));
}

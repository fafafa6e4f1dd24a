// Tensors: making them, computing with them, and when anything is computed at all.
import { engineStatistics, eye, manualSeed, randn, tensor, where, zeros } from "@cotangent/core";
import { Command } from "commander";

new Command("01-tensors")
  .description("Shows tensors: making them, computing with them, and when anything is computed at all.")
  .parse();

// A tensor has a shape, an element type, and values. Reading values is asynchronous, so that any device can serve them.
const a = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
console.log("shape", a.shape, "dtype", a.dtype);
console.log("values", await a.toArray());

// A typed array's own type decides the element type; a shape can be given. The values are copied.
const counts = tensor(Int32Array.of(1, 2, 3, 4), { shape: [2, 2] });
console.log("int32", await counts.toArray());

// Shapes broadcast as in NumPy: [2, 3] with [3], [2, 3] with a number.
console.log("a + [10, 20, 30]", await a.add(tensor([10, 20, 30])).toArray());
console.log("a · 2 − 1", await a.mul(2).sub(1).toArray());

// Reductions take axes; without one they reduce everything.
console.log("sum", await a.sum().item(), "mean of rows", await a.mean({ axis: 1 }).toArray());
console.log("largest in each column", await a.max({ axis: 0 }).toArray());

// Views are free: transposing, reshaping and expanding move no data.
console.log("transposed", await a.transpose().toArray());
console.log("a · aᵀ", await a.matmul(a.transpose()).toArray());
console.log("only what is above 3", await where(a.gt(3), a, 0).toArray());

// Where sizes are literal, TypeScript knows shapes: this line wouldn't compile without the comment above it.
// @ts-expect-error: 3 and 4 don't match
const mismatch = () => zeros([2, 3]).matmul(eye(4));
try {
  mismatch();
} catch (error) {
  console.log("and at run time:", error instanceof Error ? error.message : error);
}

// Random numbers come from a seed.
manualSeed(1);
const noise = randn([1000]);
console.log(
  "mean",
  (await noise.mean().item()).toFixed(3),
  "mean square",
  (await noise.mul(noise).mean().item()).toFixed(3),
);

// Nothing is computed before a value is needed: until then a tensor is a node of a graph. Then whatever is pending
// becomes one plan with few kernels; here a single one, and no array for anything between.
const before = engineStatistics();
const y = a.sub(3).exp().add(1).log().mul(a).sum();
console.log("runs so far", engineStatistics().runs - before.runs);
console.log("value", (await y.item()).toFixed(4), "runs", engineStatistics().runs - before.runs);

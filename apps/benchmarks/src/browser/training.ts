// Training for the tests of browsers: what Node and a page must agree on.
import { manualSeed, randn, tensor } from "@cotangent/core";
import { crossEntropy, Linear, ReLU, Sequential } from "@cotangent/nn";
import { Adam } from "@cotangent/optim";

/** The losses of a perceptron's first steps: large enough for threads, small enough for a test. */
export async function train(steps: number): Promise<number[]> {
  manualSeed(7);
  const model = new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 10));
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const labels = tensor(
    Array.from({ length: 128 }, (_, i) => (7 * i) % 10),
    { dtype: "int32" },
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(randn([128, 784])), labels);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}

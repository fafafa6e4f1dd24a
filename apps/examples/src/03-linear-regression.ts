// Linear regression: a line through noisy points, by hand first and then with a layer, a loader and an optimizer.
import { manualSeed, noGrad, randn, tensor, uniform } from "@cotangent/core";
import { DataLoader, tensorDataset } from "@cotangent/data";
import { Linear, mse } from "@cotangent/nn";
import { SGD } from "@cotangent/optim";
import { Command } from "commander";

new Command("03-linear-regression")
  .description("Fits a line through noisy points, by hand and with a layer, a loader and an optimizer.")
  .parse();

// 200 points around y = 3x₁ − 2x₂ + 0.5.
manualSeed(0);
const x = uniform([200, 2], { low: -1, high: 1 });
const y = x
  .matmul(tensor([[3], [-2]]))
  .add(0.5)
  .add(randn([200, 1]).mul(0.1));

// By hand: the gradient of the mean squared error, and a step against it.
const weight = tensor([[0], [0]], { requiresGrad: true });
const bias = tensor([0], { requiresGrad: true });
for (let step = 0; step < 100; step++) {
  const error = x.matmul(weight).add(bias).sub(y);
  error.mul(error).mean().backward();
  for (const parameter of [weight, bias]) {
    const gradient = parameter.grad;
    if (gradient !== null) parameter.assign(noGrad(() => parameter.sub(gradient.mul(0.5))));
    parameter.zeroGrad();
  }
}
console.log("by hand: weight", await weight.toArray(), "bias", await bias.toArray());

// The same with a layer, batches and an optimizer.
const model = new Linear(2, 1);
const optimizer = new SGD(model.parameters(), { lr: 0.1 });
const batches = new DataLoader(await tensorDataset({ x, y }), { batchSize: 20, shuffle: true });
for (let epoch = 1; epoch <= 20; epoch++) {
  let total = 0;
  for await (const batch of batches) {
    optimizer.zeroGrad();
    const loss = mse(model.forward(batch.x), batch.y);
    loss.backward();
    optimizer.step();
    total += await loss.item();
  }
  if (epoch % 5 === 0) console.log(`epoch ${epoch}: loss ${(total / batches.length).toFixed(5)}`);
}
console.log("with a layer: weight", await model.weight.toArray(), "bias", await model.bias?.toArray());

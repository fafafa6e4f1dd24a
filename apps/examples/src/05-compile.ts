// The same training loop twice, as it stands and compiled: equal bits, and what the difference is worth for a tiny network.
import { compile, manualSeed, type Tensor, tensor } from "@cotangent/core";
import { Linear, mse, Sequential, Tanh } from "@cotangent/nn";
import { CosineAnnealingLR, SGD } from "@cotangent/optim";
import { Command } from "commander";

new Command("05-compile")
  .description("Trains a tiny network twice, as it stands and compiled, and compares results and speed.")
  .parse();

const steps = 20_000;
const x = tensor([
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
]); // exclusive or
const y = tensor([[0], [1], [1], [0]]);

async function train(isCompiled: boolean): Promise<{ loss: number; stepsPerSecond: number; predictions: Tensor }> {
  manualSeed(3);
  const model = new Sequential(new Linear(2, 16), new Tanh(), new Linear(16, 1));
  const optimizer = new SGD(model.parameters(), { lr: 0.05 });
  const schedule = new CosineAnnealingLR(optimizer, { tMax: steps }); // another learning rate at each step: nothing is compiled again
  const eager = (): Tensor => {
    optimizer.zeroGrad();
    const loss = mse(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  const step = isCompiled ? compile(eager) : eager;
  let loss = 0;
  let start = 0;
  for (let i = 0; i < steps; i++) {
    if (i === steps / 2) start = performance.now(); // the engine has seen enough by then
    loss = await step().item();
    schedule.step();
  }
  const seconds = (performance.now() - start) / 1000;
  return { loss, stepsPerSecond: Math.round(steps / 2 / seconds), predictions: model.forward(x) };
}

const eager = await train(false);
const compiled = await train(true);
console.log("as it stands:", eager.stepsPerSecond, "steps/s, loss", eager.loss);
console.log("compiled:    ", compiled.stepsPerSecond, "steps/s, loss", compiled.loss);
console.log("predictions", await compiled.predictions.toArray());

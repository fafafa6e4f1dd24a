// Where does the time go? A profile of the training step of a small network, and the plan of its forward pass.
import { explainPlan, manualSeed, profile, randint, randn, realize } from "@cotangent/core";
import { crossEntropy, Linear, ReLU, Sequential } from "@cotangent/nn";
import { Adam } from "@cotangent/optim";
import { Command } from "commander";
import { writeWhole } from "./mnist/files.ts";

const { args } = new Command("04-profile")
  .description("Shows where the time of a training step goes, kernel by kernel.")
  .argument("[file]", "where to write the trace of all steps, for chrome://tracing or ui.perfetto.dev")
  .parse();

manualSeed(0);
const model = new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 128), new ReLU(), new Linear(128, 10));
const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
const image = randn([128, 784]);
const label = randint(0, 10, [128]);
realize(image, label);

function step(): void {
  optimizer.zeroGrad();
  crossEntropy(model.forward(image), label).backward();
  optimizer.step();
}

// What would run, without running it: nothing is measured here.
console.log(explainPlan(model.forward(image)));

// The first steps compile the plan, and the engine takes a while to optimize the kernels' code: they don't count.
const steps = await profile(step, { warmUp: 50, repeat: 50 });
console.log(`\n${steps}`);

// For a closer look: one step after the other, on a time line, in chrome://tracing or ui.perfetto.dev.
const [path] = args;
if (path !== undefined) {
  writeWhole(path, new TextEncoder().encode(steps.toChromeTrace()));
  console.log(`\ntrace written to ${path}`);
}

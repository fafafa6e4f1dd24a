// Trains a classifier on MNIST or Fashion-MNIST, tests it, and saves it with a picture of its loss: npm run mnist.
import { CotangentError, manualSeed, saveSafetensors, setDefaultDevice } from "@cotangent/core";
import { fashionMnist, fashionMnistClasses, mnist, mnistClasses, type Split, Subset } from "@cotangent/data";
import { Adam, AdamW, SGD } from "@cotangent/optim";
import { writeWhole } from "./mnist/files.ts";
import { drawLossCurve } from "./mnist/loss-curve.ts";
import { models } from "./mnist/models.ts";
import { type Options, parseOptions } from "./mnist/options.ts";
import { classResults, classTable, percent } from "./mnist/report.ts";
import { evaluate, fit, type LabelledImages } from "./mnist/train.ts";

async function load(split: Split, { dataset, dataDir, model, limit }: Options): Promise<LabelledImages> {
  const flatten = model === "mlp";
  const images = await (dataset === "fashion" && dataDir !== undefined
    ? fashionMnist(split, { dir: dataDir, flatten })
    : mnist(split, { flatten, ...(dataDir !== undefined && { dir: dataDir }) }));
  if (limit === undefined || limit >= images.length) return images;
  return new Subset(
    images,
    Array.from({ length: limit }, (_, i) => i),
  );
}

async function main(options: Options): Promise<void> {
  setDefaultDevice(options.device);
  manualSeed(options.seed);
  const [train, test] = [await load("train", options), await load("test", options)];

  const model = models[options.model]();
  const parameters = model.parameters();
  const optimizer = {
    sgd: () => new SGD(parameters, { lr: options.lr, momentum: 0.9 }),
    adam: () => new Adam(parameters, { lr: options.lr }),
    adamw: () => new AdamW(parameters, { lr: options.lr }),
  }[options.optimizer]();
  const { image } = await train.get(0);
  console.log(`${model.summary([options.batchSize, ...image.shape])}\n`);

  const startMs = performance.now();
  const losses = await fit(model, optimizer, train, options);
  const trainSeconds = (performance.now() - startMs) / 1000;
  const classes = { mnist: mnistClasses, fashion: fashionMnistClasses }[options.dataset];
  const result = await evaluate(model, test, classes.length);

  const title = `${options.model} on ${options.dataset}, ${options.optimizer}, batches of ${options.batchSize}`;
  writeWhole(`${options.out}/model.safetensors`, await saveSafetensors(model.stateDict()));
  writeWhole(`${options.out}/loss.png`, drawLossCurve(title, losses, losses.length / options.epochs));

  console.log(`\n${classTable(classResults(result.confusion, classes))}\n`);
  console.log(`test accuracy ${percent(result.accuracy)}, test loss ${result.loss.toFixed(4)} (${test.length} images)`);
  console.log(`saved ${options.out}/model.safetensors and ${options.out}/loss.png`);
  if (options.json)
    console.log(
      JSON.stringify({
        model: options.model,
        dataset: options.dataset,
        device: options.device,
        epochs: options.epochs,
        parameters: parameters.reduce((count, parameter) => count + parameter.size, 0),
        testAccuracy: result.accuracy,
        testLoss: result.loss,
        trainSeconds,
        imagesPerSecond: (options.epochs * train.length) / trainSeconds,
      }),
    );
}

try {
  await main(parseOptions(process.argv));
} catch (error) {
  // What was done wrong, without the stack of what is right.
  console.error(error instanceof CotangentError ? `error: ${error.message}` : error);
  process.exitCode = 1;
}

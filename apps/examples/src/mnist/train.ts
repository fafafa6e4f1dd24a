// Training and testing: the loops.
import { noGrad, type Tensor } from "@cotangent/core";
import { DataLoader, type Dataset } from "@cotangent/data";
import { crossEntropy } from "@cotangent/nn";
import { CosineAnnealingLR, type Optimizer } from "@cotangent/optim";
import type { Classifier } from "./models.ts";
import { Progress } from "./progress.ts";
import { accuracyOf, type Confusion, confusionOf } from "./report.ts";

/** Images and their labels, one or a batch of them. */
export interface Labelled {
  readonly image: Tensor;
  readonly label: Tensor;
}

export type LabelledImages = Dataset<Labelled, Labelled>;

/** Trains for some epochs, while the learning rate falls to 0 along a cosine. Returns the loss of each step. */
export async function fit(
  model: Classifier,
  optimizer: Optimizer,
  images: LabelledImages,
  options: { readonly epochs: number; readonly batchSize: number; readonly seed: number },
): Promise<number[]> {
  const { epochs, batchSize, seed } = options;
  const loader = new DataLoader(images, { batchSize, shuffle: true, seed });
  const schedule = new CosineAnnealingLR(optimizer, { tMax: epochs * loader.length });
  const progress = new Progress(epochs, loader.length);
  const losses: number[] = [];
  model.train();
  for (let epoch = 0; epoch < epochs; epoch++) {
    progress.startEpoch();
    for await (const { image, label } of loader) {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(image), label);
      loss.backward();
      optimizer.step();
      schedule.step();
      losses.push(await loss.item());
      progress.step(losses.at(-1) ?? 0, image.shape[0] ?? 0);
    }
    progress.endEpoch();
  }
  return losses;
}

export interface TestResult {
  readonly accuracy: number;
  readonly loss: number;
  readonly confusion: Confusion;
}

/** How the model does on images that it has not seen. */
export async function evaluate(model: Classifier, images: LabelledImages, classes: number): Promise<TestResult> {
  const labels: number[] = [];
  const predictions: number[] = [];
  let lossSum = 0;
  model.eval();
  for await (const { image, label } of new DataLoader(images, { batchSize: 1000 })) {
    const { loss, best } = noGrad(() => {
      const logits = model.forward(image);
      return { loss: crossEntropy(logits, label, { reduction: "sum" }), best: logits.argmax({ axis: 1 }) };
    });
    lossSum += await loss.item();
    predictions.push(...(await best.data()));
    labels.push(...(await label.data()));
  }
  const confusion = confusionOf(labels, predictions, classes);
  return { accuracy: accuracyOf(confusion), loss: lossSum / labels.length, confusion };
}

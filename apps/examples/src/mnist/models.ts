// The two networks. Both turn images into ten logits.
import type { Tensor } from "@cotangent/core";
import { Conv2d, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@cotangent/nn";

/** A network from images to logits. */
export type Classifier = Module & { forward(image: Tensor): Tensor };

/** 784-256-128-10: flat images. */
const mlp = (): Classifier =>
  new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 128), new ReLU(), new Linear(128, 10));

/** Two convolutions with pooling, then two dense layers: images of one channel. */
const cnn = (): Classifier =>
  new Sequential(
    new Conv2d(1, 24, 5), // [24, 24, 24]
    new ReLU(),
    new MaxPool2d(2), // [24, 12, 12]
    new Conv2d(24, 32, 3), // [32, 10, 10]
    new ReLU(),
    new MaxPool2d(2), // [32, 5, 5]
    new Flatten(),
    new Linear(800, 128),
    new ReLU(),
    new Linear(128, 10),
  );

export const models: Readonly<Record<"mlp" | "cnn", () => Classifier>> = { mlp, cnn };

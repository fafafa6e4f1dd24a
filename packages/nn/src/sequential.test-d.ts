// Sizes at the type level: what fits compiles with literal shapes, what does not is an error that names both sizes.
import { type Shape, type Tensor, zeros } from "@cotangent/core";
import { expectTypeOf, test } from "vitest";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  Flatten,
  LayerNorm,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from "./index.ts";

declare const size: number;

test("literal sizes are carried through", () => {
  const model = new Sequential(
    new Linear(784, 256),
    new ReLU(),
    new Dropout(0.5),
    new LayerNorm(256),
    new Linear(256, 10),
  );
  expectTypeOf(model.forward(zeros([32, 784]))).toEqualTypeOf<Tensor<readonly [32, 10]>>();
  expectTypeOf(model.forward(zeros([size, 784])).shape).toEqualTypeOf<readonly [number, 10]>();
  expectTypeOf(new Linear(3, 2).forward(zeros([4, 5, 3]))).toEqualTypeOf<Tensor<readonly [4, 5, 2]>>();
  expectTypeOf(new Embedding(100, 8).forward(zeros([2, 3], { dtype: "int32" }))).toEqualTypeOf<
    Tensor<readonly [2, 3, 8]>
  >();
});

test("channels are carried through convolutions", () => {
  const model = new Sequential(
    new Conv2d(1, 8, 3),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(8 * 13 * 13, 10),
  );
  expectTypeOf(model.forward(zeros([32, 1, 28, 28]))).toEqualTypeOf<Tensor<readonly [32, 10]>>();
});

test("unknown sizes flow through", () => {
  const model = new Sequential(new Linear(784, size), new ReLU(), new Linear(200, 10));
  const input: Tensor = zeros([size, size]);
  expectTypeOf(model.forward(input)).toExtend<Tensor>();
  expectTypeOf(new ReLU().forward(input)).toEqualTypeOf<Tensor<Shape>>();
  const layers: Linear[] = [];
  expectTypeOf(new Sequential(...layers).forward(input)).toEqualTypeOf<Tensor<Shape>>();
});

test("a module of one's own takes part, with unknown sizes", () => {
  class Own extends Module {
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  const model = new Sequential(new Linear(784, 256), new Own(), new Linear(200, 10));
  expectTypeOf(model.forward(zeros([32, 784])).shape.length).toExtend<number>();
});

test("layers that do not fit do not compile", () => {
  // @ts-expect-error Linear: expected last axis 200, got 256
  new Sequential(new Linear(784, 256), new ReLU(), new Linear(200, 10));
  // @ts-expect-error LayerNorm: expected last axis 200, got 256
  new Sequential(new Linear(784, 256), new LayerNorm(200));
  // @ts-expect-error Conv2d: expected 16 channels, got 8
  new Sequential(new Conv2d(1, 8, 3), new ReLU(), new Conv2d(16, 8, 3));
  // @ts-expect-error BatchNorm: expected 16 channels, got 8
  new Sequential(new Conv2d(1, 8, 3), new BatchNorm2d(16));
  // @ts-expect-error Linear: expected last axis 11, got 10
  new Sequential(new Sequential(new Linear(784, 10)), new Linear(11, 10));
});

test("inputs that do not fit do not compile", () => {
  const model = new Sequential(new Linear(784, 256), new ReLU(), new Linear(256, 10));
  // @ts-expect-error Linear: expected last axis 784, got 100
  expectTypeOf(model.forward(zeros([32, 100]))).toExtend<Tensor>();
  // @ts-expect-error Linear: expected last axis 784, got 100
  expectTypeOf(new Linear(784, 10).forward(zeros([32, 100]))).toExtend<Tensor>();
  // @ts-expect-error Conv2d: expected [batch, channels] and 2 more axes, got 2 axes
  expectTypeOf(new Conv2d(1, 8, 3).forward(zeros([32, 784]))).toExtend<Tensor>();
});

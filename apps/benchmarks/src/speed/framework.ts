// What a framework has to do to take part in the benchmark.
import type { MnistDigits } from "./digits.ts";
import type { Values } from "./generator.ts";
import type { ElementwiseSpec, MnistSpec, TrainSpec, WorkloadName } from "./specification.ts";

export type Awaitable<T> = T | Promise<T>;

/** Inputs and targets of one step. */
export type Batch = readonly [x: Values, y: Values];

export interface Classifier {
  /** One training step on the training images of these numbers; returns its loss. */
  step(numbers: Int32Array<ArrayBuffer>): Awaitable<number>;
  /** The most likely class of each of these test images. */
  classify(numbers: Int32Array<ArrayBuffer>): Awaitable<ArrayLike<number>>;
}

export interface Framework {
  /** Name and version, and what it runs on. */
  readonly version: string;
  /** Prepares training; step i takes batch i modulo their number, and returns its loss. */
  train(name: WorkloadName, spec: TrainSpec, batches: readonly Batch[]): Awaitable<(i: number) => Awaitable<number>>;
  /** Prepares a product of two matrices [n, n]; each run computes it anew. */
  product(n: number, a: Values, b: Values): Awaitable<{ run(): Awaitable<void>; read(): Awaitable<ArrayLike<number>> }>;
  /** Prepares y = Σ gelu(x·a + b) and its gradient; each run returns y. */
  elementwise(
    spec: ElementwiseSpec,
    x: Values,
  ): Awaitable<{ run(): Awaitable<number>; gradient(): Awaitable<ArrayLike<number>> }>;
  /** Prepares training on MNIST. The framework may hold the images in its own way, as long as it picks those of a batch itself. */
  classifier(spec: MnistSpec, digits: MnistDigits): Awaitable<Classifier>;
}

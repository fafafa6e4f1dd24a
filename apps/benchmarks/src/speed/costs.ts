// The work that a workload takes whoever does it: arithmetic of its products, and memory that no fusion can save.
import { type GptSpec, type ValuesSpec, type WorkloadName, workloads } from "./specification.ts";

export interface Cost {
  /** Floating-point operations of all products of matrices and convolutions in one step; 0 where there are none to speak of. */
  readonly flops: number;
  /** Bytes that one step moves at least, where that is far more than caches hold; otherwise 0. */
  readonly bytes: number;
}

const sizeOf = ({ shape }: ValuesSpec): number => shape.reduce((a, b) => a * b, 1);

const parameterCount = (params: readonly ValuesSpec[]): number => params.reduce((sum, spec) => sum + sizeOf(spec), 0);

/** Multiply-adds of the forward pass of a perceptron's layers, and of the first of them. */
function perceptronProducts(params: readonly ValuesSpec[], batch: number): { all: number; first: number } {
  const products = params.filter(({ shape }) => shape.length === 2).map((spec) => batch * sizeOf(spec));
  return { all: products.reduce((sum, n) => sum + n, 0), first: products[0] ?? 0 };
}

/** Forward, gradient by weights and gradient by inputs cost the same; nobody asks for that of the data. */
const trainingFlops = ({ all, first }: { all: number; first: number }): number => 2 * (3 * all - first);

function convolutionalProducts(batch: number): { all: number; first: number } {
  const first = batch * 24 * 24 * 24 * 25;
  return { all: first + batch * (10 * 10 * 32 * 24 * 9 + 800 * 128 + 128 * 10), first };
}

function transformerProducts({ layers, d, T, vocab, data: [ids] }: GptSpec): { all: number; first: number } {
  const tokens = sizeOf(ids);
  return { all: tokens * (layers * (12 * d * d + 2 * T * d) + d * vocab), first: 0 };
}

/** Adam: parameters are read forward and backward, then read and written with both moments. */
const adamBytes = (params: readonly ValuesSpec[]): number => 8 * 4 * parameterCount(params);

export function costOf(name: WorkloadName): Cost {
  switch (name) {
    case "W1":
    case "W7":
      return { flops: name === "W7" ? 0 : trainingFlops(perceptronProducts(workloads.W1.params, 128)), bytes: 0 };
    case "W2":
      return { flops: trainingFlops(convolutionalProducts(64)), bytes: 0 };
    case "W3":
      return { flops: trainingFlops(transformerProducts(workloads.W3)), bytes: 0 };
    case "W4":
      return { flops: productFlops(workloads.W4.sizes.at(-1) ?? 0), bytes: 0 };
    case "W5": {
      const { params } = workloads.W5;
      return { flops: trainingFlops(perceptronProducts(params, 64)), bytes: adamBytes(params) };
    }
    case "W6":
      // Read x, write its gradient.
      return { flops: 0, bytes: 2 * 4 * workloads.W6.n };
    case "W8": {
      const { params, batch, steps } = workloads.W8;
      const test = 2 * perceptronProducts(params, 10_000).all;
      return { flops: steps * trainingFlops(perceptronProducts(params, batch)) + test, bytes: 0 };
    }
  }
}

export const productFlops = (n: number): number => 2 * n ** 3;

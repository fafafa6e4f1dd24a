// Cotangent on the workloads, written as a user would write it.
import {
  compile,
  conv2d,
  embedding,
  gelu,
  indexSelect,
  layerNorm,
  matmul,
  maxPool2d,
  noGrad,
  realize,
  scaledDotProductAttention,
  split,
  type Tensor,
  tensor,
} from "@cotangent/core";
import { crossEntropy, mse } from "@cotangent/nn";
import { Adam, AdamW, type Optimizer, SGD } from "@cotangent/optim";
import type { Digits } from "./digits.ts";
import type { Framework } from "./framework.ts";
import { generate, type Values } from "./generator.ts";
import {
  type GptSpec,
  type OptimizerSpec,
  type TrainSpec,
  type ValuesSpec,
  type WorkloadName,
  workloads,
} from "./specification.ts";

type Weights = (name: string) => Tensor;
type Model = (x: Tensor) => Tensor;

const dense = (weights: Weights, name: string, x: Tensor): Tensor =>
  x.matmul(weights(`${name}.w`)).add(weights(`${name}.b`));

const perceptron =
  (weights: Weights, layers: number, activation: (x: Tensor) => Tensor): Model =>
  (x) => {
    let h = x;
    for (let i = 1; i < layers; i++) h = activation(dense(weights, `fc${i}`, h));
    return dense(weights, `fc${layers}`, h);
  };

const convolutional =
  (weights: Weights): Model =>
  (x) => {
    const block = (name: string, input: Tensor): Tensor =>
      maxPool2d(conv2d(input, weights(`${name}.w`), { bias: weights(`${name}.b`) }), 2).relu();
    const features = block("conv2", block("conv1", x));
    return dense(weights, "fc2", dense(weights, "fc1", features.reshape([x.shape[0] ?? 0, 800])).relu());
  };

const transformer =
  (weights: Weights, { layers, d, heads, T }: GptSpec): Model =>
  (ids) => {
    const batch = ids.shape[0] ?? 0;
    const normalized = (name: string, x: Tensor): Tensor =>
      layerNorm(x, [d], { weight: weights(`${name}.g`), bias: weights(`${name}.b`) });
    const perHead = (x: Tensor): Tensor => x.reshape([batch, T, heads, d / heads]).permute([0, 2, 1, 3]);
    const attended = (name: string, x: Tensor): Tensor => {
      const [q, k, v] = split(dense(weights, `${name}.qkv`, x), d, { axis: -1 }).map(perHead);
      if (!q || !k || !v) throw new Error("expected queries, keys and values");
      const y = scaledDotProductAttention(q, k, v, { causal: true });
      return dense(weights, `${name}.proj`, y.permute([0, 2, 1, 3]).reshape([batch, T, d]));
    };
    const fedForward = (name: string, x: Tensor): Tensor =>
      dense(weights, `${name}.out`, gelu(dense(weights, `${name}.fc`, x), { approximate: "tanh" }));
    let h = embedding(weights("wte"), ids).add(weights("wpe"));
    for (let i = 0; i < layers; i++) {
      h = h.add(attended(`h${i}`, normalized(`h${i}.ln1`, h)));
      h = h.add(fedForward(`h${i}`, normalized(`h${i}.ln2`, h)));
    }
    return normalized("lnf", h).matmul(weights("head.w"));
  };

const classified =
  (model: Model) =>
  (x: Tensor, y: Tensor): Tensor => {
    const logits = model(x);
    return crossEntropy(logits.reshape([y.size, logits.shape.at(-1) ?? 0]), y.reshape([y.size]));
  };

function lossOf(name: WorkloadName, weights: Weights): (x: Tensor, y: Tensor) => Tensor {
  const squared = (model: Model) => (x: Tensor, y: Tensor) => mse(model(x), y);
  switch (name) {
    case "W2":
      return classified(convolutional(weights));
    case "W3":
      return classified(transformer(weights, workloads.W3));
    case "W5":
      return squared(perceptron(weights, 3, (x) => x.relu()));
    case "W7":
      return squared(perceptron(weights, 2, (x) => x.tanh()));
    default:
      return classified(perceptron(weights, 3, (x) => x.relu()));
  }
}

function optimizerFor(spec: OptimizerSpec, parameters: readonly Tensor[]): Optimizer {
  if (spec.kind === "sgd") return new SGD(parameters, { lr: spec.lr });
  const { lr, beta1, beta2, eps, weight_decay: weightDecay } = spec;
  return new (spec.kind === "adam" ? Adam : AdamW)(parameters, { lr, betas: [beta1, beta2], eps, weightDecay });
}

/** What a step is called with: inputs and targets, or what they follow from. */
type Step<Arguments extends readonly Tensor[]> = (...given: Arguments) => Tensor;
type Wrap = <Arguments extends readonly Tensor[]>(step: Step<Arguments>) => Step<Arguments>;

interface Training<Arguments extends readonly Tensor[]> {
  readonly weights: Weights;
  readonly step: (...given: Arguments) => Promise<number>;
}

/** A step as it stands in any training loop; `wrap` may compile it. */
export function training<Arguments extends readonly Tensor[]>(
  name: WorkloadName,
  spec: Pick<TrainSpec, "params" | "optimizer">,
  batchOf: (...given: Arguments) => readonly [x: Tensor, y: Tensor],
  wrap: Wrap = (step) => step,
): Training<Arguments> {
  const parameters = new Map(
    spec.params.map((values) => [values.name, tensor(generate(values), { shape: values.shape, requiresGrad: true })]),
  );
  const weights = (parameter: string): Tensor => {
    const found = parameters.get(parameter);
    if (!found) throw new Error(`expected a parameter ${parameter}`);
    return found;
  };
  const optimizer = optimizerFor(spec.optimizer, [...parameters.values()]);
  const lossFor = lossOf(name, weights);
  const update = wrap((...given: Arguments) => {
    optimizer.zeroGrad();
    const loss = lossFor(...batchOf(...given));
    loss.backward();
    optimizer.step();
    return loss;
  });
  return { weights, step: (...given) => update(...given).item() };
}

/** The batch itself. */
export const given = (x: Tensor, y: Tensor): [x: Tensor, y: Tensor] => [x, y];

const placed = (values: Values, { shape }: Pick<ValuesSpec, "shape">): Tensor => tensor(values, { shape });

const frameworkWith = (wrap?: Wrap): Framework => ({
  version: "@cotangent/core 0.1.0",
  train(name, spec, batches) {
    const { step } = training(name, spec, given, wrap);
    const tensors = batches.map(([x, y]) => [placed(x, spec.data[0]), placed(y, spec.data[1])] as const);
    return (i) => {
      const batch = tensors[i % tensors.length];
      if (!batch) throw new Error("expected a batch");
      return step(...batch);
    };
  },
  product(n, a, b) {
    const [left, right] = [placed(a, { shape: [n, n] }), placed(b, { shape: [n, n] })];
    const product = (): Tensor => {
      const result: Tensor = matmul(left, right);
      realize(result);
      return result;
    };
    return { run: () => product().dispose(), read: () => product().data() };
  },
  elementwise(spec, values) {
    const x = tensor(values, { requiresGrad: true });
    return {
      run() {
        x.zeroGrad();
        const y = gelu(x.mul(spec.a).add(spec.b), { approximate: "tanh" }).sum();
        y.backward();
        return y.item();
      },
      gradient: async () => (await x.grad?.data()) ?? [],
    };
  },
  classifier(spec, digits) {
    const held = ({ images, labels }: Digits): [Tensor, Tensor] => [
      tensor(images, { shape: [labels.length, 784] }),
      tensor(labels),
    ];
    const [[x, y], [testX]] = [held(digits.train), held(digits.test)];
    const batchOf = (numbers: Tensor) => [indexSelect(x, numbers), indexSelect(y, numbers)] as const;
    const { weights, step } = training("W8", spec, batchOf, wrap);
    const model = perceptron(weights, 3, (h) => h.relu());
    return {
      step: (numbers) => step(tensor(numbers)),
      classify: (numbers) => noGrad(() => model(indexSelect(testX, tensor(numbers))).argmax({ axis: 1 })).data(),
    };
  },
});

export const cotangent: Framework = frameworkWith();

/** With its training steps compiled. */
export const compiledCotangent: Framework = frameworkWith(compile);

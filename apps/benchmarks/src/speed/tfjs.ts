// TensorFlow.js on its wasm backend, as its documentation has one write it.
// The backend has no kernel for the gradient of a convolution's filter, so W2 fails; nor for that of gather, so that the
// embedding of W3 is a product with one-hot rows. In Node it runs on one thread.
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type * as TensorFlow from "@tensorflow/tfjs";
import type * as WasmBackend from "@tensorflow/tfjs-backend-wasm";
import { pick } from "./digits.ts";
import type { Framework } from "./framework.ts";
import { generate, type Values } from "./generator.ts";
import { type GptSpec, type TrainSpec, type WorkloadName, workloads } from "./specification.ts";

type Tensor = TensorFlow.Tensor;
type Weights = (name: string) => Tensor;
type Model = (x: Tensor) => Tensor;

// Its ES modules don't load in Node; its CommonJS builds do.
const require = createRequire(import.meta.url);
const tf: typeof TensorFlow = require("@tensorflow/tfjs");
const backend: typeof WasmBackend = require("@tensorflow/tfjs-backend-wasm");

const place = (values: Values, shape: readonly number[]): Tensor =>
  tf.tensor(values, [...shape], values instanceof Int32Array ? "int32" : "float32");

/** Images are [N, H, W, C] here, and filters [H, W, in, out]. */
function placeSpec(name: WorkloadName, spec: TrainSpec["params"][number], batch = 0): Tensor {
  const values = generate(spec, batch);
  if (name !== "W2") return place(values, spec.shape);
  return tf.tidy(() => {
    if (spec.name === "x") return place(values, spec.shape).transpose([0, 2, 3, 1]);
    if (spec.shape.length === 4) return place(values, spec.shape).transpose([2, 3, 1, 0]);
    if (spec.name === "fc1.w") return place(values, [32, 5, 5, 128]).transpose([1, 2, 0, 3]).reshape([800, 128]);
    return place(values, spec.shape);
  });
}

const dense = (weights: Weights, name: string, x: Tensor): Tensor =>
  tf.matMul(x, weights(`${name}.w`)).add(weights(`${name}.b`));

const perceptron =
  (weights: Weights, layers: number, activation: (x: Tensor) => Tensor): Model =>
  (x) => {
    let h = x;
    for (let i = 1; i < layers; i++) h = activation(dense(weights, `fc${i}`, h));
    return dense(weights, `fc${layers}`, h);
  };

function ofRankFour(x: Tensor): TensorFlow.Tensor4D {
  const [n = 1, h = 1, w = 1, c = 1] = x.shape;
  return x.as4D(n, h, w, c);
}

const convolutional =
  (weights: Weights): Model =>
  (x) => {
    const block = (name: string, input: Tensor): Tensor => {
      const convolved: Tensor = tf.conv2d(ofRankFour(input), ofRankFour(weights(`${name}.w`)), 1, "valid");
      return tf.relu(tf.maxPool(ofRankFour(convolved.add(weights(`${name}.b`))), 2, 2, "valid"));
    };
    const features = block("conv2", block("conv1", x)).reshape([-1, 800]);
    return dense(weights, "fc2", tf.relu(dense(weights, "fc1", features)));
  };

const gelu = (x: Tensor): Tensor => {
  const inner = x
    .mul(x)
    .mul(0.044715)
    .add(1)
    .mul(x)
    .mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(tf.tanh(inner).add(1));
};

function transformer(weights: Weights, { layers, d, heads, T, vocab }: GptSpec): Model {
  const hidden = Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e9 : 0));
  const mask = tf.keep(tf.tensor(hidden, [T, T]));
  const normalized = (name: string, x: Tensor): Tensor => {
    const centered = x.sub(x.mean(-1, true));
    const scale = centered.square().mean(-1, true).add(1e-5).rsqrt();
    return centered
      .mul(scale)
      .mul(weights(`${name}.g`))
      .add(weights(`${name}.b`));
  };
  return (ids) => {
    const batch = ids.shape[0] ?? 0;
    const attended = (name: string, x: Tensor): Tensor => {
      const parts = tf.split(dense(weights, `${name}.qkv`, x), 3, 1);
      const [q, k, v] = parts.map((part) => part.reshape([batch, T, heads, d / heads]).transpose([0, 2, 1, 3]));
      if (!q || !k || !v) throw new Error("expected queries, keys and values");
      const scores = tf
        .matMul(q, k, false, true)
        .mul(1 / Math.sqrt(d / heads))
        .add(mask);
      const y = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]);
      return dense(weights, `${name}.proj`, y.reshape([batch * T, d]));
    };
    const rows = tf.matMul(tf.oneHot(ids.flatten().toInt(), vocab).toFloat(), weights("wte"));
    let h = rows
      .reshape([batch, T, d])
      .add(weights("wpe"))
      .reshape([batch * T, d]);
    for (let i = 0; i < layers; i++) {
      h = h.add(attended(`h${i}`, normalized(`h${i}.ln1`, h)));
      h = h.add(dense(weights, `h${i}.out`, gelu(dense(weights, `h${i}.fc`, normalized(`h${i}.ln2`, h)))));
    }
    return tf.matMul(normalized("lnf", h), weights("head.w"));
  };
}

const classified =
  (model: Model, classes: number) =>
  (x: Tensor, y: Tensor): Tensor =>
    tf.losses.softmaxCrossEntropy(tf.oneHot(y.flatten().toInt(), classes).toFloat(), model(x));

const squared =
  (model: Model) =>
  (x: Tensor, y: Tensor): Tensor =>
    model(x).sub(y).square().mean();

function lossOf(name: WorkloadName, weights: Weights): (x: Tensor, y: Tensor) => Tensor {
  switch (name) {
    case "W2":
      return classified(convolutional(weights), 10);
    case "W3":
      return classified(transformer(weights, workloads.W3), workloads.W3.vocab);
    case "W5":
      return squared(perceptron(weights, 3, tf.relu));
    case "W7":
      return squared(perceptron(weights, 2, tf.tanh));
    default:
      return classified(perceptron(weights, 3, tf.relu), 10);
  }
}

interface Training {
  readonly weights: Weights;
  step(x: Tensor, y: Tensor): number;
}

function training(name: WorkloadName, { params, optimizer }: Pick<TrainSpec, "params" | "optimizer">): Training {
  const variables = new Map(
    params.map((spec) => {
      const value = placeSpec(name, spec);
      const variable = tf.variable(value, true, spec.name);
      value.dispose();
      return [spec.name, variable];
    }),
  );
  const all = [...variables.values()];
  const weights = (parameter: string): Tensor => {
    const found = variables.get(parameter);
    if (!found) throw new Error(`expected a parameter ${parameter}`);
    return found;
  };
  const lossFor = lossOf(name, weights);
  const decay = optimizer.kind === "adamw" ? 1 - optimizer.lr * optimizer.weight_decay : 1;
  const rule =
    optimizer.kind === "sgd"
      ? tf.train.sgd(optimizer.lr)
      : tf.train.adam(optimizer.lr, optimizer.beta1, optimizer.beta2, optimizer.eps);
  const step = (x: Tensor, y: Tensor): number => {
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => lossFor(x, y).asScalar(), all);
      if (decay !== 1) for (const variable of all) variable.assign(variable.mul(decay));
      rule.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
      return value;
    });
    const [value = Number.NaN] = loss.dataSync();
    loss.dispose();
    return value;
  };
  return { weights, step };
}

export async function createTfjs(version: string): Promise<Framework> {
  backend.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist") + sep);
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend does not start");
  await tf.ready();
  return {
    version: `@tensorflow/tfjs ${version}, wasm`,
    train(name, spec) {
      const { step } = training(name, spec);
      const [x, y] = spec.data;
      const batches = Array.from(
        { length: spec.nbatches },
        (_, b) => [placeSpec(name, x, b), placeSpec(name, y, b)] as const,
      );
      return (i) => {
        const batch = batches[i % batches.length];
        if (!batch) throw new Error("expected a batch");
        return step(...batch);
      };
    },
    product(n, a, b) {
      const [left, right] = [place(a, [n, n]), place(b, [n, n])];
      return {
        run: () => tf.matMul(left, right).dispose(),
        read() {
          const product = tf.matMul(left, right);
          const values = product.dataSync();
          product.dispose();
          return values;
        },
      };
    },
    elementwise(spec, values) {
      const x = place(values, [spec.n]);
      const evaluate = tf.valueAndGrad((input) => gelu(input.mul(spec.a).add(spec.b)).sum());
      let gradient: Tensor | undefined;
      return {
        run() {
          const { value, grad } = tf.tidy(() => evaluate(x));
          gradient?.dispose();
          gradient = grad;
          const [y = Number.NaN] = value.dataSync();
          value.dispose();
          return y;
        },
        gradient: () => gradient?.dataSync() ?? [],
      };
    },
    classifier(spec, digits) {
      const { weights, step } = training("W8", spec);
      const model = perceptron(weights, 3, tf.relu);
      return {
        step(numbers) {
          const [x, y] = pick(digits.train, numbers);
          const [images, labels] = [place(x, [y.length, 784]), place(y, [y.length])];
          const loss = step(images, labels);
          images.dispose();
          labels.dispose();
          return loss;
        },
        classify(numbers) {
          const [x] = pick(digits.test, numbers);
          return tf.tidy(() => tf.argMax(model(place(x, [numbers.length, 784])), 1).dataSync());
        },
      };
    },
  };
}

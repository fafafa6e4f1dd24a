// jax-js on its wasm backend: one jitted step, with the optimizer inside. It runs on one thread in Node.
// Its arrays are used up by the operations that read them, unless `.ref` keeps them.
import { defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { pick } from "./digits.ts";
import type { Batch, Framework } from "./framework.ts";
import { generate, type Values } from "./generator.ts";
import { type GptSpec, type TrainSpec, type WorkloadName, workloads } from "./specification.ts";

type Weights = Record<string, np.Array>;
type Model = (weights: Weights, x: np.Array) => np.Array;
type Loss = (weights: Weights, x: np.Array, y: np.Array) => np.Array;

const place = (values: Values, shape: readonly number[]): np.Array =>
  np.array(values, { shape: [...shape], dtype: values instanceof Int32Array ? np.int32 : np.float32 });

function at(weights: Weights, name: string): np.Array {
  const found = weights[name];
  if (!found) throw new Error(`expected a parameter ${name}`);
  return found;
}

const dense = (weights: Weights, name: string, x: np.Array): np.Array =>
  np.matmul(x, at(weights, `${name}.w`)).add(at(weights, `${name}.b`));

const perceptron =
  (layers: number, activation: (x: np.Array) => np.Array): Model =>
  (weights, x) => {
    let h = x;
    for (let i = 1; i < layers; i++) h = activation(dense(weights, `fc${i}`, h));
    return dense(weights, `fc${layers}`, h);
  };

const convolutional: Model = (weights, x) => {
  const block = (name: string, input: np.Array): np.Array => {
    const convolved = lax.conv(input, at(weights, `${name}.w`), [1, 1], "VALID");
    const biased = convolved.add(at(weights, `${name}.b`).reshape([-1, 1, 1]));
    return nn.relu(lax.reduceWindow(biased, np.max, [2, 2], [2, 2]));
  };
  const features = block("conv2", block("conv1", x)).reshape([-1, 800]);
  return dense(weights, "fc2", nn.relu(dense(weights, "fc1", features)));
};

const transformer =
  ({ layers, d, heads, T }: GptSpec): Model =>
  (weights, ids) => {
    const batch = ids.shape[0] ?? 0;
    const normalized = (name: string, x: np.Array): np.Array =>
      nn
        .standardize(x, -1, { epsilon: 1e-5 })
        .mul(at(weights, `${name}.g`))
        .add(at(weights, `${name}.b`));
    const attended = (name: string, x: np.Array): np.Array => {
      const qkv = dense(weights, `${name}.qkv`, x).reshape([batch, T, 3, heads, d / heads]);
      const [q, k, v] = [qkv.ref.slice([], [], 0), qkv.ref.slice([], [], 1), qkv.slice([], [], 2)];
      const y = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, T, d]);
      return dense(weights, `${name}.proj`, y);
    };
    let h = at(weights, "wte").slice(ids).add(at(weights, "wpe"));
    for (let i = 0; i < layers; i++) {
      h = h.add(attended(`h${i}`, normalized(`h${i}.ln1`, h.ref)));
      const inner = nn.gelu(dense(weights, `h${i}.fc`, normalized(`h${i}.ln2`, h.ref)));
      h = h.add(dense(weights, `h${i}.out`, inner));
    }
    return np.matmul(normalized("lnf", h), at(weights, "head.w"));
  };

const classified =
  (model: Model, classes: number): Loss =>
  (weights, x, y) => {
    const count = y.size;
    return nn
      .logSoftmax(model(weights, x))
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / count);
  };

const squared =
  (model: Model): Loss =>
  (weights, x, y) =>
    np.square(model(weights, x).sub(y)).mean();

function lossOf(name: WorkloadName): Loss {
  switch (name) {
    case "W2":
      return classified(convolutional, 10);
    case "W3":
      return classified(transformer(workloads.W3), workloads.W3.vocab);
    case "W5":
      return squared(perceptron(3, nn.relu));
    case "W7":
      return squared(perceptron(2, np.tanh));
    default:
      return classified(perceptron(3, nn.relu), 10);
  }
}

interface Training {
  /** The parameters as they are now. */
  weights(): Weights;
  step(x: np.Array, y: np.Array): number;
}

const read = (x: np.Array): number => x.dataSync()[0] ?? Number.NaN;

function training(name: WorkloadName, { params, optimizer }: Pick<TrainSpec, "params" | "optimizer">): Training {
  const loss = lossOf(name);
  const make = (values: (spec: TrainSpec["params"][number]) => Values): Weights =>
    Object.fromEntries(params.map((spec) => [spec.name, place(values(spec), spec.shape)]));
  let weights = make((spec) => generate(spec));
  if (optimizer.kind === "sgd") {
    const { lr } = optimizer;
    const step = jit((p: Weights, x: np.Array, y: np.Array) => {
      const [value, gradient] = valueAndGrad(loss)(tree.ref(p), x, y);
      return { p: tree.map((w: np.Array, g: np.Array) => w.sub(g.mul(lr)), p, gradient), value };
    });
    return {
      weights: () => weights,
      step(x, y) {
        const next = step(weights, x, y);
        weights = next.p;
        return read(next.value);
      },
    };
  }
  const { lr, beta1, beta2, eps, weight_decay } = optimizer;
  const decay = 1 - lr * weight_decay;
  const zeros = (spec: TrainSpec["params"][number]): Values => generate({ ...spec, init: "zeros" });
  let [first, second] = [make(zeros), make(zeros)];
  const step = jit((p: Weights, m: Weights, v: Weights, x: np.Array, y: np.Array, corrections: np.Array) => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(p), x, y);
    const [rate, scale] = [corrections.ref.slice(0), corrections.slice(1)];
    const average = tree.map((a: np.Array, g: np.Array) => a.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(gradient));
    const squares = tree.map((a: np.Array, g: np.Array) => a.mul(beta2).add(np.square(g).mul(1 - beta2)), v, gradient);
    const moved = tree.map(
      (w: np.Array, a: np.Array, s: np.Array) =>
        (decay === 1 ? w : w.mul(decay)).sub(a.mul(rate.ref).div(np.sqrt(s).mul(scale.ref).add(eps))),
      p,
      tree.ref(average),
      tree.ref(squares),
    );
    rate.dispose();
    scale.dispose();
    return { p: moved, m: average, v: squares, value };
  });
  let count = 0;
  return {
    weights: () => weights,
    step(x, y) {
      count++;
      const corrections = Float32Array.of(lr / (1 - beta1 ** count), 1 / Math.sqrt(1 - beta2 ** count));
      const next = step(weights, first, second, x, y, place(corrections, [2]));
      [weights, first, second] = [next.p, next.m, next.v];
      return read(next.value);
    },
  };
}

export async function createJaxjs(version: string): Promise<Framework> {
  await init("wasm");
  defaultDevice("wasm");
  return {
    version: `@jax-js/jax ${version}, wasm`,
    train(name, spec, batches: readonly Batch[]) {
      const { step } = training(name, spec);
      const arrays = batches.map(([x, y]) => [place(x, spec.data[0].shape), place(y, spec.data[1].shape)] as const);
      return (i) => {
        const batch = arrays[i % arrays.length];
        if (!batch) throw new Error("expected a batch");
        return step(batch[0].ref, batch[1].ref);
      };
    },
    product(n, a, b) {
      const [left, right] = [place(a, [n, n]), place(b, [n, n])];
      const multiply = jit((x: np.Array, y: np.Array) => np.matmul(x, y));
      return {
        async run() {
          const product = multiply(left.ref, right.ref);
          await product.blockUntilReady();
          product.dispose();
        },
        read: () => multiply(left.ref, right.ref).data(),
      };
    },
    elementwise(spec, values) {
      const x = place(values, [spec.n]);
      const evaluate = jit((input: np.Array) =>
        valueAndGrad((z: np.Array) => nn.gelu(z.mul(spec.a).add(spec.b)).sum())(input),
      );
      let gradient: np.Array | undefined;
      return {
        run() {
          const [y, slope] = evaluate(x.ref);
          gradient?.dispose();
          gradient = slope;
          return read(y);
        },
        gradient: () => gradient?.dataSync() ?? [],
      };
    },
    classifier(spec, digits) {
      const { weights, step } = training("W8", spec);
      const model = perceptron(3, nn.relu);
      const predict = jit((p: Weights, x: np.Array) => np.argmax(model(p, x), 1));
      return {
        step(numbers) {
          const [x, y] = pick(digits.train, numbers);
          return step(place(x, [y.length, 784]), place(y, [y.length]));
        },
        classify(numbers) {
          const [x] = pick(digits.test, numbers);
          return predict(tree.ref(weights()), place(x, [numbers.length, 784])).dataSync();
        },
      };
    },
  };
}

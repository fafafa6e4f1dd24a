// Recurrent layers: one step after another over a sequence, in several layers and both directions.
import {
  ArgumentError,
  concat,
  flip,
  linear,
  ShapeError,
  select,
  split,
  stack,
  type Tensor,
  tanh,
  zerosLike,
} from "@cotangent/core";
import { checkCounts, showShape } from "./arguments.ts";
import { Dropout } from "./dropout.ts";
import { type InitOptions, uniform } from "./init.ts";
import { type Member, Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

export interface RecurrentOptions extends InitOptions {
  /** Layers on top of each other, 1 by default. */
  readonly numLayers?: number;
  /** Whether gates have biases, true by default. */
  readonly bias?: boolean;
  /** Whether sequences are `[batch, time, …]` instead of `[time, batch, …]`. */
  readonly batchFirst?: boolean;
  /** Reads the sequence backwards as well, and puts both results side by side. */
  readonly bidirectional?: boolean;
  /** The probability with which what a layer hands to the next is left out while training, 0 by default. */
  readonly dropout?: number;
}

/** Hidden states, `[layers·directions, batch, hiddenSize]` each: one, and for LSTM the cell state too. */
export type States = readonly Tensor[];

/** What a sequence gives at each step, and the states after the last one. */
export interface Recurrent {
  readonly output: Tensor;
  readonly states: States;
}

/** One step: the input's share of the gates, the states before, and the hidden state's weights. */
type Step = (projected: Tensor, states: States, weight: Tensor, bias: Tensor | null) => States;

abstract class RecurrentBase extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly bidirectional: boolean;
  readonly dropout: Dropout;
  /** By PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, those of reading backwards with `_reverse`. */
  readonly weights: Record<string, Tensor> = {};
  protected abstract readonly stateCount: number;
  protected abstract readonly step: Step;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    const { numLayers = 1, bias = true, batchFirst = false, bidirectional = false, dropout = 0 } = options;
    checkCounts(this.constructor.name, { inputSize, hiddenSize, numLayers });
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.bidirectional = bidirectional;
    this.dropout = new Dropout(dropout, options.generator ? { generator: options.generator } : {});
    const bound = 1 / Math.sqrt(hiddenSize);
    const { generator, dtype, device } = options;
    const source = { ...(generator && { generator }), ...(dtype && { dtype }), ...(device && { device }) };
    const draw = (...shape: number[]): Parameter =>
      new Parameter(uniform(shape, { ...source, low: -bound, high: bound }));
    const directions = bidirectional ? 2 : 1;
    for (let layer = 0; layer < numLayers; layer++)
      for (const suffix of bidirectional ? ["", "_reverse"] : [""]) {
        const name = `l${layer}${suffix}`;
        const width = layer === 0 ? inputSize : hiddenSize * directions;
        this.weights[`weight_ih_${name}`] = draw(gates * hiddenSize, width);
        this.weights[`weight_hh_${name}`] = draw(gates * hiddenSize, hiddenSize);
        if (!bias) continue;
        this.weights[`bias_ih_${name}`] = draw(gates * hiddenSize);
        this.weights[`bias_hh_${name}`] = draw(gates * hiddenSize);
      }
  }

  protected override members(): Iterable<readonly [string, Member]> {
    return [...Object.entries(this.weights), ["dropout", this.dropout] as const];
  }

  /** The sequence's results alone; see `run`. */
  override forward(x: Tensor, states?: States): Tensor {
    return this.run(x, states).output;
  }

  /**
   * Reads a sequence.
   * @param x `[time, batch, inputSize]`, or `[batch, time, inputSize]` with batchFirst
   * @param states the states before the first step, `[layers·directions, batch, hiddenSize]`; zeros by default
   * @returns output `[time, batch, directions·hiddenSize]`, laid out as x, and the states after the last step
   */
  run(x: Tensor, states?: States): Recurrent {
    const name = this.constructor.name;
    if (x.rank !== 3 || x.shape[2] !== this.inputSize)
      throw new ShapeError(
        `${name}: expected [${this.batchFirst ? "batch, time" : "time, batch"}, ${this.inputSize}], got ${showShape(x.shape)}`,
      );
    let sequence = this.batchFirst ? x.transpose(0, 1) : x;
    if (sequence.shape[0] === 0) throw new ShapeError(`${name}: expected at least one step, got ${showShape(x.shape)}`);
    const suffixes = this.bidirectional ? ["", "_reverse"] : [""];
    const before = this.firstStates(sequence, states);
    const finals: Tensor[][] = Array.from({ length: this.stateCount }, () => []);
    for (let layer = 0; layer < this.numLayers; layer++) {
      const input = layer > 0 ? this.dropout.forward(sequence) : sequence;
      const results = suffixes.map((suffix, direction) => {
        const at = layer * suffixes.length + direction;
        const own = before.map((state) => select(state, 0, at));
        const read = suffix === "" ? input : flip(input, 0);
        const { output, states: last } = this.readLayer(read, own, `l${layer}${suffix}`);
        last.forEach((state, i) => {
          finals[i]?.push(state);
        });
        return suffix === "" ? output : flip(output, 0);
      });
      sequence = concat(results, { axis: 2 });
    }
    const output = this.batchFirst ? sequence.transpose(0, 1) : sequence;
    return { output, states: finals.map((list) => stack(list)) };
  }

  private firstStates(sequence: Tensor, states: States | undefined): States {
    const count = this.numLayers * (this.bidirectional ? 2 : 1);
    const shape = [count, sequence.shape[1] ?? 0, this.hiddenSize];
    if (!states) {
      // Zeros where the sequence lies, in its dtype.
      const zeros = zerosLike(select(select(sequence, 0, 0), 1, 0))
        .reshape([1, shape[1] ?? 0, 1])
        .expand(shape);
      return Array.from({ length: this.stateCount }, () => zeros);
    }
    if (states.length !== this.stateCount || states.some((state) => `${state.shape}` !== `${shape}`))
      throw new ShapeError(
        `${this.constructor.name}: expected ${this.stateCount} states ${showShape(shape)}, got ${states.map((state) => showShape(state.shape)).join(", ")}`,
      );
    return states;
  }

  private readLayer(x: Tensor, states: States, name: string): Recurrent {
    const tensorOf = (kind: string): Tensor | null => this.weights[`${kind}_${name}`] ?? null;
    const [inner, hidden] = [tensorOf("weight_ih"), tensorOf("weight_hh")];
    if (!inner || !hidden) throw new ArgumentError(`${this.constructor.name}: expected weights for ${name}, got none`);
    // The input's share of all steps is one product.
    const projected = linear(x, inner, tensorOf("bias_ih"));
    const outputs: Tensor[] = [];
    let now = states;
    for (let t = 0; t < (x.shape[0] ?? 0); t++) {
      now = this.step(select(projected, 0, t), now, hidden, tensorOf("bias_hh"));
      const [h] = now;
      if (h) outputs.push(h);
    }
    return { output: stack(outputs), states: now };
  }

  override toString(): string {
    return `${this.constructor.name}(${this.inputSize}, ${this.hiddenSize})`;
  }
}

const stateAt = (states: States, i: number): Tensor => {
  const state = states[i];
  if (!state) throw new ArgumentError("recurrent step: expected a state, got none");
  return state;
};

const gatesOf = (x: Tensor, count: number): Tensor[] => split(x, (x.shape.at(-1) ?? 0) / count, { axis: -1 });

const rnnStep =
  (activate: (x: Tensor) => Tensor): Step =>
  (projected, states, weight, bias) => [activate(projected.add(linear(stateAt(states, 0), weight, bias)))];

/** Gates i, f, g, o: c′ = σ(f)·c + σ(i)·tanh(g), h′ = σ(o)·tanh(c′). */
const lstmStep: Step = (projected, states, weight, bias) => {
  const [i, f, g, o] = gatesOf(projected.add(linear(stateAt(states, 0), weight, bias)), 4);
  if (!i || !f || !g || !o) throw new ArgumentError("LSTM: expected four gates");
  const cell = f
    .sigmoid()
    .mul(stateAt(states, 1))
    .add(i.sigmoid().mul(tanh(g)));
  return [o.sigmoid().mul(tanh(cell)), cell];
};

/** Gates r, z, n: n = tanh(xₙ + r·hₙ), h′ = (1 − z)·n + z·h. */
const gruStep: Step = (projected, states, weight, bias) => {
  const h = stateAt(states, 0);
  const [xr, xz, xn] = gatesOf(projected, 3);
  const [hr, hz, hn] = gatesOf(linear(h, weight, bias), 3);
  if (!xr || !xz || !xn || !hr || !hz || !hn) throw new ArgumentError("GRU: expected three gates");
  const [reset, update] = [xr.add(hr).sigmoid(), xz.add(hz).sigmoid()];
  const next = tanh(xn.add(reset.mul(hn)));
  return [next.add(update.mul(h.sub(next)))];
};

/**
 * A plain recurrent network, `h′ = tanh(W_ih·x + b_ih + W_hh·h + b_hh)` (Elman, 1990). The loop over time is unrolled into the graph.
 * @param options numLayers, bias, batchFirst, bidirectional, dropout, and `nonlinearity`: "tanh" by default, or "relu"
 * @throws {ShapeError} `RNN: expected [time, batch, 4], got [5, 2, 3]`
 * @example new RNN(3, 4).forward(zeros([5, 2, 3])).shape // [5, 2, 4]
 */
export class RNN extends RecurrentBase {
  protected readonly stateCount = 1;
  protected readonly step: Step;

  constructor(
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions & { readonly nonlinearity?: "tanh" | "relu" } = {},
  ) {
    super(1, inputSize, hiddenSize, options);
    this.step = rnnStep(options.nonlinearity === "relu" ? (x) => x.relu() : tanh);
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997), with states h and c. The loop over time is unrolled into the graph.
 * @example new LSTM(3, 4, { bidirectional: true }).run(zeros([5, 2, 3])).states.map((x) => x.shape) // [[2, 2, 4], [2, 2, 4]]
 */
export class LSTM extends RecurrentBase {
  protected readonly stateCount = 2;
  protected readonly step: Step = lstmStep;

  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }
}

/**
 * Gated recurrent units (Cho et al., 2014). The loop over time is unrolled into the graph.
 * @example new GRU(3, 4, { numLayers: 2 }).forward(zeros([5, 2, 3])).shape // [5, 2, 4]
 */
export class GRU extends RecurrentBase {
  protected readonly stateCount = 1;
  protected readonly step: Step = gruStep;

  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }
}

/** One step of a recurrent network, with weights of its own. */
abstract class CellBase extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** [gates·hiddenSize, inputSize] */
  readonly weightIh: Parameter;
  /** [gates·hiddenSize, hiddenSize] */
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | null;
  readonly biasHh: Parameter | null;

  constructor(
    gates: number,
    inputSize: number,
    hiddenSize: number,
    options: InitOptions & { readonly bias?: boolean },
  ) {
    super();
    checkCounts(this.constructor.name, { inputSize, hiddenSize });
    const { bias = true, generator, dtype, device } = options;
    const source = { ...(generator && { generator }), ...(dtype && { dtype }), ...(device && { device }) };
    const bound = 1 / Math.sqrt(hiddenSize);
    const draw = (...shape: number[]): Parameter =>
      new Parameter(uniform(shape, { ...source, low: -bound, high: bound }));
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.weightIh = draw(gates * hiddenSize, inputSize);
    this.weightHh = draw(gates * hiddenSize, hiddenSize);
    this.biasIh = bias ? draw(gates * hiddenSize) : null;
    this.biasHh = bias ? draw(gates * hiddenSize) : null;
  }

  protected take(step: Step, x: Tensor, states: States): States {
    if (x.rank !== 2 || x.shape[1] !== this.inputSize)
      throw new ShapeError(`${this.constructor.name}: expected [batch, ${this.inputSize}], got ${showShape(x.shape)}`);
    return step(linear(x, this.weightIh, this.biasIh), states, this.weightHh, this.biasHh);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.inputSize}, ${this.hiddenSize})`;
  }
}

/**
 * One step of `RNN`.
 * @example new RNNCell(3, 4).forward(zeros([2, 3]), zeros([2, 4])).shape // [2, 4]
 */
export class RNNCell extends CellBase {
  readonly nonlinearity: "tanh" | "relu";

  constructor(
    inputSize: number,
    hiddenSize: number,
    options: InitOptions & { readonly bias?: boolean; readonly nonlinearity?: "tanh" | "relu" } = {},
  ) {
    super(1, inputSize, hiddenSize, options);
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }

  override forward(x: Tensor, h: Tensor): Tensor {
    const step = rnnStep(this.nonlinearity === "relu" ? (y) => y.relu() : tanh);
    return stateAt(this.take(step, x, [h]), 0);
  }
}

/**
 * One step of `LSTM`: from [h, c] to [h′, c′].
 * @example new LSTMCell(3, 4).forward(zeros([2, 3]), [zeros([2, 4]), zeros([2, 4])]).length // 2
 */
export class LSTMCell extends CellBase {
  constructor(inputSize: number, hiddenSize: number, options: InitOptions & { readonly bias?: boolean } = {}) {
    super(4, inputSize, hiddenSize, options);
  }

  override forward(x: Tensor, states: States): States {
    return this.take(lstmStep, x, states);
  }
}

/**
 * One step of `GRU`.
 * @example new GRUCell(3, 4).forward(zeros([2, 3]), zeros([2, 4])).shape // [2, 4]
 */
export class GRUCell extends CellBase {
  constructor(inputSize: number, hiddenSize: number, options: InitOptions & { readonly bias?: boolean } = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  override forward(x: Tensor, h: Tensor): Tensor {
    return stateAt(this.take(gruStep, x, [h]), 0);
  }
}

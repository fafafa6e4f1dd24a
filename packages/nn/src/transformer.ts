// Transformers: stacks of attention and feed-forward layers (Vaswani et al., 2017). The batch comes first; parameters have PyTorch's names.
import { ArgumentError, gelu, type Tensor } from "@cotangent/core";
import { checkCounts } from "./arguments.ts";
import { type AttentionMasks, MultiheadAttention } from "./attention.ts";
import { Dropout } from "./dropout.ts";
import { type InitOptions, xavierUniform } from "./init.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";

export interface TransformerLayerOptions extends InitOptions {
  /** Width of the hidden layer, 2048 by default. */
  readonly dimFeedforward?: number;
  /** 0.1 by default. */
  readonly dropout?: number;
  /** "relu" by default. */
  readonly activation?: "relu" | "gelu";
  /** Normalizes before each part instead of after it. */
  readonly normFirst?: boolean;
  /** Added to variances, 1e-5 by default. */
  readonly eps?: number;
}

const initOf = ({ generator, dtype, device }: InitOptions): InitOptions => ({
  ...(generator && { generator }),
  ...(dtype && { dtype }),
  ...(device && { device }),
});

const normOf = (dModel: number, { eps = 1e-5, dtype, device }: TransformerLayerOptions): LayerNorm =>
  new LayerNorm(dModel, { eps, ...(dtype && { dtype }), ...(device && { device }) });

/** What layers of both kinds have in common: self-attention, two linear layers, and a way around each part. */
abstract class TransformerLayer extends Module {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly activation: "relu" | "gelu";
  readonly normFirst: boolean;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const { dimFeedforward = 2048, dropout = 0.1, activation = "relu", normFirst = false, generator } = options;
    if (activation !== "relu" && activation !== "gelu")
      throw new ArgumentError(`${this.constructor.name}: expected activation relu or gelu, got ${String(activation)}`);
    const init = initOf(options);
    this.selfAttn = new MultiheadAttention(dModel, nhead, { ...init, dropout });
    this.linear1 = new Linear(dModel, dimFeedforward, init);
    this.linear2 = new Linear(dimFeedforward, dModel, init);
    this.norm1 = normOf(dModel, options);
    this.norm2 = normOf(dModel, options);
    this.dropout = new Dropout(dropout, generator ? { generator } : {});
    this.activation = activation;
    this.normFirst = normFirst;
  }

  /** x and a part's result on it, normalized before the part or after the sum. */
  protected around(x: Tensor, norm: LayerNorm, part: (y: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(part(norm.forward(x))) : norm.forward(x.add(part(x)));
  }

  protected attendToSelf(x: Tensor, masks: AttentionMasks): Tensor {
    return this.dropout.forward(this.selfAttn.forward(x, x, x, masks));
  }

  protected feedForward(x: Tensor): Tensor {
    const hidden = this.linear1.forward(x);
    const active = this.activation === "relu" ? hidden.relu() : gelu(hidden);
    return this.dropout.forward(this.linear2.forward(this.dropout.forward(active)));
  }

  override toString(): string {
    return `${this.constructor.name}(${this.selfAttn.embedDim}, ${this.selfAttn.numHeads})`;
  }
}

/**
 * Self-attention and a layer of two, each with a way around it and a layer norm.
 * @param dModel size of the last axis
 * @param nhead divides dModel
 * @example new TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }).forward(zeros([3, 5, 8])).shape // [3, 5, 8]
 */
export class TransformerEncoderLayer extends TransformerLayer {
  override forward(x: Tensor, masks: AttentionMasks = {}): Tensor {
    const between = this.around(x, this.norm1, (y) => this.attendToSelf(y, masks));
    return this.around(between, this.norm2, (y) => this.feedForward(y));
  }
}

/** Masks of a decoder: of its attention to itself, and of that to the memory. */
export interface DecoderMasks {
  readonly self?: AttentionMasks;
  readonly memory?: AttentionMasks;
}

/**
 * Self-attention, attention to what an encoder made, and a layer of two, each with a way around it and a layer norm.
 * @param dModel size of the last axis
 * @param nhead divides dModel
 * @example new TransformerDecoderLayer(8, 2, { dimFeedforward: 16 }).forward(zeros([3, 5, 8]), zeros([3, 7, 8])).shape // [3, 5, 8]
 */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly multiheadAttn: MultiheadAttention;
  readonly norm3: LayerNorm;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { ...initOf(options), dropout: options.dropout ?? 0.1 });
    this.norm3 = normOf(dModel, options);
  }

  override forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const first = this.around(x, this.norm1, (y) => this.attendToSelf(y, masks.self ?? {}));
    const second = this.around(first, this.norm2, (y) =>
      this.dropout.forward(this.multiheadAttn.forward(y, memory, memory, masks.memory ?? {})),
    );
    return this.around(second, this.norm3, (y) => this.feedForward(y));
  }
}

abstract class Stack<Layer extends Module> extends Module {
  readonly layers: readonly Layer[];
  readonly norm: LayerNorm | null;

  /**
   * @param makeLayer a function that makes a layer; each has initial values of its own
   * @param numLayers how many
   * @param options.norm a last normalization, none by default
   */
  constructor(
    makeLayer: (index: number) => Layer,
    numLayers: number,
    options: { readonly norm?: LayerNorm | null } = {},
  ) {
    super();
    checkCounts(this.constructor.name, { numLayers });
    this.layers = Array.from({ length: numLayers }, (_, i) => makeLayer(i));
    this.norm = options.norm ?? null;
  }

  protected through(x: Tensor, step: (layer: Layer, x: Tensor) => Tensor): Tensor {
    const y = this.layers.reduce((z, layer) => step(layer, z), x);
    return this.norm ? this.norm.forward(y) : y;
  }
}

/**
 * Encoder layers one after the other.
 * @example
 * const encoder = new TransformerEncoder(() => new TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }), 3);
 * encoder.forward(zeros([2, 5, 8]), { causal: true }).shape // [2, 5, 8]
 */
export class TransformerEncoder extends Stack<TransformerEncoderLayer> {
  override forward(x: Tensor, masks: AttentionMasks = {}): Tensor {
    return this.through(x, (layer, y) => layer.forward(y, masks));
  }
}

/** Decoder layers one after the other. */
export class TransformerDecoder extends Stack<TransformerDecoderLayer> {
  override forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    return this.through(x, (layer, y) => layer.forward(y, memory, masks));
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** 512 by default. */
  readonly dModel?: number;
  /** 8 by default. */
  readonly nhead?: number;
  /** 6 by default. */
  readonly numEncoderLayers?: number;
  /** 6 by default. */
  readonly numDecoderLayers?: number;
}

/** Masks of a transformer: of the source, and those of the decoder. */
export interface TransformerMasks {
  readonly source?: AttentionMasks;
  readonly target?: AttentionMasks;
  readonly memory?: AttentionMasks;
}

/**
 * An encoder, and a decoder that attends to what it makes, each with a last normalization. All matrices are drawn by Glorot's
 * rule, as PyTorch does.
 * @example
 * const model = new Transformer({ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 16 });
 * model.forward(zeros([2, 5, 8]), zeros([2, 3, 8]), { target: { causal: true } }).shape // [2, 3, 8]
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  constructor(options: TransformerOptions = {}) {
    super();
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6, ...rest } = options;
    const last = (): { readonly norm: LayerNorm } => ({ norm: normOf(dModel, rest) });
    const encoderLayer = (): TransformerEncoderLayer => new TransformerEncoderLayer(dModel, nhead, rest);
    const decoderLayer = (): TransformerDecoderLayer => new TransformerDecoderLayer(dModel, nhead, rest);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, last());
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, last());
    for (const parameter of this.parameters())
      if (parameter.rank > 1) parameter.assign(xavierUniform(parameter.shape, initOf(rest)));
  }

  override forward(source: Tensor, target: Tensor, masks: TransformerMasks = {}): Tensor {
    const memory = this.encoder.forward(source, masks.source);
    return this.decoder.forward(target, memory, {
      ...(masks.target && { self: masks.target }),
      ...(masks.memory && { memory: masks.memory }),
    });
  }
}

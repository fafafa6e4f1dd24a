// Initial values of parameters, by PyTorch's rules. All draws come from a generator: the shared one unless told otherwise.
import {
  type DType,
  type Generator,
  normal as normalDraws,
  type Shape,
  type Tensor,
  uniform as uniformDraws,
} from "@cotangent/core";

/** Where parameters come to be, and what their first values are drawn from. */
export interface InitOptions {
  /** The shared generator, which `manualSeed` seeds, by default. */
  readonly generator?: Generator;
  /** float32 by default. */
  readonly dtype?: DType;
  readonly device?: string;
}

/** The function that follows a layer decides how large its weights should be. */
export type Nonlinearity = "linear" | "conv" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/** The factor by which weights grow to make up for what a nonlinearity takes away. `a` is the slope of leakyRelu. */
export function gainOf(nonlinearity: Nonlinearity, a = 0.01): number {
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + a * a));
    case "selu":
      return 3 / 4;
    default:
      return 1;
  }
}

/** How many inputs one output of a weight [out, in, ...kernel] sees, and how many outputs one input reaches. */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  const [outputs = 1, inputs = 1, ...kernel] = shape;
  const cells = kernel.reduce((product, n) => product * n, 1);
  return { fanIn: inputs * cells, fanOut: outputs * cells };
}

export interface KaimingOptions extends InitOptions {
  /** Slope of leakyRelu, 0 by default. */
  readonly a?: number;
  readonly mode?: "fanIn" | "fanOut";
  readonly nonlinearity?: Nonlinearity;
}

function kaimingStd(shape: Shape, { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" }: KaimingOptions): number {
  return gainOf(nonlinearity, a) / Math.sqrt(fans(shape)[mode]);
}

/** Uniform in ±√3·gain/√fan (He et al., "Delving deep into rectifiers", 2015). */
export function kaimingUniform(shape: Shape, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(shape, options);
  return uniform(shape, { ...options, low: -bound, high: bound });
}

/** Normal with standard deviation gain/√fan (He et al., 2015). */
export function kaimingNormal(shape: Shape, options: KaimingOptions = {}): Tensor {
  return normal(shape, { ...options, std: kaimingStd(shape, options) });
}

export interface XavierOptions extends InitOptions {
  readonly gain?: number;
}

function xavierStd(shape: Shape, gain: number): number {
  const { fanIn, fanOut } = fans(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** Uniform in ±gain·√(6/(fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function xavierUniform(shape: Shape, options: XavierOptions = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd(shape, options.gain ?? 1);
  return uniform(shape, { ...options, low: -bound, high: bound });
}

/** Normal with standard deviation gain·√(2/(fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function xavierNormal(shape: Shape, options: XavierOptions = {}): Tensor {
  return normal(shape, { ...options, std: xavierStd(shape, options.gain ?? 1) });
}

/** Uniform in [low, high), [0, 1) by default. */
export function uniform(
  shape: Shape,
  options: InitOptions & { readonly low?: number; readonly high?: number } = {},
): Tensor {
  return uniformDraws(shape, options);
}

/** Normal, with mean 0 and standard deviation 1 by default. */
export function normal(
  shape: Shape,
  options: InitOptions & { readonly mean?: number; readonly std?: number } = {},
): Tensor {
  return normalDraws(shape, options);
}

/** PyTorch's default for the weights of linear layers and convolutions: uniform in ±1/√fanIn. */
export const defaultWeight = (shape: Shape, options: InitOptions): Tensor =>
  kaimingUniform(shape, { ...options, a: Math.sqrt(5) });

/** PyTorch's default for their biases: uniform in ±1/√fanIn of the weight. */
export function defaultBias(size: number, weightShape: Shape, options: InitOptions): Tensor {
  const { fanIn } = fans(weightShape);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  return uniform([size], { ...options, low: -bound, high: bound });
}

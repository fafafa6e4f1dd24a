// Spectra of frames of a signal, one after another in time.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { castNode } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkCount, floatOf, nodeOf } from "./arguments.ts";
import { complexNode, pairsOf } from "./complex.ts";
import { realInverted, realTransformed, transformed } from "./dft.ts";
import { type PadMode, pad } from "./pad.ts";
import { narrowed } from "./shape.ts";

export interface FrameOptions {
  /** From one frame to the next, a quarter of `nFft` by default. */
  readonly hopLength?: number;
  /** Length of the window, `nFft` by default; zeros fill it up on both sides. */
  readonly winLength?: number;
  /** `[winLength]`: what frames are multiplied by, ones by default. */
  readonly window?: Tensor;
  /** Whether frame t is centred at sample t·hopLength (true by default), or begins there. */
  readonly center?: boolean;
  /** Whether values are divided by √nFft. */
  readonly normalized?: boolean;
  /** Whether only the first ⌊nFft/2⌋ + 1 frequencies are kept, of which the others are the conjugates: true by default. */
  readonly onesided?: boolean;
}

export interface StftOptions extends FrameOptions {
  /** What lies beyond the ends of a centred signal, its reflection by default. */
  readonly padMode?: PadMode;
}

export interface IstftOptions extends FrameOptions {
  /** Samples of the result; by default as many as whole frames give. */
  readonly length?: number;
}

interface Frames {
  readonly size: number;
  readonly hop: number;
  /** `[size]`, null for ones. */
  readonly window: Node | null;
  /** Samples before the first frame's middle. */
  readonly margin: number;
  readonly scale: number;
}

function framesOf(operation: string, nFft: number, options: FrameOptions, like: Node): Frames {
  const size = checkCount(operation, "nFft", nFft, 1);
  const hop = checkCount(operation, "hopLength", options.hopLength ?? Math.max(1, Math.floor(size / 4)), 1);
  const length = checkCount(operation, "winLength", options.winLength ?? size, 1);
  if (length > size) throw new ArgumentError(`${operation}: expected a winLength of at most ${size}, got ${length}`);
  const window = options.window ? castNode(nodeOf(operation, options.window), like.dtype) : b.fill(1, [length], like);
  if (`${window.shape}` !== `${length}`)
    throw new ShapeError(`${operation}: expected a window [${length}], got ${showShape(window.shape)}`);
  const before = Math.floor((size - length) / 2);
  return {
    size,
    hop,
    window: options.window || length < size ? b.pad(window, [before], [size - length - before], [1]) : null,
    margin: options.center === false ? 0 : Math.floor(size / 2),
    scale: options.normalized === true ? 1 / Math.sqrt(size) : 1,
  };
}

/**
 * The short-time Fourier transform: spectra of frames of `nFft` samples, `hopLength` apart.
 * @param x real `[L]` or `[B, L]`
 * @param options hopLength, winLength, window, center, padMode, normalized, onesided: as `torch.stft`
 * @returns pairs `[F, T, 2]` or `[B, F, T, 2]`, F = ⌊nFft/2⌋ + 1 frequencies of T frames
 * @throws {ShapeError} `stft: expected at least 8 samples, got 5`
 * @example stft(zeros([100]), 16, { window: hannWindow(16) }).shape // [9, 26, 2]
 */
export function stft(x: Tensor, nFft: number, options: StftOptions = {}): Tensor {
  const given = floatOf("stft", x);
  if (given.shape.length !== 1 && given.shape.length !== 2)
    throw new ShapeError(`stft: expected a signal [L] or [B, L], got ${showShape(given.shape)}`);
  const { size, hop, window, margin, scale } = framesOf("stft", nFft, options, given);
  const widths: readonly (readonly [number, number])[] = [[margin, margin]];
  const signal = margin > 0 ? pad(new Tensor(given), widths, { mode: options.padMode ?? "reflect" }).node : given;
  const last = signal.shape.length - 1;
  if ((signal.shape[last] ?? 0) < size)
    throw new ShapeError(`stft: expected at least ${size} samples, got ${signal.shape[last]}`);
  const cells = b.windows(signal, { axes: [last], size: [size], step: [hop], dilation: [1] });
  const frames = window ? b.mul(cells, window) : cells;
  const spectra =
    options.onesided === false ? transformed(complexNode(frames), false, scale) : realTransformed(frames, scale);
  return new Tensor(exchanged(spectra));
}

/** `[..., T, F, 2]` of `[..., F, T, 2]`, and back. */
function exchanged(x: Node): Node {
  const axes = x.shape.map((_, i) => i);
  const rank = axes.length;
  return b.permute(x, axes.with(rank - 3, rank - 2).with(rank - 2, rank - 3));
}

/**
 * The signal of which `stft` has the given spectra: least squares where no signal has them (Griffin and Lim, 1984). The squares
 * of overlapping windows must not vanish together anywhere.
 * @param x pairs `[F, T, 2]` or `[B, F, T, 2]`
 * @param options those of `stft`, and length
 * @returns real `[L]` or `[B, L]`
 * @throws {ShapeError} `istft: expected 9 frequencies, got 8`
 * @example (await istft(stft(tensor([1, 2, 3, 4]), 4), 4).toArray()) // [1, 2, 3, 4]
 */
export function istft(x: Tensor, nFft: number, options: IstftOptions = {}): Tensor {
  const given = pairsOf("istft", x);
  if (given.shape.length !== 3 && given.shape.length !== 4)
    throw new ShapeError(`istft: expected pairs [F, T, 2] or [B, F, T, 2], got ${showShape(given.shape)}`);
  const { size, hop, window, margin, scale } = framesOf("istft", nFft, options, given);
  const wanted = options.onesided === false ? size : Math.floor(size / 2) + 1;
  if (given.shape.at(-3) !== wanted)
    throw new ShapeError(`istft: expected ${wanted} frequencies, got ${given.shape.at(-3)}`);
  const spectra = exchanged(given);
  const half = narrowed(spectra, spectra.shape.length - 2, 0, Math.floor(size / 2) + 1);
  const frames = realInverted(half, size, 1 / (size * scale));
  const count = frames.shape.at(-2) ?? 0;
  if (count === 0) throw new ShapeError("istft: expected at least one frame, got none");
  const total = (count - 1) * hop + size;
  /** Frames `[..., T, size]` added up where they overlap. */
  const overlaid = (y: Node): Node => {
    const lead = y.shape.slice(0, -2);
    return b.fold(y, { axes: [lead.length], size: [size], step: [hop], dilation: [1], shape: [...lead, total] });
  };
  const weights = window ? b.mul(window, window) : b.fill(1, [size], frames);
  const sums = overlaid(window ? b.mul(frames, window) : frames);
  const end = options.length === undefined ? total - margin : margin + checkCount("istft", "length", options.length);
  if (end <= margin)
    throw new ShapeError(`istft: expected more than ${margin} samples, got ${total}. Are there too few frames?`);
  const kept = Math.min(end, total) - margin;
  const cut = (y: Node): Node => narrowed(y, y.shape.length - 1, margin, kept);
  const y = b.div(cut(sums), cut(overlaid(b.expand(weights, [count, size]))));
  const zeros = y.shape.map(() => 0);
  return new Tensor(
    b.pad(
      y,
      zeros,
      zeros.with(-1, end - margin - kept),
      zeros.map(() => 1),
    ),
  );
}

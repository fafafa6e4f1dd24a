// Are the derivatives of a function right? Both modes against differences, and against each other.
import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { isFloat } from "../base/dtype.ts";
import { ArgumentError, CotangentError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { builder } from "../ops/builder.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { placeOf } from "./allclose.ts";
import { seededArray } from "./seeded-values.ts";

/** A derivative that disagrees with differences, or with the other mode. */
export class GradcheckError extends CotangentError {
  override name = "GradcheckError";
}

export type Differentiable = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

export interface GradcheckOptions {
  /** Half the distance of the differences, relative to max(1, |x|): 1e-3 by default. Smaller where there are kinks near. */
  readonly epsilon?: number;
  /** Allowed difference relative to the larger of the two derivatives, 1e-6 by default. */
  readonly rtol?: number;
  /** Allowed difference besides, 1e-8 by default. */
  readonly atol?: number;
  /** 2 checks the gradient's own derivatives as well. */
  readonly order?: 1 | 2;
  readonly modes?: readonly ("reverse" | "forward")[];
}

type Settings = Required<GradcheckOptions>;

/** Jacobians larger than this are checked along a few random directions instead of element by element. */
const largest = 48;
const directions = 3;

/**
 * Checks the derivatives of `f` at `inputs` by central differences in float64, reverse and forward mode, and that the two
 * modes are each other's transpose. Float inputs are converted to float64; integers and bools are passed on as they are.
 * @param f a function of tensors, with one or several results of any shape; integer results are not looked at
 * @param inputs where to check: away from kinks and singularities by more than `epsilon`
 * @throws {GradcheckError} names the input, its element, the result's element and both numbers
 * @example await gradcheck((x, w) => x.matmul(w).tanh(), [seededValues([2, 3]), seededValues([3, 4])]) // undefined
 */
export async function gradcheck(
  f: Differentiable,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<void> {
  const settings: Settings = {
    epsilon: 1e-3,
    rtol: 1e-6,
    atol: 1e-8,
    order: 1,
    modes: ["reverse", "forward"],
    ...options,
  };
  if (!inputs.some((x) => isFloat(x.dtype)))
    throw new ArgumentError("gradcheck: expected at least one float input, got none");
  const point = await Promise.all(inputs.map((x) => (isFloat(x.dtype) ? toDouble(x) : x)));
  await new Check("gradcheck", f, point, settings).run();
  if (settings.order === 1) return;
  const outputs = floatsOf(f(...point));
  const cotangents = outputs.map((y, k) => along(y, seededArray(y.size, { seed: 31 + k, dtype: "float64" })));
  // The gradient as a function of the inputs and of the cotangents that it pulls back.
  const gradient: Differentiable = (...args) =>
    pullBack(f, args.slice(0, point.length), args.slice(point.length)).filter((g) => g !== null);
  if (listOf(gradient(...point, ...cotangents)).length === 0) return;
  await new Check("gradcheck, second order", gradient, [...point, ...cotangents], settings).run();
}

const toDouble = async (x: Tensor): Promise<Tensor> =>
  tensor(Float64Array.from(await x.data()), { shape: x.shape, device: x.device });

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;
const floatsOf = (result: Tensor | readonly Tensor[]): Tensor[] => listOf(result).filter((y) => isFloat(y.dtype));

/** A tensor of the shape and device of `like`. */
const along = (like: Tensor, values: ArrayLike<number>): Tensor =>
  tensor(Float64Array.from(values), { shape: like.shape, device: like.device, dtype: like.dtype });

/** The gradients of the float inputs, given the cotangents of the float results. */
function pullBack(f: Differentiable, xs: readonly Tensor[], cotangents: readonly Tensor[]): (Tensor | null)[] {
  const roots = floatsOf(f(...xs)).map((y) => y.node);
  const wrt = xs.filter((x) => isFloat(x.dtype)).map((x) => x.node);
  const gradients = reverse(
    builder,
    roots,
    cotangents.map((u) => u.node),
    wrt,
  );
  return gradients.map((g) => g && new Tensor(g));
}

function pushForward(f: Differentiable, xs: readonly Tensor[], tangents: readonly Tensor[]): (Tensor | null)[] {
  const roots = floatsOf(f(...xs)).map((y) => y.node);
  const wrt = xs.filter((x) => isFloat(x.dtype)).map((x) => x.node);
  const moved = forward(
    builder,
    roots,
    wrt,
    tangents.map((v) => v.node),
  );
  return moved.map((t) => t && new Tensor(t));
}

/** All values of some tensors, one after another; zeros for null. */
async function flat(parts: readonly (Tensor | null)[], like: readonly Tensor[]): Promise<Float64Array> {
  const out = new Float64Array(like.reduce((n, x) => n + x.size, 0));
  let at = 0;
  for (const [i, x] of like.entries()) {
    const part = parts[i];
    if (part) {
      if (`${part.shape}` !== `${x.shape}`)
        throw new GradcheckError(
          `gradcheck: expected a derivative of shape ${showShape(x.shape)}, got ${showShape(part.shape)}`,
        );
      out.set(await part.data(), at);
    }
    at += x.size;
  }
  return out;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

class Check {
  private readonly name: string;
  private readonly f: Differentiable;
  private readonly inputs: readonly Tensor[];
  private readonly settings: Settings;
  private floats: Tensor[] = [];
  private results: Tensor[] = [];
  /** The derivative of every result element by one input element, for each of these: by differences. */
  private columns: Float64Array[] = [];

  constructor(name: string, f: Differentiable, inputs: readonly Tensor[], settings: Settings) {
    this.name = name;
    this.f = f;
    this.inputs = inputs;
    this.settings = settings;
  }

  async run(): Promise<void> {
    this.floats = this.inputs.filter((x) => isFloat(x.dtype));
    this.results = floatsOf(this.f(...this.inputs));
    const [once, again] = [await this.evaluate(this.inputs), await this.evaluate(this.inputs)];
    if (once.some((y, i) => y !== again[i] && !(Number.isNaN(y) && Number.isNaN(again[i]))))
      throw new GradcheckError(
        `${this.name}: expected the same results for the same inputs, got others the second time`,
      );
    this.columns = await this.differences();
    for (const mode of this.settings.modes) await (mode === "reverse" ? this.reverseMode() : this.forwardMode());
    if (this.settings.modes.length === 2) await this.transposed();
  }

  private evaluate(inputs: readonly Tensor[]): Promise<Float64Array> {
    const results = floatsOf(this.f(...inputs));
    return flat(results, results);
  }

  private async differences(): Promise<Float64Array[]> {
    const columns: Float64Array[] = [];
    for (const x of this.floats) {
      const values = Float64Array.from(await x.data());
      for (let i = 0; i < values.length; i++) {
        const center = values[i] ?? 0;
        const h = this.settings.epsilon * Math.max(1, Math.abs(center));
        const at = (delta: number): Promise<Float64Array> => {
          const moved = along(x, values.with(i, center + delta));
          return this.evaluate(this.inputs.map((other) => (other === x ? moved : other)));
        };
        const [far, farBack, near, nearBack] = [await at(h), await at(-h), await at(h / 2), await at(-h / 2)];
        // Richardson's extrapolation of two central differences: the error is of order h⁴.
        columns.push(
          far.map((y, k) => {
            const wide = (y - (farBack[k] ?? 0)) / (2 * h);
            const narrow = ((near[k] ?? 0) - (nearBack[k] ?? 0)) / h;
            return (4 * narrow - wide) / 3;
          }),
        );
      }
    }
    return columns;
  }

  /** Cotangents or tangents to try: each unit vector where there are few, else a few random ones. */
  private probes(parts: readonly Tensor[]): { vector: Float64Array; unit: number }[] {
    const size = parts.reduce((n, x) => n + x.size, 0);
    if (size <= largest)
      return Array.from({ length: size }, (_, unit) => ({ vector: new Float64Array(size).with(unit, 1), unit }));
    return Array.from({ length: directions }, (_, seed) => ({
      vector: Float64Array.from(seededArray(size, { seed: seed + 17, dtype: "float64" })),
      unit: -1,
    }));
  }

  /** The parts of one flat vector, each as a tensor like one of `parts`. */
  private split(vector: Float64Array, parts: readonly Tensor[]): Tensor[] {
    let at = 0;
    return parts.map((x) => {
      at += x.size;
      return along(x, vector.subarray(at - x.size, at));
    });
  }

  private async reverseMode(): Promise<void> {
    for (const { vector, unit } of this.probes(this.results)) {
      const gradients = pullBack(this.f, this.inputs, this.split(vector, this.results));
      const row = await flat(gradients, this.floats);
      for (const [i, column] of this.columns.entries())
        this.compare(row[i] ?? Number.NaN, dot(vector, column), "reverse", unit, i);
    }
  }

  private async forwardMode(): Promise<void> {
    for (const { vector, unit } of this.probes(this.floats)) {
      const column = await flat(pushForward(this.f, this.inputs, this.split(vector, this.floats)), this.results);
      for (const [k, y] of column.entries()) {
        const expected = this.columns.reduce(
          (sum, other, i) => sum + (vector[i] === 0 ? 0 : (vector[i] ?? 0) * (other[k] ?? 0)),
          0,
        );
        this.compare(y, expected, "forward", k, unit);
      }
    }
  }

  /** ⟨u, J·v⟩ by forward mode is ⟨Jᵀ·u, v⟩ by reverse mode, to the last digits. */
  private async transposed(): Promise<void> {
    const random = (parts: readonly Tensor[], seed: number): Float64Array =>
      Float64Array.from(
        seededArray(
          parts.reduce((n, x) => n + x.size, 0),
          { seed, dtype: "float64" },
        ),
      );
    const [u, v] = [random(this.results, 5), random(this.floats, 6)];
    const pulled = await flat(pullBack(this.f, this.inputs, this.split(u, this.results)), this.floats);
    const pushed = await flat(pushForward(this.f, this.inputs, this.split(v, this.floats)), this.results);
    const [byForward, byReverse] = [dot(u, pushed), dot(pulled, v)];
    const size = pushed.reduce((sum, x, i) => sum + Math.abs(x * (u[i] ?? 0)), 0);
    const back = pulled.reduce((sum, x, i) => sum + Math.abs(x * (v[i] ?? 0)), 0);
    // Where a derivative cancels to nothing, each mode leaves roundings of its own.
    if (Math.abs(byForward - byReverse) <= 1e-10 * Math.max(size, back) + 2 ** -50) return;
    if (!Number.isFinite(byForward) && Object.is(byForward, byReverse)) return;
    throw new GradcheckError(
      `${this.name}: expected ⟨u, J·v⟩ by forward mode to be ⟨Jᵀ·u, v⟩ by reverse mode, got ${byForward} and ${byReverse}`,
    );
  }

  private compare(actual: number, expected: number, mode: string, result: number, input: number): void {
    const { rtol, atol } = this.settings;
    const scale = Math.max(Math.abs(actual), Math.abs(expected));
    if (Math.abs(actual - expected) <= atol + rtol * scale || Object.is(actual, expected)) return;
    const of = result < 0 ? "a random sum of the results" : nameElement("result", result, this.results);
    const by = input < 0 ? "a random direction of the inputs" : nameElement("input", input, this.floats, this.inputs);
    throw new GradcheckError(
      `${this.name}: expected the derivative of ${of} by ${by} to be ${expected}, as differences say, got ${actual} by ${mode} mode`,
    );
  }
}

/** "element [1, 0] of input 2": which of the concatenated `parts` an index falls into, numbered as in `all`. */
function nameElement(what: string, index: number, parts: readonly Tensor[], all: readonly Tensor[] = parts): string {
  let rest = index;
  for (const part of parts) {
    if (rest < part.size) return `element ${showShape(placeOf(rest, part.shape))} of ${what} ${all.indexOf(part)}`;
    rest -= part.size;
  }
  return `${what} ${index}`;
}

// What an optimizer remembers about one parameter: tensors such as moments, and numbers such as the count of steps.
import { ArgumentError, type Tensor, tensor, type Update } from "@cotangent/core";

/** The new value of a tensor or number, waiting for the step to succeed. */
interface Pending {
  readonly tensors: Map<string, Tensor>;
  readonly numbers: Map<string, number>;
}

/** A tensor of one value, as large as `like` and in the same place. */
function filled(value: number, like: Tensor): Tensor {
  const values = like.dtype === "float64" ? new Float64Array(like.size) : new Float32Array(like.size);
  if (value !== 0) values.fill(value);
  return tensor(values, { shape: like.shape, dtype: like.dtype, device: like.device });
}

export class Slots {
  readonly parameter: Tensor;
  private readonly tensors = new Map<string, Tensor>();
  private readonly numbers = new Map<string, number>();
  private pending: Pending = { tensors: new Map(), numbers: new Map() };

  constructor(parameter: Tensor) {
    this.parameter = parameter;
  }

  /** The tensor called `name`; one of the parameter's shape and dtype, full of `initial`, where there is none yet. */
  tensor(name: string, initial = 0): Tensor {
    const known = this.tensors.get(name);
    if (known) return known;
    const made = filled(initial, this.parameter);
    this.tensors.set(name, made);
    return made;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  number(name: string, initial = 0): number {
    return this.numbers.get(name) ?? initial;
  }

  /** Proposes a new value, which counts once the step is done. Returns it. */
  next(name: string, value: Tensor): Tensor {
    this.pending.tensors.set(name, value);
    return value;
  }

  nextNumber(name: string, value: number): number {
    this.pending.numbers.set(name, value);
    return value;
  }

  /** Forgets what a step that failed has proposed. */
  begin(): void {
    this.pending = { tensors: new Map(), numbers: new Map() };
  }

  /** The proposed tensors, each to be written over its old value. */
  updates(): Update[] {
    return [...this.pending.tensors].map(([name, value]) => ({ target: this.tensor(name), value, inPlace: true }));
  }

  commit(): void {
    for (const [name, value] of this.pending.numbers) this.numbers.set(name, value);
    this.begin();
  }

  entries(): Record<string, Tensor | number> {
    return { ...Object.fromEntries(this.numbers), ...Object.fromEntries(this.tensors) };
  }

  /** A copy of entries from a state dict; the updates that fill its tensors are added to `updates`. */
  static from(parameter: Tensor, entries: Readonly<Record<string, Tensor | number>>, updates: Update[]): Slots {
    const slots = new Slots(parameter);
    for (const [name, entry] of Object.entries(entries)) {
      if (typeof entry === "number") {
        slots.numbers.set(name, entry);
        continue;
      }
      if (entry.size !== parameter.size)
        throw new ArgumentError(
          `loadStateDict: expected ${name} of shape [${parameter.shape.join(", ")}], got [${entry.shape.join(", ")}]`,
        );
      updates.push({ target: slots.tensor(name), value: entry.detach().to(parameter.dtype) });
    }
    return slots;
  }
}

// What an optimizer remembers about one parameter: tensors such as moments, and numbers such as the count of steps.
import { ArgumentError, type Tensor, tensor, type Update } from "@cotangent/core";

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
  /** Tensors that no step has changed yet. */
  private readonly untouched = new Set<string>();
  /**
   * New values, waiting for the step to succeed. Lists, not maps: a long-lived map that is cleared at each step leaves a chain
   * of old tables behind, and V8's young collections then keep the graph of every step.
   */
  private nextTensors: [name: string, value: Tensor][] = [];
  private nextNumbers: [name: string, value: number][] = [];

  constructor(parameter: Tensor) {
    this.parameter = parameter;
  }

  /** The tensor called `name`; one of the parameter's shape and dtype, full of `initial`, where there is none yet. */
  tensor(name: string, initial = 0): Tensor {
    const known = this.tensors.get(name);
    if (known) return known;
    const made = filled(initial, this.parameter);
    this.tensors.set(name, made);
    this.untouched.add(name);
    return made;
  }

  /** Whether a step has set the tensor called `name`. */
  has(name: string): boolean {
    return this.tensors.has(name) && !this.untouched.has(name);
  }

  number(name: string, initial = 0): number {
    return this.numbers.get(name) ?? initial;
  }

  /** Proposes a new value, which counts once the step is done. Returns it. */
  next(name: string, value: Tensor): Tensor {
    this.nextTensors.push([name, value]);
    return value;
  }

  nextNumber(name: string, value: number): number {
    this.nextNumbers.push([name, value]);
    return value;
  }

  /** Forgets what a step that failed has proposed. */
  begin(): void {
    if (this.nextTensors.length > 0) this.nextTensors = [];
    if (this.nextNumbers.length > 0) this.nextNumbers = [];
  }

  /** Whether an update of both parameters reads the same: equal numbers, tensors of the same names, on one device. */
  isLike(other: Slots): boolean {
    if (other === this) return true;
    const { parameter, numbers, tensors, untouched } = this;
    if (parameter.dtype !== other.parameter.dtype || parameter.device !== other.parameter.device) return false;
    if (numbers.size !== other.numbers.size) return false;
    if (tensors.size - untouched.size !== other.tensors.size - other.untouched.size) return false;
    for (const [name, value] of numbers) if (other.numbers.get(name) !== value) return false;
    for (const name of tensors.keys()) if (this.has(name) && !other.has(name)) return false;
    return true;
  }

  /** Adds all tensors to a list. */
  addTo(list: Tensor[]): void {
    this.tensors.forEach((tensor) => {
      list.push(tensor);
    });
  }

  /** The proposed tensors, each to be written over its old value. */
  updates(): Update[] {
    return this.nextTensors.map(([name, value]) => ({ target: this.tensor(name), value, inPlace: true }));
  }

  /** Takes over the numbers that `leader` has proposed: the step is done, and has set all tensors. */
  commit(leader: Slots): void {
    if (this.untouched.size > 0) this.untouched.clear();
    for (const [name, value] of leader.nextNumbers) this.numbers.set(name, value);
    if (this !== leader) this.begin();
  }

  entries(): Record<string, Tensor | number> {
    const tensors = [...this.tensors].filter(([name]) => this.has(name));
    return { ...Object.fromEntries(this.numbers), ...Object.fromEntries(tensors) };
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
      slots.untouched.delete(name);
    }
    return slots;
  }
}

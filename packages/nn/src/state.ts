// State dicts: a module's tensors by PyTorch's names.
import { ArgumentError, DTypeError, realize, ShapeError, type Tensor, type Update, update } from "@cotangent/core";

/** Tensors by name. */
export type StateDict = Readonly<Record<string, Tensor>>;

/** A field's name in a state dict: `runningMean` is stored as `running_mean`. */
export const toStateKey = (field: string): string =>
  field.replace(/([a-z0-9])([A-Z])/g, (_, before: string, letter: string) => `${before}_${letter.toLowerCase()}`);

const showShape = ({ shape }: Tensor): string => `[${shape.join(", ")}]`;

/** Tensors of their own with the same values, computed in one plan. */
export function copyState(state: StateDict): Record<string, Tensor> {
  const copies = Object.entries(state).map(([key, value]) => [key, value.detach()] as const);
  realize(...copies.map(([, value]) => value));
  return Object.fromEntries(copies);
}

/** Keys that only one of two dicts has. */
export interface KeyDifference {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Copies `given` into the tensors of `own`: all of them, or, if anything is wrong, none. */
export function loadState(name: string, own: StateDict, given: StateDict, strict: boolean): KeyDifference {
  const missing = Object.keys(own).filter((key) => !(key in given));
  const unexpected = Object.keys(given).filter((key) => !(key in own));
  if (strict && missing.length + unexpected.length > 0) {
    const parts = [
      ...(missing.length > 0 ? [`missing keys ${missing.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`unexpected keys ${unexpected.join(", ")}`] : []),
    ];
    throw new ArgumentError(
      `${name}.loadStateDict: expected the keys of the model's own state dict, got ${parts.join("; ")}. Pass { strict: false } to load what fits`,
    );
  }
  const updates: Update[] = [];
  const mismatches: string[] = [];
  for (const [key, target] of Object.entries(own)) {
    const value = given[key];
    if (!value) continue;
    if (value.shape.length !== target.shape.length || value.shape.some((n, i) => n !== target.shape[i]))
      mismatches.push(`${key} of shape ${showShape(target)}, got ${showShape(value)}`);
    else if (value.dtype === "bool" && target.dtype !== "bool")
      throw new DTypeError(`${name}.loadStateDict: expected ${key} of ${target.dtype}, got bool`);
    else updates.push({ target, value: value.detach().to(target.dtype) });
  }
  if (mismatches.length > 0) throw new ShapeError(`${name}.loadStateDict: expected ${mismatches.join("; ")}`);
  if (updates.length > 0) update(updates);
  return { missing, unexpected };
}

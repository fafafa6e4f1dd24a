// Checks of optimizer settings.
import { ArgumentError } from "@cotangent/core";

/** Throws unless every value is a number that is not negative. */
export function checkNotNegative(optimizer: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!(value >= 0)) throw new ArgumentError(`${optimizer}: expected ${name} ≥ 0, got ${value}`);
}

/** Throws unless every value lies in [0, 1), as a decay rate must. */
export function checkDecay(optimizer: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!(value >= 0 && value < 1)) throw new ArgumentError(`${optimizer}: expected 0 ≤ ${name} < 1, got ${value}`);
}

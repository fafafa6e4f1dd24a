// Checks of what users hand to layers.
import { ArgumentError, type Shape, ShapeError } from "@cotangent/core";

export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Throws unless every value is a whole number of at least `least`. */
export function checkCounts(layer: string, values: Readonly<Record<string, number>>, least = 1): void {
  for (const [name, value] of Object.entries(values))
    if (!Number.isInteger(value) || value < least)
      throw new ArgumentError(`${layer}: expected a whole ${name} of at least ${least}, got ${value}`);
}

/** Throws unless the last axis has `size` elements. */
export function checkLastAxis(layer: string, shape: Shape, size: number): void {
  if (shape.length === 0 || shape.at(-1) !== size)
    throw new ShapeError(`${layer}: expected last axis ${size}, got shape ${showShape(shape)}`);
}

/** Throws unless axis 1 has `channels` elements and the rank is one of `ranks`. */
export function checkChannels(layer: string, shape: Shape, channels: number, ranks: readonly number[]): void {
  if (!ranks.includes(shape.length))
    throw new ShapeError(`${layer}: expected ${ranks.join(" or ")} axes, got shape ${showShape(shape)}`);
  if (shape[1] !== channels)
    throw new ShapeError(`${layer}: expected ${channels} channels in axis 1, got shape ${showShape(shape)}`);
}

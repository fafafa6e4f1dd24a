// What is built once and stands for many: examples of a batch, steps of a loop. Each draws random numbers of its own.
import { ArgumentError } from "../base/errors.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { unknownLeaf } from "../ops/source.ts";
import { builtFrom } from "../tensor/apart.ts";
import { assigning } from "../tensor/assign.ts";

/** Whether the examples of a batch draw random numbers of their own, all the same ones, or none. */
export type Randomness = "different" | "same" | "error";

interface Level {
  readonly operation: string;
  readonly size: number;
  readonly randomness: Randomness;
  readonly outer: Level | null;
  /** For each device the number of the copy, where it has been asked for. */
  readonly numbers: Map<string, Node>;
}

/** The copies that are being built, the innermost first. */
let current: Level | null = null;

/** A function's result, and the parameters that stand for 0, 1, …, size − 1, where random numbers depend on them. */
export interface Built<R> {
  readonly result: R;
  readonly numbers: readonly Node[];
}

/** Runs `build` once for `size` copies of what it builds. */
export function forCopies<R>(operation: string, size: number, randomness: Randomness, build: () => R): Built<R> {
  const outer = current;
  const numbers = new Map<string, Node>();
  current = { operation, size, randomness, outer, numbers };
  try {
    const result = assigning(builtFrom(operation, build));
    return { result, numbers: [...numbers.values()] };
  } finally {
    current = outer;
  }
}

/** The numbers that `forCopies` left open. */
export const countedUp = (size: number, numbers: readonly Node[]): Node[] => numbers.map((x) => b.iota(size, x));

function numberOf({ numbers, operation }: Level, device: string): Node {
  const known = numbers.get(device);
  if (known) return known;
  const made = unknownLeaf([], "int32", device, `inside of ${operation} a tensor has no values of its own`);
  numbers.set(device, made);
  return made;
}

/** Which of how many copies draws: over all levels, from the outermost to the innermost. Null where there is only one. */
export function copyThatDraws(device: string): { readonly index: Node; readonly count: number } | null {
  let found: { index: Node; count: number } | null = null;
  for (let level = current; level; level = level.outer) {
    const { operation, randomness, size } = level;
    if (randomness === "error")
      throw new ArgumentError(
        `${operation}: expected a function that draws no random numbers, got one that does. Choose { randomness: "different" } or "same"`,
      );
    if (randomness === "same") continue;
    const own = numberOf(level, device);
    found = found
      ? { index: b.add(b.mul(own, b.num(found.count, own)), found.index), count: found.count * size }
      : { index: own, count: size };
  }
  return found;
}

// Trees of tensors: what transforms take and return. Arrays, plain objects and modules, nested; other values are left alone.
import { ArgumentError, GraphError } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { whileFixed } from "../tensor/fixed.ts";
import { Tensor } from "../tensor/tensor.ts";

/** An object that transforms take for a tree, as they do modules: of tensors that it computes with, by name. */
export interface NamedTensors {
  tensorsByName(): Readonly<Record<string, Tensor>>;
}

/** The same tree with tensors of any shape. */
export type Reshapen<T> = T extends Tensor
  ? Tensor
  : T extends NamedTensors
    ? T | Readonly<Record<string, Tensor>>
    : T extends object
      ? { [K in keyof T]: Reshapen<T[K]> }
      : T;

/** The same tree with tensors that are not the class of the given ones; a module's by their names. */
export type Plain<T> =
  T extends Tensor<infer S>
    ? Tensor<S>
    : T extends NamedTensors
      ? Record<string, Tensor>
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

const isNamed = (x: unknown): x is NamedTensors =>
  typeof x === "object" && x !== null && "tensorsByName" in x && typeof x.tensorsByName === "function";

export const isPlainObject = (x: unknown): x is Record<string, unknown> => {
  if (typeof x !== "object" || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
};

/** The tensors of a tree, depth first. */
export function tensorsOf(tree: unknown): Tensor[] {
  if (tree instanceof Tensor) return [tree];
  if (Array.isArray(tree)) return tree.flatMap(tensorsOf);
  if (isNamed(tree)) return Object.values(tree.tensorsByName());
  return isPlainObject(tree) ? Object.values(tree).flatMap(tensorsOf) : [];
}

const partsOf = (tree: unknown): Record<string, unknown> | null =>
  isNamed(tree) ? tree.tensorsByName() : isPlainObject(tree) ? tree : null;

/**
 * The tensors of a tree in the order of those of another, which has as many: by name, whatever order the names come in.
 * @throws {ArgumentError} `jvp: expected tangents with the names a, b, got a, c`
 */
export function alignedTensors(operation: string, what: string, tree: unknown, like: unknown): Tensor[] {
  const differ = (expected: string, got: string): ArgumentError =>
    new ArgumentError(`${operation}: expected ${what} with ${expected}, got ${got}`);
  const [count, found] = [tensorsOf(like).length, tensorsOf(tree).length];
  if (count !== found) throw differ(`${count} tensors`, `${found}`);
  const align = (given: unknown, model: unknown): Tensor[] => {
    if (model instanceof Tensor) {
      if (given instanceof Tensor) return [given];
      throw differ("a tensor where there is one", "something else");
    }
    if (Array.isArray(model)) {
      if (Array.isArray(given)) return model.flatMap((part, i) => align(given[i], part));
      if (tensorsOf(model).length > 0) throw differ("an array where there is one", "something else");
    }
    const models = partsOf(model);
    if (models === null) return [];
    const parts = partsOf(given) ?? {};
    const names = Object.keys(models).filter((name) => tensorsOf(models[name]).length > 0);
    if (names.some((name) => !Object.hasOwn(parts, name)))
      throw differ(`the names ${names.join(", ")}`, Object.keys(parts).join(", ") || "none");
    return names.flatMap((name) => align(parts[name], models[name]));
  };
  return align(tree, like);
}

/** The tree with each tensor replaced, depth first; a module becomes an object of what its tensors are replaced by. */
export function mapTensors(tree: unknown, replace: (x: Tensor) => unknown): unknown {
  if (tree instanceof Tensor) return replace(tree);
  if (Array.isArray(tree)) return tree.map((part) => mapTensors(part, replace));
  if (isNamed(tree)) return mapTensors(tree.tensorsByName(), replace);
  if (!isPlainObject(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, mapTensors(part, replace)]));
}

type Pair = readonly [tensor: Tensor, other: Tensor];

/**
 * Runs a function while some tensors stand for others, of any shape: whoever computes with one computes with the other.
 * What a tensor is assigned meanwhile is the other's, which shows it when the function has ended; its own value it keeps.
 * @param pairs each tensor with the one that it stands for
 * @param operation who asks, for the message of an error
 * @throws {GraphError} `standingFor: expected a function that assigns to none of its arguments, got one that assigns to a
 * tensor of shape [2]`, where that tensor has `requiresGrad`: others, such as running statistics, may be assigned to
 * @throws {GraphError} `standingFor: expected another tensor for each that is assigned to, got one of shape [2] for several`
 * @example (await ((x) => standingFor([[x, tensor(5)]], () => x.mul(2)))(tensor(1)).item()) // 10
 */
export function standingFor<R>(pairs: readonly Pair[], f: () => R, operation = "standingFor"): R {
  const trained = pairs.flatMap(([tensor]) => (tensor.requiresGrad ? [tensor] : []));
  return whileFixed(operation, trained, () => exchanged(operation, pairs, f));
}

function exchanged<R>(operation: string, pairs: readonly Pair[], f: () => R): R {
  const stood: (readonly [other: Tensor, end: () => Node | null])[] = [];
  try {
    for (const [tensor, other] of pairs) stood.push([other, tensor.standFor(other.node)]);
    return f();
  } finally {
    // All are themselves again before an assignment may throw.
    const ended = stood.reverse().map(([other, end]) => [other, end()] as const);
    handOver(operation, ended);
  }
}

/** Assigns to the tensors what those that stood for them were assigned. */
function handOver(operation: string, ended: readonly (readonly [other: Tensor, value: Node | null])[]): void {
  const assigned = new Set<Tensor>();
  for (const [other, value] of ended) {
    if (value === null) continue;
    // One value would hide the other's.
    if (assigned.has(other))
      throw new GraphError(
        `${operation}: expected another tensor for each that is assigned to, got one of shape ${showShape(other.shape)} for several. Pass copies`,
      );
    assigned.add(other);
    other.assign(new Tensor(value));
  }
}

/** Arguments for a transform's function. Modules stay what they are, and their tensors stand for others while it runs. */
export class Substituted {
  private readonly pairs: Pair[] = [];
  /** The tensors in place of those of the arguments, depth first. */
  readonly tensors: Tensor[] = [];

  /** A tree with each tensor replaced. */
  of(tree: unknown, replace: (x: Tensor) => Tensor): unknown {
    if (tree instanceof Tensor) {
      const other = replace(tree);
      this.tensors.push(other);
      return other;
    }
    if (Array.isArray(tree)) return tree.map((part) => this.of(part, replace));
    if (isNamed(tree)) {
      for (const tensor of tensorsOf(tree)) {
        const other = replace(tensor);
        this.tensors.push(other);
        this.pairs.push([tensor, other]);
      }
      return tree;
    }
    if (!isPlainObject(tree)) return tree;
    return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, this.of(part, replace)]));
  }

  /** Runs `f`, which must not assign to the arguments: it is their values here that the transform follows. */
  during<R>(operation: string, f: () => R): R {
    const fixed = [...this.tensors, ...this.pairs.map(([tensor]) => tensor)];
    return whileFixed(operation, fixed, () => exchanged(operation, this.pairs, f));
  }
}

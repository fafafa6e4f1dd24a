// What later kernels make of a product's results alone is made where the product is: a derivative by an activation's argument
// waits in memory as one factor, rather than as all that it is computed from.
import { sizeOf } from "../base/shape.ts";
import { argumentsOf, endsBelow, type Lowered } from "./lowered.ts";

/** What a value is computed from: one product's results, element by element, or at most the `given` inputs' elements; else null. */
type Origin = Lowered | { readonly given: number } | null;

/** The products whose stores can compute each node. */
export function sitesOf(nodes: readonly Lowered[]): Map<Lowered, Lowered> {
  const origins = new Map<Lowered, Origin>();
  const sites = new Map<Lowered, Lowered>();
  for (const node of nodes) {
    const origin = originOf(node, (x) => origins.get(x) ?? null);
    origins.set(node, origin);
    if (origin && !("given" in origin)) sites.set(node, origin);
  }
  return sites;
}

function originOf(node: Lowered, known: (x: Lowered) => Origin): Origin {
  const { body, shape } = node;
  switch (body.kind) {
    case "contract":
      return node;
    case "input":
      return { given: sizeOf(shape) };
    case "param":
    case "literal":
    case "iota":
      return { given: 1 };
    case "view": {
      const origin = body.after ? null : known(body.x);
      return body.op.kind === "reshape" || (origin && "given" in origin) ? origin : null;
    }
    case "apply": {
      let given = 0;
      let site: Lowered | null = null;
      for (const x of body.args) {
        const origin = known(x);
        if (!origin) return null;
        if ("given" in origin) given = Math.max(given, origin.given);
        else if (site && site !== origin) return null;
        else site = origin;
      }
      if (!site) return { given };
      return sizeOf(shape) === sizeOf(site.shape) && given < sizeOf(shape) ? site : null;
    }
    default:
      return null;
  }
}

/**
 * The factors that are worth it: with each, less is written and read than with what it is computed from.
 * @param readers the stored values whose formulas contain a node
 * @param isDear whether a node would rather be stored than computed again
 */
export function factorsOf(
  nodes: readonly Lowered[],
  roots: ReadonlySet<Lowered>,
  stored: ReadonlySet<Lowered>,
  sites: ReadonlyMap<Lowered, Lowered>,
  readers: ReadonlyMap<Lowered, ReadonlySet<Lowered>>,
  isDear: (node: Lowered) => boolean,
): Set<Lowered> {
  const factors = new Set<Lowered>();
  const others = (node: Lowered, reader: Lowered): Lowered[] =>
    [...(readers.get(node) ?? [])].filter((x) => x !== reader);
  /** Whether `factor` had better be read by `reader` than what it is made of. */
  const isWorthIt = (factor: Lowered, site: Lowered, reader: Lowered): boolean => {
    let gain = -2;
    const isThere = (x: Lowered): boolean => stored.has(x) || (isDear(x) && others(x, reader).length > 0);
    for (const node of endsBelow(argumentsOf(factor), isThere)) {
      if (sizeOf(node.shape) < sizeOf(factor.shape)) continue;
      gain++;
      if (!roots.has(node) && others(node, reader).every((x) => sites.get(x) === site)) gain++;
    }
    return gain > 0;
  };
  for (const reader of nodes) {
    if (!stored.has(reader) || reader.body.kind !== "apply" || sites.has(reader)) continue;
    const seen = new Set<Lowered>();
    const stack = [...argumentsOf(reader)];
    for (let x = stack.pop(); x; x = stack.pop()) {
      if (seen.has(x) || stored.has(x) || (x.body.kind !== "apply" && x.body.kind !== "view")) continue;
      seen.add(x);
      const site = sites.get(x);
      if (!site || x.body.kind === "view") stack.push(...argumentsOf(x));
      else if (isWorthIt(x, site, reader)) factors.add(x);
    }
  }
  return factors;
}

// Trees of values: arrays and plain objects, nested, with leaves of one kind.

export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** The leaves, depth first, object keys in their own order. */
export function treeLeaves<L>(tree: Tree<L>, isLeaf: (x: unknown) => x is L): L[] {
  const out: L[] = [];
  const visit = (t: unknown): void => {
    if (isLeaf(t)) out.push(t);
    else if (Array.isArray(t)) t.forEach(visit);
    else if (t !== null && typeof t === "object") Object.values(t).forEach(visit);
  };
  visit(tree);
  return out;
}

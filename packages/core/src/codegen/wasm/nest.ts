// Makes a loop kernel smaller before code is written for it: loops of one iteration go, loops are put into the order
// in which memory is walked, neighbours that all addresses allow to be one become one, equal expressions become one.
import type { DType } from "../../base/dtype.ts";
import type { FoldOp } from "../../base/instruction.ts";
import { contiguousStrides } from "../../base/shape.ts";
import type { Guard, View } from "../../base/view.ts";
import type { Expr, LoopKernel, Store } from "../../kernel/ir.ts";
import { exprOrder, kernelDims, kernelRoots, kernelStores } from "../../kernel/walk.ts";
import { anySize } from "./abi.ts";
import { tilingOf } from "./tiling.ts";

export type IndexExpr = Expr & { readonly kind: "index" };

export type NestStage =
  | {
      readonly kind: "fold";
      /** Its accumulator's number. */
      readonly index: number;
      readonly op: FoldOp;
      readonly dtype: DType;
      readonly value: Expr;
      /** What argmax and argmin give: the row-major position within the inner dims as the kernel had them. */
      readonly position: IndexExpr | null;
    }
  | { readonly kind: "each"; readonly store: Store }
  | { readonly kind: "once"; readonly store: Store };

export type FoldStage = NestStage & { readonly kind: "fold" };

/** The dtype that a fold compares or adds up in. */
export const foldedType = (fold: FoldStage): DType => (fold.position ? fold.value.dtype : fold.dtype);

export const isPlainSum = (fold: FoldStage): boolean => fold.op === "add" && foldedType(fold) === "float32";

/** Loops over `sizes`, the first `outer` of them around the rest. */
export interface Nest {
  readonly sizes: readonly number[];
  readonly outer: number;
  readonly stages: readonly NestStage[];
  /** The dim that holds the axis of any size, if the kernel has one, and how many iterations each of its indices makes. */
  readonly free: { readonly dim: number; readonly factor: number } | null;
  /** The dim that belongs into the lanes, where parts of others run inside it: see tiling.ts. */
  readonly tiled: number | null;
}

/** A function of the loop indices in its linear part: one number for each dim. */
type Coefficients = readonly number[];

export function simplifyNest(kernel: LoopKernel): Nest {
  const dims = kernelDims(kernel);
  const outer = kernel.outer.length;
  const positions: Coefficients = [...kernel.outer.map(() => 0), ...contiguousStrides(kernel.inner)];
  const picksPosition = kernel.stages.some((stage) => stage.kind === "fold" && stage.op.startsWith("arg"));
  const columns = allCoefficients(kernel);
  if (picksPosition) columns.push(positions);

  const axes = dims.map((_, axis) => axis).filter((axis) => dims[axis] !== 1);
  const stores = kernelStores(kernel).map((store) => store.view.strides);
  const loads = exprOrder(kernelRoots(kernel)).flatMap((expr) => (expr.kind === "load" ? [expr.view.strides] : []));
  const leading = (candidates: readonly Coefficients[], among: readonly number[]): Coefficients =>
    candidates.find((strides) => among.some((axis) => (strides[axis] ?? 0) !== 0)) ?? dims.map(() => 0);
  const byStride = (among: number[], strides: Coefficients): number[] =>
    among.toSorted((a, b) => Math.abs(strides[b] ?? 0) - Math.abs(strides[a] ?? 0));
  const outerAxes = axes.filter((axis) => axis < outer);
  const innerAxes = axes.filter((axis) => axis >= outer);
  const outerOrder = byStride(outerAxes, leading([...stores, ...loads], outerAxes));
  const innerOrder = picksPosition ? innerAxes : byStride(innerAxes, leading([...stores, ...loads], innerAxes));

  /** Runs of axes that are walked as one: everything grows by the same factor from each to the one before it. */
  const merge = (order: readonly number[]): number[][] => {
    const groups: number[][] = [];
    for (const axis of order) {
      const last = groups.at(-1);
      const before = last?.at(-1);
      const size = dims[axis] ?? 1;
      if (last && before !== undefined && columns.every((c) => (c[before] ?? 0) === (c[axis] ?? 0) * size))
        last.push(axis);
      else groups.push([axis]);
    }
    return groups;
  };
  const outerGroups = merge(outerOrder);
  const groups = [...outerGroups, ...merge(innerOrder)];
  const dim = groups.findIndex((group) => group.some((axis) => dims[axis] === anySize));
  const along = (coefficients: Coefficients): number[] => groups.map((group) => coefficients[group.at(-1) ?? 0] ?? 0);
  const lengths = groups.map((group) => group.reduce((size, axis) => size * (dims[axis] ?? 1), 1));
  const tiling = groups.length === outerGroups.length ? tilingOf(lengths, dim, loads.map(along)) : null;
  const rewrite = rewriter((coefficients) => tiling?.strides(along(coefficients)) ?? along(coefficients));
  const sizes = tiling?.sizes ?? lengths;
  let folds = 0;
  const stages = kernel.stages.map((stage): NestStage => {
    if (stage.kind !== "fold")
      return {
        kind: stage.kind,
        store: { ...stage.store, view: rewrite.view(stage.store.view, sizes), value: rewrite.expr(stage.store.value) },
      };
    const position = stage.op.startsWith("arg") ? rewrite.index(0, positions) : null;
    return { ...stage, index: folds++, value: rewrite.expr(stage.value), position };
  });
  const free = dim < 0 ? null : { dim: tiling?.place(dim) ?? dim, factor: (lengths[dim] ?? 1) / anySize };
  return { sizes, outer: tiling ? sizes.length : outerGroups.length, stages, free, tiled: tiling?.vector ?? null };
}

/** Of all that depends on loop indices. */
function allCoefficients(kernel: LoopKernel): Coefficients[] {
  const all: Coefficients[] = kernelStores(kernel).map((store) => store.view.strides);
  const guards = (list: readonly Guard[]): void => {
    for (const guard of list) all.push(guard.coefficients);
  };
  for (const expr of exprOrder(kernelRoots(kernel))) {
    if (expr.kind === "index") all.push(expr.coefficients);
    else if (expr.kind === "inside") guards(expr.guards);
    else if (expr.kind === "load") {
      all.push(expr.view.strides);
      guards(expr.view.guards);
    }
  }
  return all;
}

interface Rewriter {
  expr(root: Expr): Expr;
  view(view: View, sizes: readonly number[]): View;
  index(offset: number, coefficients: Coefficients): IndexExpr;
}

/** Rewrites expressions for new loops; what is equal afterwards is the same object. */
function rewriter(change: (coefficients: Coefficients) => number[]): Rewriter {
  const known = new Map<string, Expr>();
  const done = new Map<Expr, Expr>();
  const ids = new Map<Expr, number>();
  const guardsOf = (guards: readonly Guard[]): Guard[] =>
    guards.map((guard) => ({ ...guard, coefficients: change(guard.coefficients) }));
  const guardKey = (guard: Guard): string =>
    `${guard.coefficients}@${guard.offset}/${guard.size}/${guard.step}/${guard.stride}`;
  const shared = <E extends Expr>(key: string, made: E): Expr => {
    const before = known.get(key);
    if (before) return before;
    known.set(key, made);
    ids.set(made, ids.size);
    return made;
  };
  const one = (expr: Expr): Expr => {
    switch (expr.kind) {
      case "literal":
        return shared(`#${expr.dtype} ${Object.is(expr.value, -0) ? "-0" : expr.value}`, expr);
      case "param":
        return shared(`$${expr.dtype} ${expr.index}`, expr);
      case "acc":
        return shared(`a${expr.dtype} ${expr.index}`, expr);
      case "index": {
        const coefficients = change(expr.coefficients);
        return shared(`i${expr.offset}+${coefficients}`, { ...expr, coefficients });
      }
      case "inside": {
        const guards = guardsOf(expr.guards);
        return shared(`g${guards.map(guardKey).join(";")}`, { ...expr, guards });
      }
      case "load": {
        const { offset } = expr.view;
        const strides = change(expr.view.strides);
        const guards = guardsOf(expr.view.guards);
        return shared(`l${expr.dtype} ${expr.slot} ${offset}+${strides} ${guards.map(guardKey).join(";")}`, {
          ...expr,
          view: { shape: [], offset, strides, guards },
        });
      }
      case "apply": {
        const args = expr.args.map((arg) => done.get(arg) ?? arg);
        const key = `${expr.op} ${expr.dtype} ${expr.check ?? ""} ${args.map((arg) => ids.get(arg)).join(",")}`;
        return shared(key, { ...expr, args });
      }
    }
  };
  return {
    expr: (root) => {
      for (const expr of exprOrder([root])) if (!done.has(expr)) done.set(expr, one(expr));
      return done.get(root) ?? root;
    },
    view: (view, sizes) => ({ shape: sizes, offset: view.offset, strides: change(view.strides), guards: [] }),
    index: (offset, coefficients) => {
      const made: IndexExpr = { kind: "index", dtype: "int32", offset, coefficients: change(coefficients) };
      return made;
    },
  };
}

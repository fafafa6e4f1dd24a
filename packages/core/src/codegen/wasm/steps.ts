// Which stages of a kernel share a walk over the inner dims, and what later walks take over from earlier ones.
import { contiguousStrides, sizeOf } from "../../base/shape.ts";
import type { Expr, Store } from "../../kernel/ir.ts";
import { exprOrder } from "../../kernel/walk.ts";
import { costOf } from "./cost.ts";
import type { Nest, NestStage } from "./nest.ts";

/** Stages that share their loops over the inner dims, or `once` stores that stand side by side. */
export interface Step {
  readonly once: boolean;
  readonly stages: readonly NestStage[];
}

export const storesOf = (stages: readonly NestStage[]): Store[] =>
  stages.flatMap((stage) => (stage.kind === "fold" ? [] : [stage.store]));

export const rootsOf = (stages: readonly NestStage[]): Expr[] =>
  stages.flatMap((stage) => {
    if (stage.kind !== "fold") return [stage.store.value];
    return stage.position ? [stage.value, stage.position] : [stage.value];
  });

/** Stages share a walk unless they need what that walk finds out; stores in between, once for each row, can wait for it. */
export function stepsOf(stages: readonly NestStage[]): Step[] {
  const steps: { once: boolean; stages: NestStage[] }[] = [];
  let walk: NestStage[] | null = null;
  let found = new Set<number>();
  for (const stage of stages) {
    if (stage.kind === "once") {
      const last = steps.at(-1);
      if (last?.once) last.stages.push(stage);
      else steps.push({ once: true, stages: [stage] });
      continue;
    }
    const needs = exprOrder(rootsOf([stage])).flatMap((expr) => (expr.kind === "acc" ? [expr.index] : []));
    if (walk && !needs.some((index) => found.has(index))) walk.push(stage);
    else {
      walk = [stage];
      steps.push({ once: false, stages: walk });
      found = new Set();
    }
    if (stage.kind === "fold") found.add(stage.index);
  }
  return steps;
}

/** What is worth keeping rather than computing twice: little, such as a scaled and masked score, where rows stay in the nearest cache. */
const worthKeeping = (row: number): number => (row <= 4096 ? 4 : 20);
/** The longest row that is kept. */
const longestRow = 1 << 20;

/** Slots of the workspace are numbered −1, −2, …: this many bytes on from its start. */
export const workspaceOffset = (slot: number, rowBytes: number): number => (-1 - slot) * rowBytes;
export const rowBytesOf = ({ sizes, outer }: Nest): number => Math.ceil(sizeOf(sizes.slice(outer)) / 16) * 64;

/**
 * Costly values along a row that several walks need (the exponentials of a softmax) are stored in the workspace by the
 * first and loaded by the others, for what they keep in turn as well.
 */
export function keepRows(nest: Nest, steps: readonly Step[]): { steps: readonly Step[]; rows: number } {
  const { sizes, outer } = nest;
  const rank = sizes.length;
  const row = sizeOf(sizes.slice(outer));
  if (rank === outer || row > longestRow) return { steps, rows: 0 };
  const strides = [...sizes.slice(0, outer).map(() => 0), ...contiguousStrides(sizes.slice(outer))];
  const kept = new Map<Expr, Expr>();
  const homes = new Map<Expr, number>();
  steps.forEach((step, i) => {
    if (!step.once) for (const expr of exprOrder(rootsOf(step.stages))) if (!homes.has(expr)) homes.set(expr, i);
  });
  const stored = steps.map((): NestStage[] => []);
  const view = { shape: sizes, offset: 0, strides, guards: [] };
  steps.forEach((step, i) => {
    if (step.once) return;
    const seen = new Set<Expr>();
    const rest = rootsOf(step.stages).toReversed();
    for (let expr = rest.pop(); expr; expr = rest.pop()) {
      if (seen.has(expr) || kept.has(expr) || expr.kind !== "apply") continue;
      seen.add(expr);
      const home = homes.get(expr) ?? i;
      if (home < i && expr.dtype === "float32" && costOf([expr]) >= worthKeeping(row) && runsAlong(expr, outer)) {
        const slot = -1 - kept.size;
        kept.set(expr, { kind: "load", dtype: expr.dtype, slot, view });
        stored[home]?.push({ kind: "each", store: { slot, dtype: expr.dtype, view, value: expr } });
      } else rest.push(...expr.args.toReversed());
    }
  });
  return {
    steps: steps.map((step, i) => {
      if (step.once) return step;
      const earlier = [...kept].filter(([expr]) => (homes.get(expr) ?? i) < i);
      return { once: false, stages: replaced([...step.stages, ...(stored[i] ?? [])], new Map(earlier)) };
    }),
    rows: kept.size,
  };
}

/** Whether the value changes along the inner dims. */
const runsAlong = (root: Expr, outer: number): boolean =>
  exprOrder([root]).some((expr) => {
    const moves = (coefficients: readonly number[]): boolean => coefficients.slice(outer).some((c) => c !== 0);
    if (expr.kind === "index") return moves(expr.coefficients);
    if (expr.kind === "inside") return expr.guards.some((guard) => moves(guard.coefficients));
    return (
      expr.kind === "load" && (moves(expr.view.strides) || expr.view.guards.some((guard) => moves(guard.coefficients)))
    );
  });

/** `known`: what stands in whose place. Stages that shared a value share what it became. */
function replaced(stages: readonly NestStage[], known: ReadonlyMap<Expr, Expr>): readonly NestStage[] {
  if (known.size === 0) return stages;
  const done = new Map<Expr, Expr>(known);
  const rewrite = (root: Expr): Expr => {
    for (const expr of exprOrder([root])) {
      if (done.has(expr) || expr.kind !== "apply") continue;
      const args = expr.args.map((arg) => done.get(arg) ?? arg);
      done.set(expr, args.some((arg, i) => arg !== expr.args[i]) ? { ...expr, args } : expr);
    }
    return done.get(root) ?? root;
  };
  return stages.map((stage) =>
    stage.kind === "fold"
      ? { ...stage, value: rewrite(stage.value) }
      : { ...stage, store: { ...stage.store, value: rewrite(stage.store.value) } },
  );
}

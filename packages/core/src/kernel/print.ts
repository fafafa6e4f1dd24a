// A plan as text, to be read by people.
import type { Guard, View } from "../base/view.ts";
import type { Expr, Kernel, Plan, Slot, Store } from "./ir.ts";
import { argsOf, exprOrder, kernelRoots } from "./walk.ts";

/** The plan's slots and kernels, a line each; expressions that are used twice get names. */
export function printPlan(plan: Plan): string {
  const count = (kind: Slot["kind"]): number => plan.slots.filter((slot) => slot.kind === kind).length;
  const lines = [
    `plan of ${plan.kernels.length} kernels: ${count("input")} inputs, ${count("output")} outputs, ${plan.params.length} params, ${plan.scratchBytes} bytes of scratch`,
  ];
  plan.slots.forEach((slot, i) => {
    lines.push(`  ${slotName(plan.slots, i)}: ${slot.dtype}[${slot.size}]${slotNote(plan.slots, slot)}`);
  });
  plan.params.forEach((dtype, i) => {
    lines.push(`  param${i}: ${dtype}`);
  });
  plan.checks.forEach(({ what, bound, problem }, i) => {
    lines.push(`  check${i}: ${what}, ${problem ?? `0 to ${bound - 1}`}`);
  });
  plan.kernels.forEach((kernel, i) => {
    if (i === plan.commitFrom) lines.push("-- checks done; donated buffers may change --");
    lines.push(`${i}: ${printKernel(kernel, (slot) => slotName(plan.slots, slot))}`);
  });
  return lines.join("\n");
}

function slotName(slots: readonly Slot[], number: number): string {
  const slot = slots[number];
  if (!slot) return `slot${number}`;
  return slot.kind === "scratch" ? `scratch${number}` : `${slot.kind}${slot.index}`;
}

function slotNote(slots: readonly Slot[], slot: Slot): string {
  if (slot.kind === "scratch") return ` at ${slot.offsetBytes}`;
  return slot.kind === "output" && slot.alias >= 0 ? ` in place of ${slotName(slots, slot.alias)}` : "";
}

/** One kernel: its loops, then a line for each named expression, fold and store. */
export function printKernel(kernel: Kernel, nameOf: (slot: number) => string = (slot) => `slot${slot}`): string {
  const named = kernel.operations ? `${kernel.operations.join(" + ")}: ` : "";
  if (kernel.form === "routine") {
    const inputs = kernel.inputs.map((operand) => nameOf(operand.slot)).join(", ");
    const checked = kernel.check >= 0 ? `, check${kernel.check}` : "";
    return `${named}${nameOf(kernel.output.slot)} = ${kernel.name}(${inputs}; ${kernel.numbers.join(", ")}${checked})`;
  }
  const names = new Map<Expr, string>();
  const lines: string[] = [];
  const uses = countUses(kernelRoots(kernel));
  const show = (root: Expr): string => {
    for (const expr of exprOrder([root])) {
      if (names.has(expr) || expr.kind !== "apply") continue;
      const text = showExpr(expr, names, nameOf);
      if ((uses.get(expr) ?? 0) < 2) {
        names.set(expr, text);
        continue;
      }
      const name = `t${lines.filter((line) => /^t\d/.test(line)).length}`;
      lines.push(`${name} = ${text}`);
      names.set(expr, name);
    }
    return names.get(root) ?? showExpr(root, names, nameOf);
  };
  const showStore = (store: Store): string => {
    const value = show(store.value);
    return `${nameOf(store.slot)}${showView(store.view)} = ${value}`;
  };
  if (kernel.form === "contract") {
    const product = `${show(kernel.a)} · ${show(kernel.b)}`;
    lines.push(`acc0 = Σ ${product}`);
    for (const store of kernel.stores) lines.push(showStore(store));
    const dims = [kernel.batch, kernel.m, kernel.n, kernel.k].map(showDims);
    return [`${named}contract batch ${dims[0]} m ${dims[1]} n ${dims[2]} k ${dims[3]}`, ...lines].join("\n     ");
  }
  let folds = 0;
  for (const stage of kernel.stages) {
    if (stage.kind === "fold") {
      const value = show(stage.value);
      lines.push(`acc${folds++} = ${stage.op} ${value}`);
    } else {
      const text = showStore(stage.store);
      lines.push(stage.kind === "each" ? `each ${text}` : text);
    }
  }
  const over = kernel.form === "map" ? "" : ` over ${showDims(kernel.inner)}`;
  return [`${named}${kernel.form} ${showDims(kernel.outer)}${over}`, ...lines].join("\n     ");
}

function countUses(roots: readonly Expr[]): Map<Expr, number> {
  const uses = new Map<Expr, number>();
  const add = (expr: Expr): void => {
    uses.set(expr, (uses.get(expr) ?? 0) + 1);
  };
  for (const root of roots) add(root);
  for (const expr of exprOrder(roots)) argsOf(expr).forEach(add);
  return uses;
}

const showDims = (dims: readonly number[]): string => `[${dims.join(", ")}]`;

/** i0, i1, … are the loop indices. */
function showLinear(offset: number, coefficients: readonly number[]): string {
  const terms = coefficients.flatMap((c, i) => (c === 0 ? [] : [c === 1 ? `i${i}` : `${c}·i${i}`]));
  if (offset !== 0 || terms.length === 0) terms.push(String(offset));
  return terms.join(" + ").replaceAll("+ -", "- ");
}

const showGuard = (g: Guard): string => {
  const steps = g.step === 1 ? "" : ` by ${g.step}`;
  const moves = g.stride === 0 ? "" : ` moving ${g.stride}`;
  return `${showLinear(g.offset, g.coefficients)} in 0..${g.size - 1}${steps}${moves}`;
};

const showView = (view: View): string =>
  `[${[showLinear(view.offset, view.strides), ...view.guards.map(showGuard)].join(" if ")}]`;

function showExpr(expr: Expr, names: ReadonlyMap<Expr, string>, nameOf: (slot: number) => string): string {
  switch (expr.kind) {
    case "literal":
      return Object.is(expr.value, -0) ? "-0" : String(expr.value);
    case "param":
      return `param${expr.index}`;
    case "index":
      return `(${showLinear(expr.offset, expr.coefficients)})`;
    case "load":
      return `${nameOf(expr.slot)}${showView(expr.view)}`;
    case "inside":
      return `inside(${expr.guards.map(showGuard).join(", ")})`;
    case "acc":
      return `acc${expr.index}`;
    case "apply": {
      const args = expr.args.map((arg) => names.get(arg) ?? showExpr(arg, names, nameOf)).join(", ");
      if (expr.op === "cast") return `${expr.dtype}(${args})`;
      return expr.check === undefined ? `${expr.op}(${args})` : `${expr.op}${expr.check}(${args})`;
    }
  }
}

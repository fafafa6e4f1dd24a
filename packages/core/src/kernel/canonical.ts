// Kernels up to the numbering of their operands: equal keys, equal code.
import type { Guard, View } from "../base/view.ts";
import type { ContractKernel, Expr, Kernel, LoopKernel, Operand, RoutineKernel, Stage, Store } from "./ir.ts";
import { exprOrder, kernelRoots } from "./walk.ts";

export interface CanonicalKernel {
  /** Its slots, params and checks are 0, 1, 2, … in the order in which they first appear. */
  readonly kernel: Kernel;
  /** Identifies the kernel's code: two kernels with one key differ in nothing. */
  readonly key: string;
  /** The plan's number of each slot, param and check of `kernel`. */
  readonly slots: readonly number[];
  readonly params: readonly number[];
  readonly checks: readonly number[];
}

/** Numbers things as they come. */
class Numbering {
  readonly originals: number[] = [];
  private readonly numbers = new Map<number, number>();
  of(original: number): number {
    let number = this.numbers.get(original);
    if (number === undefined) {
      number = this.originals.push(original) - 1;
      this.numbers.set(original, number);
    }
    return number;
  }
}

const numberKey = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));
const guardKey = (g: Guard): string => `{${g.coefficients}|${g.offset},${g.size},${g.step},${g.stride}}`;
const viewKey = (view: View): string => `${view.offset}@${view.strides}${view.guards.map(guardKey).join("")}`;

/** Rewrites the expressions of one kernel; equal expressions become one. */
class Canonicalizer {
  readonly slots: Numbering = new Numbering();
  readonly params: Numbering = new Numbering();
  readonly checks: Numbering = new Numbering();
  /** One line for each different expression, in the order of `order`. */
  readonly lines: string[] = [];
  private readonly known = new Map<string, { expr: Expr; place: number }>();
  private readonly rewritten = new Map<Expr, { expr: Expr; place: number }>();

  constructor(roots: readonly Expr[]) {
    for (const expr of exprOrder(roots)) this.rewritten.set(expr, this.rewrite(expr));
  }

  private rewrite(expr: Expr): { expr: Expr; place: number } {
    const [body, text] = this.bodyOf(expr);
    const line = `${expr.dtype} ${text}`;
    let found = this.known.get(line);
    if (!found) {
      found = { expr: body, place: this.lines.push(line) - 1 };
      this.known.set(line, found);
    }
    return found;
  }

  private bodyOf(expr: Expr): [Expr, string] {
    switch (expr.kind) {
      case "literal":
        return [expr, numberKey(expr.value)];
      case "param": {
        const index = this.params.of(expr.index);
        return [{ ...expr, index }, `param ${index}`];
      }
      case "index":
        return [expr, `index ${expr.offset},${expr.coefficients}`];
      case "load": {
        const slot = this.slots.of(expr.slot);
        return [{ ...expr, slot }, `load ${slot} ${viewKey(expr.view)}`];
      }
      case "inside":
        return [expr, `inside ${expr.guards.map(guardKey).join("")}`];
      case "acc":
        return [expr, `acc ${expr.index}`];
      case "apply": {
        const args = expr.args.map((arg) => this.exprOf(arg));
        const text = `${expr.op} ${expr.args.map((arg) => this.placeOf(arg))}`;
        if (expr.check === undefined) return [{ ...expr, args }, text];
        const check = this.checks.of(expr.check);
        return [{ ...expr, args, check }, `${text} check ${check}`];
      }
    }
  }

  exprOf(expr: Expr): Expr {
    return this.rewritten.get(expr)?.expr ?? expr;
  }

  placeOf(expr: Expr): number {
    return this.rewritten.get(expr)?.place ?? -1;
  }

  store(store: Store): [Store, string] {
    const slot = this.slots.of(store.slot);
    const text = `${slot} ${store.dtype} ${viewKey(store.view)} = ${this.placeOf(store.value)}`;
    return [{ ...store, slot, value: this.exprOf(store.value) }, text];
  }

  finish(kernel: Kernel, head: readonly string[]): CanonicalKernel {
    return {
      kernel,
      key: [...head, ...this.lines].join("\n"),
      slots: this.slots.originals,
      params: this.params.originals,
      checks: this.checks.originals,
    };
  }
}

export function canonicalKernel(kernel: Kernel): CanonicalKernel {
  if (kernel.form === "routine") return canonicalRoutine(kernel);
  if (kernel.form === "contract") return canonicalContract(kernel);
  return canonicalLoops(kernel);
}

function canonicalLoops(kernel: LoopKernel): CanonicalKernel {
  const rewriter = new Canonicalizer(kernelRoots(kernel));
  const stages: Stage[] = [];
  const head = [`${kernel.form} ${kernel.outer} / ${kernel.inner}`];
  for (const stage of kernel.stages) {
    if (stage.kind === "fold") {
      stages.push({ ...stage, value: rewriter.exprOf(stage.value) });
      head.push(`fold ${stage.op} ${stage.dtype} ${rewriter.placeOf(stage.value)}`);
    } else {
      const [store, text] = rewriter.store(stage.store);
      stages.push({ ...stage, store });
      head.push(`${stage.kind} ${text}`);
    }
  }
  return rewriter.finish({ ...kernel, stages }, head);
}

function canonicalContract(kernel: ContractKernel): CanonicalKernel {
  const rewriter = new Canonicalizer(kernelRoots(kernel));
  const loops = `${kernel.batch} / ${kernel.m} / ${kernel.n} / ${kernel.k}`;
  const head = [`contract ${kernel.dtype} ${loops}`, `${rewriter.placeOf(kernel.a)} * ${rewriter.placeOf(kernel.b)}`];
  const stores: Store[] = [];
  for (const original of kernel.stores) {
    const [store, text] = rewriter.store(original);
    stores.push(store);
    head.push(`store ${text}`);
  }
  const a = rewriter.exprOf(kernel.a);
  const b = rewriter.exprOf(kernel.b);
  return rewriter.finish({ ...kernel, a, b, stores }, head);
}

function canonicalRoutine(kernel: RoutineKernel): CanonicalKernel {
  const rewriter = new Canonicalizer([]);
  const operand = (x: Operand): Operand => ({ ...x, slot: rewriter.slots.of(x.slot) });
  const inputs = kernel.inputs.map(operand);
  const output = operand(kernel.output);
  const check = kernel.check < 0 ? -1 : rewriter.checks.of(kernel.check);
  const operands = [...inputs, output].map(({ slot, dtype, size }) => `${slot}:${dtype}[${size}]`);
  const head = [`routine ${kernel.name} ${operands} (${kernel.numbers.map(numberKey)}) check ${check}`];
  return rewriter.finish({ ...kernel, inputs, output, check }, head);
}

// Functions that are built once: later calls run the stored plans.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, GraphError } from "../base/errors.ts";
import { type Shape, sameShape } from "../base/shape.ts";
import { flush } from "../engine/engine.ts";
import { Trace, trace, tracing } from "../engine/trace.ts";
import { storageOf } from "../engine/values.ts";
import { isRecording, type Node, recordsGradients } from "../graph/node.ts";
import { leaf } from "../ops/source.ts";
import { defaultDevice } from "../runtime/devices.ts";
import { realizeForReading } from "../tensor/backward.ts";
import { type Difference, differenceOf, programOf } from "../tensor/build-program.ts";
import { Handle } from "../tensor/handle.ts";
import { hooksVersion } from "../tensor/hooks.ts";
import type { Program } from "../tensor/program.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isPlainObject } from "./trees.ts";

/** The form of arguments: tensors by shape, dtype and device, everything else by itself. */
type Form =
  | { readonly kind: "tensor"; readonly shape: Shape; readonly dtype: DType; readonly device: string }
  | { readonly kind: "list"; readonly items: readonly Form[] }
  | { readonly kind: "record"; readonly keys: readonly string[]; readonly items: readonly Form[] }
  | { readonly kind: "other"; readonly value: unknown };

interface Entry {
  readonly form: Form;
  readonly context: readonly unknown[];
  /** Null where calling the function is all that can be done: for now, or for good where two traces agree on that. */
  readonly program: Program | null;
  /** The tree that the function returned, with `gap` for each tensor. */
  readonly result: unknown;
  /** Whether two traces in a row have agreed. */
  isTrusted: boolean;
  calls: number;
  /** The call that traces once more, to see whether the function still does the same. */
  nextCheck: number;
}

/** Programs of one function in use at once before the oldest is dropped. */
const maxEntries = 64;
/** A program that two traces agree on is checked at this call, and at every power of two after it. */
const firstCheck = 4;

/**
 * The same function, built once for each form of its arguments: later calls run the stored plans, without building a
 * graph. It may be a whole training step: forward pass, `backward()`, `optimizer.step()`, and the loss returned.
 *
 * A call whose arguments have a new form (shapes, dtypes, devices, trees; values that are not tensors count as they are)
 * runs the function, and so does the next one; once two calls have done the same, they are repeated without it. What
 * the function uses besides its arguments is read at each call, and updated in it: parameters, state of optimizers and
 * layers, random generators, learning rates, train or eval mode. Other numbers and decisions are what they were when
 * the function ran: pass them as tensors, or read them with `live`. From time to time it runs again, and that it does
 * something else is an error. Where gradients flow through its arguments or its results, and inside of transforms, it is
 * called as it is; results that are computed on the way carry no gradient.
 * @param f a synchronous function of tensors, or of arrays and plain objects of them, which returns such or nothing.
 * It reads no values and assigns to no argument
 * @returns a function of the same arguments. Its results are computed
 * @throws {GraphError} `compile: expected a function that reads no values, got one that reads a tensor of shape []`
 * @throws {GraphError} `compile: expected a function that does the same at each call, got other numbers than before`
 * @throws {ArgumentError} `compile: expected a function that returns tensors, got a number among its results`
 * @example (await compile((x, y) => x.mul(y).sum())(tensor([1, 2]), tensor([3, 4])).item()) // 11
 */
export function compile<A extends readonly unknown[], R>(f: (...args: A) => R): (...args: A) => R {
  if (typeof f !== "function") throw new ArgumentError(`compile: expected a function, got ${typeof f}`);
  /** The one that was used last comes first. */
  const entries: Entry[] = [];
  const nodes: Node[] = [];

  const find = (args: readonly unknown[]): Entry | null => {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (!entry) continue;
      nodes.length = 0;
      if (!matches(entry.form, args, nodes) || !isContext(entry.context)) continue;
      flush();
      if (entry.program && !entry.program.holds()) continue;
      if (i > 0) {
        entries.splice(i, 1);
        entries.unshift(entry);
      }
      return entry;
    }
    return null;
  };

  const traceAgain = (args: A, known: Entry | null): R => {
    flush();
    const { value, entry } = traceCall(f, args);
    if (known?.program && entry.program) {
      const difference = differenceOf(known.program, entry.program);
      if (difference === null) {
        known.isTrusted = true;
        known.nextCheck = Math.max(firstCheck, 2 ** Math.ceil(Math.log2(known.calls + 1)));
        return value;
      }
      if (known.isTrusted || difference !== "steps") throw new GraphError(changed[difference]);
    }
    // State that comes into being on the first call, such as moments, may be in the way of a program in that call alone.
    if (known?.program === null && entry.program === null) entry.isTrusted = true;
    if (known) entries.splice(entries.indexOf(known), 1);
    entry.calls = known?.calls ?? 1;
    entries.unshift(entry);
    entries.length = Math.min(entries.length, maxEntries);
    return value;
  };

  return (...args) => {
    if (trace !== null || isRecording()) return f(...args);
    const entry = find(args);
    if (entry === null) {
      if (recordsGradients() && leavesOf(args).some((x) => x.requiresGrad)) return f(...args);
      return traceAgain(args, null);
    }
    if (entry.program === null && entry.isTrusted) return f(...args);
    entry.calls++;
    if (entry.program === null || !entry.isTrusted || entry.calls >= entry.nextCheck) return traceAgain(args, entry);
    const pending = nodes.filter((node) => node.storage === null);
    if (pending.length > 0) realizeForReading(pending);
    const results = entry.program.run(nodes);
    // They must not live until the next call.
    nodes.length = 0;
    return (entry.result === gap ? tensorOf(results[0]) : filled(entry.result, results.values())) as R;
  };
}

const wish = "Pass what changes as a tensor, or read it with live(() => …)";
const changed: Readonly<Record<Difference, string>> = {
  numbers: `compile: expected a function that does the same at each call, got other numbers than before. ${wish}`,
  data: `compile: expected a function that does the same at each call, got a tensor made of other data than before. ${wish}`,
  steps: `compile: expected a function that does the same at each call, got other operations or other tensors than before. ${wish}`,
};

/** What a trace depends on besides arguments. */
const contextNow = (): readonly unknown[] => [recordsGradients(), defaultDevice(), hooksVersion()];

function isContext([gradients, device, hooks]: readonly unknown[]): boolean {
  return gradients === recordsGradients() && device === defaultDevice() && hooks === hooksVersion();
}

/** Calls the function, and makes a program of what it does. */
function traceCall<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  args: A,
): { readonly value: R; readonly entry: Entry } {
  const given = leavesOf(args).map((x) => x.node);
  const pending = given.filter((node) => node.storage === null);
  if (pending.length > 0) realizeForReading(pending);
  const parameters = given.map((node) => leaf(node.shape, node.dtype, node.device, storageOf(node)));
  const doings = new Trace();
  const { value, isInline } = tracing(doings, () => {
    const handles: Tensor[] = [];
    const own = mapped(args, () => {
      const parameter = parameters[handles.length];
      if (!parameter) throw new GraphError("compile: an argument got lost");
      const handle = new Tensor(parameter);
      handles.push(handle);
      return handle;
    });
    const returned = f(...(own as never));
    checkResult(returned);
    if (handles.some((handle, i) => handle.kind !== parameters[i]))
      throw new GraphError(
        "compile: expected a function that assigns to no argument, got one that does. Return the value, or let the function use the tensor without passing it",
      );
    const waiting = leavesOf(returned).flatMap(({ node }) => (node.storage === null ? [node] : []));
    if (waiting.some((node) => node.requiresGrad && !node.joinsNextRun)) return { value: returned, isInline: true };
    realizeForReading(waiting);
    flush();
    return { value: returned, isInline: false };
  });
  const entry = (program: Program | null, isTrusted = false): Entry => ({
    form: { kind: "list", items: args.map(formOf) },
    context: contextNow(),
    program,
    result: mapped(value, () => gap),
    isTrusted,
    calls: 1,
    nextCheck: 0,
  });
  if (isInline) return { value, entry: entry(null, true) };
  const results: (Node | Handle)[] = [];
  const computed = mapped(value, (x) => {
    if (!doings.made.has(x)) {
      results.push(x);
      return x;
    }
    const { node } = x;
    results.push(node);
    const { shape, dtype, device } = node;
    return new Tensor(leaf(shape, dtype, device, storageOf(node)));
  });
  return { value: computed as R, entry: entry(programOf(doings, parameters, results)) };
}

function checkResult(result: unknown): void {
  if (result instanceof Promise)
    throw new GraphError("compile: expected a synchronous function, got one that returns a promise");
  if (result === undefined || result === null || result instanceof Tensor) return;
  if (Array.isArray(result)) result.forEach(checkResult);
  else if (isPlainObject(result)) Object.values(result).forEach(checkResult);
  else
    throw new ArgumentError(
      `compile: expected a function that returns tensors, got a ${typeof result} among its results. It would be the same at each call`,
    );
}

/** The tree with each tensor replaced. Modules are no trees here: what a function uses of them is state. */
function mapped(tree: unknown, replace: (x: Tensor) => unknown): unknown {
  if (tree instanceof Tensor) return replace(tree);
  if (Array.isArray(tree)) return tree.map((part) => mapped(part, replace));
  if (!isPlainObject(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, mapped(part, replace)]));
}

function leavesOf(tree: unknown): Tensor[] {
  const leaves: Tensor[] = [];
  mapped(tree, (x) => leaves.push(x));
  return leaves;
}

/** Stands for a tensor in a tree of results. */
const gap: unique symbol = Symbol("gap");

const tensorOf = (result: Node | Handle | undefined): unknown =>
  result === undefined || result instanceof Handle ? result : new Tensor(result);

/** The tree with its gaps filled in order. */
function filled(tree: unknown, results: Iterator<Node | Handle>): unknown {
  if (tree === gap) return tensorOf(results.next().value);
  if (Array.isArray(tree)) return tree.map((part) => filled(part, results));
  if (!isPlainObject(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, filled(part, results)]));
}

function formOf(value: unknown): Form {
  if (value instanceof Tensor) return { kind: "tensor", shape: value.shape, dtype: value.dtype, device: value.device };
  if (Array.isArray(value)) return { kind: "list", items: value.map(formOf) };
  if (isPlainObject(value))
    return { kind: "record", keys: Object.keys(value), items: Object.values(value).map(formOf) };
  return { kind: "other", value };
}

/** Whether a value has this form; its tensors' nodes are added to `nodes`. */
function matches(form: Form, value: unknown, nodes: Node[]): boolean {
  switch (form.kind) {
    case "tensor":
      if (!(value instanceof Tensor) || (value.requiresGrad && recordsGradients())) return false;
      if (value.dtype !== form.dtype || value.device !== form.device || !sameShape(value.shape, form.shape))
        return false;
      nodes.push(value.node);
      return true;
    case "list":
      return Array.isArray(value) && matchesAll(form.items, value, nodes);
    case "record": {
      if (!isPlainObject(value)) return false;
      const keys = Object.keys(value);
      return (
        keys.length === form.keys.length &&
        keys.every((key, i) => key === form.keys[i]) &&
        matchesAll(form.items, Object.values(value), nodes)
      );
    }
    case "other":
      return !(value instanceof Tensor) && Object.is(form.value, value);
  }
}

function matchesAll(forms: readonly Form[], values: readonly unknown[], nodes: Node[]): boolean {
  if (forms.length !== values.length) return false;
  for (let i = 0; i < forms.length; i++) {
    const form = forms[i];
    if (form && !matches(form, values[i], nodes)) return false;
  }
  return true;
}

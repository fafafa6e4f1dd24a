// From a trace to a program, and what tells two programs apart.
import { elementBytes } from "../base/dtype.ts";
import { sizeOf } from "../base/shape.ts";
import type { Launch, Reading, Trace } from "../engine/trace.ts";
import { valuesOf } from "../engine/values.ts";
import type { Kind, Node } from "../graph/node.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { Handle } from "./handle.ts";
import { type Origin, type Output, Program, type Read, type Result, type Step, type Turn } from "./program.ts";

/** What a trace does that a program cannot: thrown and caught in this file's callers. */
class Obstacle extends Error {}

/**
 * The program of a trace, or null where it does what no program can do.
 * @param parameters the leaves that stood for the arguments
 * @param results what the function returns: nodes that are computed, or handles that were there before
 */
export function programOf(
  trace: Trace,
  parameters: readonly Node[],
  results: readonly (Node | Handle)[],
): Program | null {
  if (trace.obstacle !== null) return null;
  try {
    return new Assembly(trace, parameters).finish(results);
  } catch (error) {
    if (error instanceof Obstacle) return null;
    throw error;
  }
}

/** From this size on the memory of what only a program's own plans read is given back after each call. */
const largeBytes = 64 * 2 ** 10;

class Assembly {
  private readonly trace: Trace;
  private readonly origins: (Origin | null)[] = [];
  private readonly values: Map<Node, number> = new Map<Node, number>();
  private readonly outputs: Map<number, Output> = new Map<number, Output>();
  private readonly steps: Step[] = [];
  private readonly lastTurn: Map<Handle, Turn> = new Map<Handle, Turn>();

  constructor(trace: Trace, parameters: readonly Node[]) {
    this.trace = trace;
    parameters.forEach((node, index) => {
      this.values.set(node, this.origins.push({ kind: "argument", index }) - 1);
    });
  }

  finish(results: readonly (Node | Handle)[]): Program {
    const { actions } = this.trace;
    const reads = new Map<Reading, Read>();
    for (const action of actions)
      switch (action.kind) {
        case "reading": {
          const read = readOf(action);
          reads.set(action, read);
          this.steps.push(read);
          break;
        }
        case "launch":
          this.run(action, reads);
          break;
        case "settling":
          if (action.handle instanceof Handle && !this.trace.made.has(action.handle))
            this.turn(action.handle, action.computed, "value", action.keeps);
          this.values.set(action.leaf, this.valueOf(action.computed));
          break;
        case "effect":
          this.steps.push(action);
      }
    this.finishHandles();
    const bare = this.finishGradients();
    const found = results.map((result) => this.result(result));
    this.place();
    const presence = [...this.trace.gradients].flatMap(([handle, isThere]) =>
      isThere !== null && handle instanceof Handle ? [{ handle, isThere }] : [],
    );
    return new Program({ origins: this.origins, steps: this.steps, bare, presence, results: found });
  }

  private valueOf(node: Node): number {
    const known = this.values.get(node);
    if (known !== undefined) return known;
    if (node.storage === null) throw new Obstacle("a value that is not computed");
    const value = this.origins.push(this.originOf(node)) - 1;
    this.values.set(node, value);
    return value;
  }

  private originOf(node: Node): Origin {
    const handle = this.trace.origins.get(node);
    if (!(handle instanceof Handle)) return { kind: "constant", node };
    const owner = this.trace.gradientOf.get(handle);
    if (owner instanceof Handle) return { kind: "gradient", handle: owner };
    return { kind: "state", handle, requiresGrad: node.requiresGrad };
  }

  private run({ compiled, inputs, scalars, roots }: Launch, reads: ReadonlyMap<Reading, Read>): void {
    const params = scalars.map((node) => node.scalar);
    for (const read of reads.values())
      read.reading.nodes.forEach((node, at) => {
        const index = node === null ? -1 : scalars.indexOf(node);
        if (index >= 0) read.targets.push({ at, params, index });
      });
    const read = inputs.map((node) => this.valueOf(node));
    const outputs = roots.map((node, i): Output => {
      const value = this.origins.push(null) - 1;
      this.values.set(node, value);
      const slot = compiled.plan.slots.find((x) => x.kind === "output" && x.index === i);
      const alias = slot?.kind === "output" && slot.alias >= 0 ? compiled.plan.slots[slot.alias] : undefined;
      const over = alias?.kind === "input" ? read[alias.index] : undefined;
      const output: Output = {
        value,
        like: kindOf(node),
        place: over === undefined ? { kind: "own" } : { kind: "over", value: over },
        isResult: false,
      };
      this.outputs.set(value, output);
      return output;
    });
    this.steps.push({ kind: "run", compiled, device: deviceNamed(compiled.device), inputs: read, outputs, params });
  }

  private turn(handle: Handle, node: Node, of: Turn["of"], flag: boolean): void {
    const value = this.valueOf(node);
    const output = this.outputs.get(value);
    if (!output) throw new Obstacle("a handle that gets a value which no plan of this call computes");
    const turn: Turn = { kind: "turn", handle, value, like: kindOf(node), of, flag, place: null };
    if (of === "value") this.lastTurn.set(handle, turn);
    // Values are handed over after the plan that computes them, gradients in the end.
    if (of === "gradient") this.steps.push(turn);
    else this.steps.splice(this.afterRunOf(value), 0, turn);
  }

  private afterRunOf(value: number): number {
    let at = this.steps.findIndex((step) => step.kind === "run" && step.outputs.some((x) => x.value === value)) + 1;
    while (this.steps[at]?.kind === "turn") at++;
    return at;
  }

  /** Handles with another node than they had, and not by `update`. */
  private finishHandles(): void {
    for (const handle of this.trace.changed) {
      if (!(handle instanceof Handle) || this.trace.made.has(handle) || this.trace.gradientOf.has(handle)) continue;
      const node = handle.kind;
      if (this.lastTurn.get(handle)?.value === this.valueOf(node)) continue;
      if (this.trace.origins.get(node) !== handle) this.turn(handle, node, "value", false);
      else if (this.lastTurn.has(handle)) throw new Obstacle("a handle that gets its first value back");
    }
  }

  private finishGradients(): Handle[] {
    const bare: Handle[] = [];
    for (const [handle, wasThere] of this.trace.gradients) {
      if (!(handle instanceof Handle)) continue;
      const node = handle.lastGradient?.kind;
      const wasReset = this.trace.reset.has(handle);
      if (!node) {
        if (wasThere !== false) bare.push(handle);
        continue;
      }
      const origin = this.origins[this.valueOf(node)];
      if (origin?.kind === "gradient" && origin.handle === handle) continue;
      this.turn(handle, node, "gradient", wasReset);
    }
    return bare;
  }

  private result(result: Node | Handle): Result {
    if (result instanceof Handle) return { handle: result };
    const value = this.valueOf(result);
    const output = this.outputs.get(value);
    const origin = this.origins[value];
    if (output) output.isResult = true;
    else if (origin?.kind !== "argument" && origin?.kind !== "constant")
      throw new Obstacle("a result that is the state of something");
    return { value, like: kindOf(result) };
  }

  private readsGradient(handle: Handle): boolean {
    return this.origins.some((origin) => origin?.kind === "gradient" && origin.handle === handle);
  }

  /** The value whose memory this one is in: the one before all updates in place that led to it. */
  private overwritten(value: number): number {
    const place = this.outputs.get(value)?.place;
    return place?.kind === "over" ? this.overwritten(place.value) : value;
  }

  /** Decides where plans write their outputs. */
  private place(): void {
    const counts = new Map<Handle, number>();
    const turns = this.steps.flatMap((step) => (step.kind === "turn" ? [step] : []));
    for (const { handle, of } of turns) if (of === "value") counts.set(handle, (counts.get(handle) ?? 0) + 1);
    const isOver = (value: number): boolean => this.outputs.get(value)?.place.kind === "over";
    for (const output of this.outputs.values()) {
      const [first] = turns.filter((turn) => turn.value === output.value);
      if (output.place.kind === "over") {
        const origin = this.origins[this.overwritten(output.place.value)];
        const isOwn = origin?.kind === "state" && first?.of === "value" && first.handle === origin.handle;
        if (!isOwn || turns.some((turn) => turn.of === "value" && turn.handle === first.handle && !isOver(turn.value)))
          throw new Obstacle("memory that is not a state's is written over");
      } else if (first)
        output.place =
          first.of === "gradient"
            ? { kind: "gradient", handle: first.handle, isReset: first.flag && !this.readsGradient(first.handle) }
            : counts.get(first.handle) === 1
              ? { kind: "state", handle: first.handle }
              : { kind: "new" };
      else if (isLarge(output)) output.place = { kind: "new" };
      if (first) first.place = output.place;
    }
  }
}

/** A node's kind alone, without its graph. */
const kindOf = ({ shape, dtype, device }: Node): Kind => ({ shape, dtype, device });

/** Not to be held between calls, or handed out. */
const isLarge = ({ isResult, like: { shape, dtype } }: Output): boolean => {
  const size = sizeOf(shape);
  return isResult ? size !== 1 : size * elementBytes(dtype) > largeBytes;
};

function readOf(reading: Reading): Read {
  const watched = reading.values.flatMap((_, i) => (reading.nodes[i] === null ? [i] : []));
  return { kind: "read", reading, targets: [], watched };
}

/** In what two programs of one function differ: in plain numbers, in data made by the function, or in what they do. */
export type Difference = "numbers" | "data" | "steps";

export function differenceOf(a: Program, b: Program): Difference | null {
  const [one, other] = [a.parts, b.parts];
  if (
    !sameLists(one.steps, other.steps, sameStep) ||
    !sameLists(one.origins, other.origins, sameOrigin) ||
    !sameLists(one.bare, other.bare, Object.is) ||
    !sameLists(one.presence, other.presence, (x, y) => x.handle === y.handle && x.isThere === y.isThere) ||
    !sameLists(one.results, other.results, sameResult)
  )
    return "steps";
  if (!sameLists(one.origins, other.origins, sameData)) return "data";
  return sameLists(numbersOf(a), numbersOf(b), Object.is) ? null : "numbers";
}

const sameLists = <T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean =>
  a.length === b.length && a.every((x, i) => same(x, b[i] as T));

function sameStep(a: Step, b: Step): boolean {
  switch (a.kind) {
    case "effect":
      return b.kind === "effect";
    case "turn":
      return b.kind === "turn" && a.handle === b.handle && a.value === b.value && a.of === b.of && a.flag === b.flag;
    case "read":
      return b.kind === "read" && sameLists(a.watched, b.watched, Object.is) && sameWatched(a, b);
    case "run":
      return (
        b.kind === "run" &&
        a.compiled.device === b.compiled.device &&
        sameLists(a.inputs, b.inputs, Object.is) &&
        sameLists([...a.compiled.key], [...b.compiled.key], Object.is)
      );
  }
}

const sameWatched = (a: Read, b: Read): boolean =>
  a.watched.every((at) => Object.is(a.reading.values[at], b.reading.values[at])) &&
  sameLists(a.targets, b.targets, (x, y) => x.at === y.at && x.index === y.index);

const sameResult = (a: Result, b: Result): boolean =>
  "handle" in a ? "handle" in b && a.handle === b.handle : "value" in b && a.value === b.value;

function sameOrigin(a: Origin | null, b: Origin | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind === "argument") return b.kind === "argument" && a.index === b.index;
  if (a.kind === "constant") return b.kind === "constant";
  return b.kind === a.kind && a.handle === b.handle;
}

function sameData(a: Origin | null, b: Origin | null): boolean {
  if (a?.kind !== "constant" || b?.kind !== "constant" || a.node === b.node) return true;
  return sameLists([...valuesOf(a.node)], [...valuesOf(b.node)], Object.is);
}

/** The numbers that no reading provides. */
const numbersOf = (program: Program): number[] => {
  const live = new Map<readonly number[], Set<number>>();
  for (const step of program.parts.steps)
    if (step.kind === "read")
      for (const { params, index } of step.targets) live.set(params, (live.get(params) ?? new Set()).add(index));
  return program.parts.steps.flatMap((step) =>
    step.kind === "run" ? step.params.filter((_, i) => !live.get(step.params)?.has(i)) : [],
  );
};

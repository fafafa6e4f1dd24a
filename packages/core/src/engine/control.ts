// Loops and branches: their inputs are computed by a plan, then their body's own plan runs, step by step.
import { elementBytes } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Storage } from "../base/storage.ts";
import { type Body, controlOf, type Loop } from "../graph/control.ts";
import type { Node } from "../graph/node.ts";
import { topological } from "../graph/walk.ts";
import type { Buffer, Device } from "../runtime/device.ts";
import { DeviceStorage } from "../runtime/storage.ts";
import { type Collected, collect } from "./collect.ts";
import { bufferOf } from "./values.ts";

/** What the engine lends for it. */
export interface Machine {
  readonly device: Device;
  /** Computes pending nodes in one plan; they stay ready to be computed again. */
  compute(nodes: readonly Node[]): void;
  /** The plan of a collected graph, as a function of its inputs' and roots' buffers. */
  prepare(pending: Collected, roots: readonly Node[]): (inputs: readonly Buffer[], outputs: readonly Buffer[]) => void;
}

/**
 * Runs all loops and branches that `roots` need. What had to be computed for that, and is not one of the roots, is
 * added to `temporary`: its storage is to be released after the run that reads it.
 */
export function runControls(roots: readonly Node[], machine: Machine, temporary: Node[]): void {
  const wanted = new Set(roots);
  for (;;) {
    const { nodes, controls } = collect(roots.filter((root) => root.storage === null));
    if (controls.length === 0) return;
    const waiting = new Set(controls);
    for (const node of nodes) if (node.inputs.some((input) => waiting.has(input))) waiting.add(node);
    const ready = new Map<Node, Node[]>();
    for (const part of controls) {
      const [whole] = part.inputs;
      if (whole && !hasWaitingInput(whole, waiting)) ready.set(whole, [...(ready.get(whole) ?? []), part]);
    }
    const inputs = [...ready.keys()].flatMap((whole) => whole.inputs).filter((input) => input.storage === null);
    const needed = [...new Set([...inputs, ...sharedWith(nodes, inputs)])];
    if (needed.length > 0) machine.compute(needed);
    for (const node of needed) if (!wanted.has(node)) temporary.push(node);
    for (const [whole, parts] of ready) {
      runControl(whole, parts, machine);
      for (const part of parts) if (!wanted.has(part)) temporary.push(part);
    }
  }
}

const hasWaitingInput = (whole: Node, waiting: ReadonlySet<Node>): boolean =>
  whole.inputs.some((input) => waiting.has(input));

/** Nodes that `inputs` are computed from and that others read later: they would be computed twice. */
function sharedWith(nodes: readonly Node[], inputs: readonly Node[]): Node[] {
  const below = new Set(topological(inputs, (node) => node.storage === null));
  const shared = new Set<Node>();
  const visit = (node: Node): void => {
    if (!below.has(node) || shared.has(node) || node.inputs.length === 0 || node.op.kind === "several") return;
    // What only repeats its inputs is cheaper to repeat again.
    const largest = Math.max(...node.inputs.map((input) => sizeOf(input.shape)));
    if (sizeOf(node.shape) > largest) node.inputs.forEach(visit);
    else shared.add(node);
  };
  for (const node of nodes) if (!below.has(node) && node.op.kind !== "several") node.inputs.forEach(visit);
  return [...shared];
}

function runControl(whole: Node, parts: readonly Node[], machine: Machine): void {
  const control = controlOf(whole.attrs);
  if (!control) throw new GraphError(`${whole.op.name}: expected a body, got none`);
  const inputs = whole.inputs.map(bufferOf);
  const results = new Map<number, Buffer>();
  for (const part of parts) results.set(Number(part.attrs.index), machine.device.allocate(bytesOf(part)));
  try {
    if (control.kind === "loop") runLoop(control, inputs, results, machine);
    else {
      const [predicate, ...rest] = inputs;
      if (!predicate) return;
      const holds = machine.device.read(predicate, "bool", 1)[0] !== 0;
      const body = control.bodies[holds ? 0 : 1];
      const wanted = [...results.keys()];
      stepOf(
        body,
        wanted,
        machine,
      )(
        rest,
        wanted.map((i) => results.get(i)),
      );
    }
  } catch (error) {
    for (const buffer of results.values()) machine.device.free(buffer);
    throw error;
  }
  for (const part of parts) {
    const buffer = results.get(Number(part.attrs.index));
    if (buffer) part.storage = new DeviceStorage(machine.device, buffer);
  }
}

/** Which roots of a loop's body have to be computed for some of its results. */
function liveRoots({ body, carries }: Loop, results: Iterable<number>): number[] {
  const yields = body.roots.length - carries;
  const live = new Set<number>();
  // The last carries, the yields, and the carries before each step.
  for (const index of results) live.add(index < carries + yields ? index : index - carries - yields);
  for (let count = -1; count !== live.size; ) {
    count = live.size;
    const roots = body.roots.filter((_, i) => live.has(i));
    const met = new Set(topological(roots));
    for (let i = 0; i < carries; i++) {
      const param = body.params[i];
      if (param && met.has(param)) live.add(i);
    }
  }
  return [...live].sort((a, b) => a - b);
}

function runLoop(loop: Loop, inputs: readonly Buffer[], results: ReadonlyMap<number, Buffer>, machine: Machine): void {
  const { body, carries, sequences, length, reverse } = loop;
  const { device } = machine;
  const { params, roots } = body;
  const live = liveRoots(loop, results.keys());
  const step = length > 0 ? stepOf(body, live, machine) : null;
  const borrowed: Buffer[] = [];
  const at = (i: number): number => (reverse ? length - 1 - i : i);
  const sizes = params.map(bytesOf);
  /** For each carry, its last value and one to alternate with. */
  const buffers = params.slice(0, carries).map((param, i) => {
    const history = results.get(roots.length + i);
    const last = results.get(i) ?? null;
    const own = (): Buffer => {
      const buffer = device.allocate(bytesOf(param));
      borrowed.push(buffer);
      return buffer;
    };
    const needed = live.includes(i);
    return {
      history,
      last: last ?? (needed ? own() : undefined),
      other: needed && !history && length > 1 ? own() : undefined,
    };
  });
  const copy = (from: Buffer | undefined, to: Buffer | undefined, like: Node | undefined): void => {
    if (from && to && like) device.write(to, device.read(from, like.dtype, sizeOf(like.shape)));
  };
  try {
    const current: (Buffer | undefined)[] = [...inputs];
    const outputs: (Buffer | undefined)[] = live.map(() => undefined);
    buffers.forEach(({ history, last }, i) => {
      if (length === 0) copy(inputs[i], last, params[i]);
      else if (history) copy(inputs[i], device.window(history, at(0) * (sizes[i] ?? 0), sizes[i] ?? 0), params[i]);
    });
    for (let i = 0; i < length; i++) {
      const place = at(i);
      for (let j = carries; j < carries + sequences; j++) {
        const whole = inputs[j];
        const size = sizes[j] ?? 0;
        if (whole) current[j] = device.window(whole, place * size, size);
      }
      live.forEach((root, k) => {
        if (root >= carries) {
          const whole = results.get(root);
          const size = bytesOf(roots[root]);
          outputs[k] = whole && device.window(whole, place * size, size);
          return;
        }
        const { history, last, other } = buffers[root] ?? {};
        const size = sizes[root] ?? 0;
        if (i === length - 1) outputs[k] = last;
        else if (history) outputs[k] = device.window(history, at(i + 1) * size, size);
        else outputs[k] = (length - 1 - i) % 2 === 0 ? last : other;
      });
      step?.(current, outputs);
      live.forEach((root, k) => {
        if (root < carries) current[root] = outputs[k];
      });
    }
  } finally {
    for (const buffer of borrowed) device.free(buffer);
  }
}

/** Stands for a value that is there when the body runs. */
export const placeholder: Storage = { device: "", sizeBytes: 0, isReleased: false, release: () => {} };

type Step = (params: readonly (Buffer | undefined)[], outputs: readonly (Buffer | undefined)[]) => void;

/** A body as a function from buffers of its parameters to buffers of some of its roots. */
function stepOf(body: Body, wanted: readonly number[], machine: Machine): Step {
  const roots = wanted.flatMap((i) => body.roots[i] ?? []);
  for (const param of body.params) param.storage = placeholder;
  try {
    const pending = collect(roots);
    if (pending.controls.length > 0) return nested(body, roots, machine);
    const sources = pending.inputs.map((input) => body.params.indexOf(input));
    // A literal that the body shares with what was computed for the loop has a buffer for as long.
    const fixed = pending.inputs.map((input, i) => (sources[i] === -1 ? bufferOf(input) : undefined));
    const launch = machine.prepare(pending, roots);
    return (params, outputs) =>
      launch(
        sources.map((at, i) => there(fixed[i] ?? params[at])),
        outputs.map(there),
      );
  } finally {
    for (const param of body.params) param.storage = null;
  }
}

/** A body with loops or branches inside: its graph is walked at every step. */
function nested(body: Body, roots: readonly Node[], machine: Machine): Step {
  const { device } = machine;
  return (params, outputs) => {
    const lent = body.params.flatMap((param, i) => {
      const buffer = params[i];
      if (!buffer) return [];
      const storage = new DeviceStorage(device, buffer);
      param.storage = storage;
      return [storage];
    });
    const computed = [...new Set(roots.filter((root) => root.storage === null))];
    try {
      machine.compute(computed);
      roots.forEach((root, i) => {
        device.write(there(outputs[i]), device.read(bufferOf(root), root.dtype, sizeOf(root.shape)));
      });
    } finally {
      for (const storage of lent) storage.take();
      for (const param of body.params) param.storage = null;
      for (const root of computed) {
        root.storage?.release();
        root.storage = null;
      }
    }
  };
}

const bytesOf = (node: Node | undefined): number => (node ? sizeOf(node.shape) * elementBytes(node.dtype) : 0);

function there(buffer: Buffer | undefined): Buffer {
  if (!buffer) throw new GraphError("loop: expected a buffer, got none");
  return buffer;
}

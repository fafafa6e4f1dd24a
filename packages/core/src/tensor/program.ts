// A traced function as a program: values are numbered, plans know the numbers of what they read and write, and handles
// those of what they become. Running it builds no graph and looks no plan up.
import { GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { type Compiled, countRun } from "../engine/engine.ts";
import { execute } from "../engine/profiling.ts";
import type { Reading } from "../engine/trace.ts";
import { storageOf } from "../engine/values.ts";
import type { Kind, Node } from "../graph/node.ts";
import { leaf } from "../ops/source.ts";
import type { Buffer, Device } from "../runtime/device.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { NumberStorage } from "../runtime/number-storage.ts";
import type { DeviceStorage } from "../runtime/storage.ts";
import { type Handle, storageLike } from "./handle.ts";

/** Where a value comes from that no plan of the program computes. */
export type Origin =
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "state"; readonly handle: Handle; readonly requiresGrad: boolean }
  | { readonly kind: "gradient"; readonly handle: Handle }
  | { readonly kind: "constant"; readonly node: Node };

/** Where a plan writes a value. `own`: memory of the program, for what is read at once or by its later plans alone. */
export type Place =
  | { readonly kind: "over"; readonly value: number }
  | { readonly kind: "state"; readonly handle: Handle }
  /** `isReset`: the gradient before it was given up without being read, so that its memory serves for the next one. */
  | { readonly kind: "gradient"; readonly handle: Handle; readonly isReset: boolean }
  | { readonly kind: "own" }
  | { readonly kind: "new" };

export interface Output {
  readonly value: number;
  readonly like: Kind;
  place: Place;
  /** Whether the function returns it. */
  isResult: boolean;
}

export interface Run {
  readonly kind: "run";
  readonly compiled: Compiled;
  readonly device: Device;
  readonly inputs: readonly number[];
  readonly outputs: readonly Output[];
  /** The numbers of the plan; those that are read anew are written here. */
  readonly params: number[];
}

/** A handle gets a value, or a gradient. `first`: the place is its own; others get copies. */
export interface Turn {
  readonly kind: "turn";
  readonly handle: Handle;
  readonly value: number;
  readonly like: Kind;
  readonly of: "value" | "gradient";
  /** For values: the old one stays readable until the next update. For gradients: the old one was given up before. */
  readonly flag: boolean;
  place: Place | null;
}

export interface Read {
  readonly kind: "read";
  readonly reading: Reading;
  /** Which of the values that are read are numbers of a plan, … */
  readonly targets: { readonly at: number; readonly params: number[]; readonly index: number }[];
  /** … and which have to be what they were. */
  readonly watched: readonly number[];
}

export type Step = Read | Run | Turn | { readonly kind: "effect"; run(): void };

export type Result = { readonly value: number; readonly like: Kind } | { readonly handle: Handle };

export interface Parts {
  /** By value; null for what a plan computes. */
  readonly origins: readonly (Origin | null)[];
  readonly steps: readonly Step[];
  /** Handles that have no gradient in the end. */
  readonly bare: readonly Handle[];
  /** Whether handles have a gradient in the beginning, where it depends on that. */
  readonly presence: readonly { readonly handle: Handle; readonly isThere: boolean }[];
  readonly results: readonly Result[];
}

const changedOnTheWay =
  "compile: expected what the function depends on to stay the same during a call, got a change on the way. Make the change outside of the function";

export class Program {
  readonly parts: Parts;
  private readonly origins: readonly { readonly origin: Origin; readonly value: number }[];
  /** Readings that change nothing come first: if one of them has changed, nothing has been done yet. */
  private readonly readings: readonly Read[];
  private readonly rest: readonly Step[];
  /** By value, for the call under way. */
  private readonly buffers: (Buffer | undefined)[];
  private readonly numbers: number[];
  private readonly fresh: (DeviceStorage | undefined)[];
  private readonly own: (DeviceStorage | undefined)[];

  constructor(parts: Parts) {
    this.parts = parts;
    this.origins = parts.origins.flatMap((origin, value) => (origin === null ? [] : [{ origin, value }]));
    this.readings = parts.steps.flatMap((step) => (step.kind === "read" && !step.reading.advances ? [step] : []));
    // What is read after an effect may have changed by it, so it is read once more in its place.
    const effect = parts.steps.findIndex((step) => step.kind === "effect");
    this.rest = parts.steps.filter(
      (step, i) => step.kind !== "read" || step.reading.advances || (effect >= 0 && i > effect),
    );
    this.buffers = parts.origins.map(() => undefined);
    this.numbers = parts.origins.map(() => Number.NaN);
    this.fresh = parts.origins.map(() => undefined);
    this.own = parts.origins.map(() => undefined);
  }

  /** Reads anew what may have changed, and says whether this is still what the function would do. */
  holds(): boolean {
    for (const read of this.readings) if (!take(read)) return false;
    for (const { handle, isThere } of this.parts.presence) if (handle.hasGradient !== isThere) return false;
    for (const { origin } of this.origins)
      if (origin.kind === "state" && origin.handle.kind.requiresGrad !== origin.requiresGrad) return false;
    return true;
  }

  /** Runs on the arguments' nodes, once `holds` has said yes. If a plan fails, handles keep the values that they have. */
  run(args: readonly Node[]): (Node | Handle)[] {
    const { buffers, fresh } = this;
    for (const { origin, value } of this.origins) buffers[value] = bufferAt(origin, args);
    try {
      for (const step of this.rest) {
        if (step.kind === "run") this.launch(step);
        else if (step.kind === "turn") this.turn(step);
        else if (step.kind === "effect") step.run();
        else if (!take(step)) throw new GraphError(changedOnTheWay);
      }
      for (const handle of this.parts.bare) handle.giveUpGradient();
      const results = this.parts.results.map((result) =>
        "handle" in result ? result.handle : this.resultOf(result, args),
      );
      for (const result of this.parts.results) if ("value" in result) fresh[result.value] = undefined;
      return results;
    } catch (error) {
      for (const step of this.rest) if (step.kind === "turn" && step.of === "gradient") step.handle.giveUpGradient();
      throw error;
    } finally {
      for (let i = 0; i < fresh.length; i++) {
        fresh[i]?.release();
        fresh[i] = undefined;
      }
    }
  }

  private launch({ compiled, device, inputs, outputs, params }: Run): void {
    const { buffers } = this;
    const read: Buffer[] = [];
    const written: Buffer[] = [];
    for (const value of inputs) read.push(there(buffers[value]));
    for (const output of outputs) {
      const buffer = this.bufferFor(output);
      buffers[output.value] = buffer;
      written.push(buffer);
    }
    execute(compiled, read, written, params);
    countRun(compiled);
    for (const { isResult, like, value, place } of outputs) {
      if (!isResult) continue;
      if (sizeOf(like.shape) === 1)
        this.numbers[value] = device.read(there(buffers[value]), like.dtype, 1)[0] ?? Number.NaN;
      else if (place.kind !== "new") this.fresh[value] = this.copyOf(value, like);
    }
  }

  private bufferFor({ value, like, place }: Output): Buffer {
    switch (place.kind) {
      case "over":
        return there(this.buffers[place.value]);
      case "state":
        return place.handle.spareStorage().buffer;
      case "gradient":
        if (place.isReset) place.handle.giveUpGradient();
        return place.handle.spareGradientStorage().buffer;
      case "own":
        this.own[value] ??= storageLike(like);
        return there(this.own[value]?.buffer);
      case "new": {
        const storage = storageLike(like);
        this.fresh[value] = storage;
        return storage.buffer;
      }
    }
  }

  private turn({ handle, value, like, of, flag, place }: Turn): void {
    const next = place === null ? this.copyOf(value, like) : place.kind === "new" ? this.fresh[value] : null;
    if (of === "gradient") handle.turnGradient(next ?? handle.spareGradientStorage(), flag);
    else if (place?.kind === "over") handle.turn(null, flag);
    else handle.turn(next ?? handle.spareStorage(), flag);
    if (place?.kind === "new") this.fresh[value] = undefined;
  }

  private resultOf({ value, like }: { readonly value: number; readonly like: Kind }, args: readonly Node[]): Node {
    const { shape, dtype, device } = like;
    const origin = this.parts.origins[value];
    if (origin?.kind === "argument") return leaf(shape, dtype, device, storageOf(there(args[origin.index])));
    if (origin?.kind === "constant") return leaf(shape, dtype, device, storageOf(origin.node));
    if (sizeOf(shape) === 1)
      return leaf(shape, dtype, device, new NumberStorage(device, dtype, this.numbers[value] ?? Number.NaN));
    return leaf(shape, dtype, device, there(this.fresh[value]));
  }

  private copyOf(value: number, like: Kind): DeviceStorage {
    const device = deviceNamed(like.device);
    const storage = storageLike(like);
    device.write(storage.buffer, device.read(there(this.buffers[value]), like.dtype, sizeOf(like.shape)));
    return storage;
  }
}

/** Hands numbers that are read anew to their plans; false where something else than a number has changed. */
function take({ reading, targets, watched }: Read): boolean {
  const values = reading.read();
  for (const { at, params, index } of targets) {
    const value = values[at];
    if (typeof value !== "number") return false;
    params[index] = value;
  }
  for (const at of watched) if (!Object.is(values[at], reading.values[at])) return false;
  return true;
}

function bufferAt(origin: Origin, args: readonly Node[]): Buffer {
  switch (origin.kind) {
    case "argument":
      return storageOf(there(args[origin.index])).buffer;
    case "state":
      return origin.handle.valueStorage().buffer;
    case "gradient":
      return origin.handle.gradientStorage().buffer;
    case "constant":
      return storageOf(origin.node).buffer;
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new GraphError("compile: expected a value, got none");
  return value;
}

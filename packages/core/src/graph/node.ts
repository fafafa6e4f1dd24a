// A node of the immutable graph: an operation, its inputs, and, once computed, its values.
import type { DType } from "../base/dtype.ts";
import { DeviceError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Storage } from "../base/storage.ts";
import type { Op } from "./rules.ts";

export type AttrValue = number | string | boolean | null | readonly AttrValue[] | { readonly [key: string]: AttrValue };
export type Attrs = { readonly [key: string]: AttrValue };
export const noAttrs: Attrs = {};

/** What a node's value is like. */
export type Kind = Pick<Node, "shape" | "dtype" | "device">;

export class Node {
  readonly id: number;
  readonly op: Op;
  /** Of the operation. Records have many forms: what is asked of each node on each walk is nearer here. */
  readonly opKind: Op["kind"];
  /** Emptied by `forget`. */
  inputs: readonly Node[];
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The name of the device that computes it. */
  readonly device: string;
  readonly requiresGrad: boolean;
  /** The values, where they are known. */
  storage: Storage | null = null;
  /** Why the values are gone for good, where they are. */
  gone: string | null = null;
  /** Whose gradient it is that arrives here, where somebody collects it. */
  owner: object | null = null;
  /** Whether the next run computes it as well. */
  joinsNextRun = false;
  /** Scratch of walks over the graph: which came by last, and the number it gave. */
  walk = 0;
  position = 0;
  private static count = 0;

  /** The id of the latest node: what is built from here on has larger ones. */
  static get latestId(): number {
    return Node.count - 1;
  }

  constructor(
    op: Op,
    inputs: readonly Node[],
    attrs: Attrs,
    shape: Shape,
    dtype: DType,
    device: string,
    requiresGrad: boolean,
  ) {
    this.id = Node.count++;
    this.op = op;
    this.opKind = op.kind;
    this.inputs = inputs;
    this.attrs = attrs;
    this.shape = shape;
    this.dtype = dtype;
    this.device = device;
    this.requiresGrad = requiresGrad;
  }

  /** The value of a `scalar` node: known to the run, not to the plan, which its attributes do not tell apart. */
  get scalar(): number {
    const { value } = this.attrs;
    return typeof value === "number" ? value : Number.NaN;
  }

  /** Drops the way back to the inputs, so that they can be collected; not while a transform records its function. */
  forget(): void {
    if (recordings === 0) this.inputs = [];
  }
}

let recordings = 0;

/** Runs `body` with nodes that remember their inputs even where they are computed on the way. */
export function recording<T>(body: () => T): T {
  recordings++;
  try {
    return body();
  } finally {
    recordings--;
  }
}

/** Whether a transform records its function. */
export const isRecording = (): boolean => recordings > 0;

let walks = 0;

/** A number for a walk to mark the nodes that it has seen with. One walk must end before the next begins. */
export const beginWalk = (): number => ++walks;

let gradients = true;

/** Runs `body` with nodes that record no gradient. */
export function withoutGradients<T>(body: () => T): T {
  const before = gradients;
  gradients = false;
  try {
    return body();
  } finally {
    gradients = before;
  }
}

export const recordsGradients = (): boolean => gradients;

/** What keeps transforms out of what their function builds under noGrad: it sees what is older through `stop`. */
interface Boundary {
  /** Of the function: what a transform inside of noGrad records is that transform's own. */
  readonly depth: number;
  readonly stop: (x: Node) => Node;
  readonly inside: WeakSet<Node>;
  readonly stopped: Map<Node, Node>;
}

let boundary: Boundary | null = null;

/** As `withoutGradients`, for transforms too that record the function which calls this. */
export function withoutDerivatives<T>(stop: (x: Node) => Node, body: () => T): T {
  if (recordings === 0 || boundary?.depth === recordings) return withoutGradients(body);
  const before = boundary;
  boundary = { depth: recordings, stop, inside: new WeakSet<Node>(), stopped: new Map<Node, Node>() };
  try {
    return withoutGradients(body);
  } finally {
    boundary = before;
  }
}

function acrossBoundary(at: Boundary, x: Node): Node {
  const known = at.inside.has(x) ? x : at.stopped.get(x);
  if (known) return known;
  boundary = null;
  try {
    const stopped = at.stop(x);
    at.stopped.set(x, stopped);
    return stopped;
  } finally {
    boundary = at;
  }
}

/** Of operations with inputs; the others' nodes are made without. */
const carriesGradient = (op: Op, dtype: DType): boolean =>
  (dtype === "float32" || dtype === "float64") && !(op.kind === "linear" && op.stops === true);

/** Builds a node; its record checks shapes and dtypes here, so that errors point at the caller's line. */
export function makeNode(op: Op, inputs: readonly Node[], attrs: Attrs = noAttrs): Node {
  const at = boundary;
  if (at === null || at.depth !== recordings) return plainNode(op, inputs, attrs);
  const node = plainNode(
    op,
    inputs.map((x) => acrossBoundary(at, x)),
    attrs,
  );
  at.inside.add(node);
  return node;
}

/** The same node of another record, which differs in how it is differentiated alone. */
export function asOp(op: Op, node: Node): Node {
  const { inputs, attrs, shape, dtype, device, requiresGrad } = node;
  const made = new Node(op, inputs, attrs, shape, dtype, device, requiresGrad);
  if (boundary?.inside.has(node)) boundary.inside.add(made);
  return made;
}

function plainNode(op: Op, inputs: readonly Node[], attrs: Attrs): Node {
  let device = "";
  let tracked = false;
  for (const input of inputs) {
    tracked ||= input.requiresGrad;
    if (device === "") device = input.device;
    else if (input.device !== device)
      throw new DeviceError(
        `${op.name}: expected tensors on one device, got ${device} and ${input.device}. Move one with .to("${device}")`,
      );
  }
  const dtype = op.dtype(inputs, attrs);
  const requiresGrad = tracked && gradients && carriesGradient(op, dtype);
  return new Node(op, inputs, attrs, op.shape(inputs, attrs), dtype, device, requiresGrad);
}

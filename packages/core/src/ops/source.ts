// Where values come from: buffers, run-time numbers, literals and counting. Their nodes are made here, not by makeNode.
import type { DType } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { Storage } from "../base/storage.ts";
import { type Attrs, Node, noAttrs } from "../graph/node.ts";
import type { Source } from "../graph/rules.ts";
import { countAttrs } from "./attrs.ts";

export const leafOp: Source = { kind: "leaf", name: "leaf", dtype: () => "float32", shape: () => [] };
export const scalarOp: Source = { kind: "scalar", name: "scalar", dtype: () => "float32", shape: () => [] };
export const constantOp: Source = { kind: "constant", name: "constant", dtype: () => "float32", shape: () => [] };
export const iotaOp: Source = {
  kind: "iota",
  name: "iota",
  dtype: () => "int32",
  shape: (_, { n }: { n: number }) => [n],
};

const noInputs: readonly Node[] = [];
const scalarShape: Shape = [];

function sourceNode(op: Source, shape: Shape, dtype: DType, device: string, attrs: Attrs): Node {
  return new Node(op, noInputs, attrs, shape, dtype, device, false);
}

/** Values that are there already. */
export function leaf(shape: Shape, dtype: DType, device: string, storage: Storage, requiresGrad = false): Node {
  const node = new Node(leafOp, noInputs, noAttrs, shape, dtype, device, requiresGrad);
  node.storage = storage;
  return node;
}

/** A number that is known to the run and not to the plan: another value needs no other plan. */
export function scalarNode(value: number, dtype: DType, device: string): Node {
  return sourceNode(scalarOp, scalarShape, dtype, device, { value });
}

/** A literal, part of the plan: for numbers that follow from structure, not for those that users write. */
export function constantNode(value: number, dtype: DType, device: string): Node {
  return sourceNode(constantOp, scalarShape, dtype, device, { value });
}

/** 0, 1, …, n − 1. */
export function iotaNode(n: number, device: string): Node {
  return sourceNode(iotaOp, [n], "int32", device, countAttrs(n));
}

/** A value that is not known yet: a transform puts another in its place. `why` is told to whoever reads it before. */
export function unknownLeaf(shape: Shape, dtype: DType, device: string, why: string): Node {
  const node = sourceNode(leafOp, shape, dtype, device, noAttrs);
  node.gone = why;
  return node;
}

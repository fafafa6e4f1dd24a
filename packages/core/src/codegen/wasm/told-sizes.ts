// Kernels that differ in the size of a batch alone run the same code, and are told the size: see docs/decisions/016.
import { canonicalKernel } from "../../kernel/canonical.ts";
import type { ContractKernel, Kernel, LoopKernel } from "../../kernel/ir.ts";
import { exprOrder, kernelDims, kernelRoots, kernelStores } from "../../kernel/walk.ts";
import { anySize } from "./abi.ts";
import type { WasmFeatures } from "./features.ts";
import { lanesPerVector, layoutOf, splitOf } from "./loop-layout.ts";

/** A kernel to write code for, and what that code is told when it runs. */
export interface Sized {
  /** An extent of `anySize` is told. */
  readonly kernel: Kernel;
  readonly sizes: readonly number[];
  /** Equal keys, equal code. */
  readonly key: string;
}

/** Threads share a batch rather than something else, where they find so many units in it. */
const fewestUnits = 12;

/** The kernel with its slowest axis of any size, if all that is decided about it stays the same; or the kernel itself. */
export function sizedLoops(kernel: LoopKernel, key: string, features: WasmFeatures): Sized {
  const axis = slowestAxis(kernel);
  const free = axis < 0 ? null : withAnySize(kernel, axis);
  if (!free || !runsAs(kernel, free)) return { kernel, sizes: [], key };
  const sizes = [kernelDims(kernel)[axis] ?? 1];
  const split = splitOf(kernel, features);
  const isCutAlike = split === null || split.dim === splitOf(free, features)?.dim;
  if (!isCutAlike && loopUnits(free, features, sizes[0]) < fewestUnits) return { kernel, sizes: [], key };
  return { kernel: free, sizes, key: canonicalKernel(free).key };
}

/** The kernel with one axis of any size; null where more than a loop's end depends on its size. */
export function withAnySize(kernel: LoopKernel, axis: number): LoopKernel | null {
  const { outer, inner, stages } = kernel;
  // Positions count along all inner axes but the first.
  const picksPosition = stages.some((stage) => stage.kind === "fold" && stage.op.startsWith("arg"));
  if (picksPosition && axis > outer.length) return null;
  const freed = (sizes: readonly number[], at: number): number[] => sizes.map((size, i) => (i === at ? anySize : size));
  return { ...kernel, outer: freed(outer, axis), inner: freed(inner, axis - outer.length) };
}

/**
 * The first axis that moves slowest in each view that it moves in: no stride depends on its extent, as in a batch, so others of
 * its kind are to be expected. -1 if there is none.
 */
export function slowestAxis(kernel: LoopKernel | ContractKernel): number {
  const dims = kernelDims(kernel);
  const views = [
    ...kernelStores(kernel).map((store) => store.view.strides),
    ...exprOrder(kernelRoots(kernel)).flatMap((expr) => (expr.kind === "load" ? [expr.view.strides] : [])),
  ];
  const isSlowest = (axis: number): boolean => {
    const moving = views.filter((strides) => strides[axis] !== 0);
    return (
      moving.length > 0 &&
      moving.every((strides) =>
        strides.every((stride, i) => i === axis || dims[i] === 1 || Math.abs(stride) < Math.abs(strides[axis] ?? 0)),
      )
    );
  };
  return dims.findIndex((extent, axis) => extent > 1 && isSlowest(axis));
}

/** Whether all that is decided for speed is the same for a kernel as for one of any size, which has a loop there. */
export function runsAs(kernel: LoopKernel, free: LoopKernel): boolean {
  const [mine, its] = [layoutOf(kernel), layoutOf(free)];
  const { sizes, outer, free: place } = its.nest;
  const dim = place?.dim ?? -1;
  const isLike =
    mine.nest.outer === outer &&
    mine.nest.sizes.length === sizes.length &&
    mine.nest.sizes.every((size, i) => i === dim || size === sizes[i]) &&
    mine.vector === its.vector &&
    mine.straight === its.straight &&
    mine.rows === its.rows &&
    mine.alternates === its.alternates &&
    mine.flat === its.flat;
  const size = mine.nest.sizes[dim] ?? 0;
  const written = dim === its.vector ? lanesPerVector * its.straight : dim === sizes.length - 1 ? its.straight / 2 : 1;
  return isLike && size > written;
}

/** How many units of work a kernel can be cut into. */
export function loopUnits(kernel: LoopKernel, features: WasmFeatures, size = 0): number {
  const split = splitOf(kernel, features);
  const { nest, cutOf } = layoutOf(kernel);
  if (!split || nest.free?.dim !== split.dim) return split?.units ?? 1;
  const { width, unroll } = cutOf(split.dim);
  return Math.ceil((size * nest.free.factor) / (width * unroll));
}

// What threads share of a contraction: its blocks, and what is packed for several of them.
import type { ContractKernel } from "../../kernel/ir.ts";
import { type GemmPlan, planContract } from "./contract-plan.ts";
import type { GemmCode } from "./contract-sizes.ts";
import type { WasmFeatures } from "./features.ts";

/** Blocks of results that can be computed apart. */
export function contractUnits(kernel: ContractKernel, features: WasmFeatures): number {
  const plan = planContract(kernel, features.wideVectors === true);
  return plan.kind === "gemm" && plan.epilogue.kind !== "whole" ? blocksOf(plan) : 1;
}

/** Whether several units read what is packed for one of them. */
export function contractKeepsPanels(kernel: ContractKernel, features: WasmFeatures): boolean {
  const plan = planContract(kernel, features.wideVectors === true);
  return (
    plan.kind === "gemm" &&
    plan.epilogue.kind !== "whole" &&
    blocksOf(plan) > 1 &&
    (hoists(plan) || (plan.rowChunks > 1 && holds(plan)))
  );
}

type Packed = Pick<GemmCode, "a" | "b" | "holdsB">;
/** Whether an operand is packed once for all units; and whether b is for those of a block of columns. */
export const hoists = ({ a, b }: Packed): boolean => (a.packed && a.hoisted) || (b.packed && b.hoisted);
export const holds = ({ b, holdsB }: Packed): boolean => holdsB && !b.hoisted;

/** How many blocks of the batch, of columns and of rows there are. */
const blocksOf = ({ batch, columnBlocks, rowChunks }: GemmPlan): number => batch * columnBlocks * rowChunks;

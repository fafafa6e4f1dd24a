// What one run of a workload reports, and whether it computed the right thing.
import { z } from "zod";
import { type WorkloadName, workloads } from "./specification.ts";

const timingSchema = z.object({ medianMs: z.number(), minMs: z.number(), steps: z.number() });

const evidenceSchema = z.object({
  losses: z.array(z.number()).optional(),
  accuracy: z.number().optional(),
  corners: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
  value: z.number().optional(),
  gradientSum: z.number().optional(),
  gradientFirst: z.array(z.number()).optional(),
});

export const outcomeSchema = timingSchema.extend({
  /** Of W4: each size of its own. The other numbers are those of the largest one. */
  sizes: z.record(z.string(), timingSchema).optional(),
  /** From the first call on, with what is compiled then. */
  firstStepMs: z.number().optional(),
  evidence: evidenceSchema,
});

export type Outcome = z.infer<typeof outcomeSchema>;
export type Evidence = z.infer<typeof evidenceSchema>;

/** How far values may be from what is expected: relatively, and absolutely for values above 1. */
const tolerance = 1e-4;

/**
 * What differs from what the workload has to compute, in words; empty where all is right.
 * @param sumTolerance for the sum of W6's four million values, which plain float32 summation gets wrong by 0.3 %
 */
export function differences(name: WorkloadName, evidence: Evidence, sumTolerance: number = tolerance): string[] {
  const found: string[] = [];
  const compare = (
    what: string,
    got: number | undefined,
    expected: number,
    limit = tolerance,
    scale = Math.min(1, Math.abs(expected)),
  ): void => {
    if (got === undefined || !(Math.abs(got - expected) <= limit * scale))
      found.push(`${what}: expected ${expected}, got ${got}`);
  };
  const spec = workloads[name];
  switch (spec.kind) {
    case "train":
    case "mnist":
      spec.expected_losses.forEach((loss, i) => {
        compare(`loss ${i + 1}`, evidence.losses?.[i], loss);
      });
      if (spec.kind === "mnist") compare("accuracy", evidence.accuracy, spec.expected_accuracy, 5e-3, 1);
      break;
    case "matmul":
      for (const n of spec.sizes)
        spec.expected_corners[n]?.forEach((corner, i) => {
          compare(
            `corner ${i + 1} of ${n}`,
            evidence.corners?.[n]?.[i],
            corner,
            tolerance,
            Math.max(1, Math.abs(corner)),
          );
        });
      break;
    case "elementwise": {
      const { value, grad_sum, grad_first } = spec.expected;
      compare("value", evidence.value, value, sumTolerance, value);
      compare("sum of the gradient", evidence.gradientSum, grad_sum, tolerance, grad_sum);
      grad_first.forEach((slope, i) => {
        compare(`gradient ${i + 1}`, evidence.gradientFirst?.[i], slope, tolerance, 1);
      });
    }
  }
  return found;
}

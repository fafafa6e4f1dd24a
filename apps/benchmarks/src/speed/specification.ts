// The eight workloads, as workloads.json states them: shapes, initial values, optimizer, timing, expected results.
import { z } from "zod";
import stated from "./workloads.json" with { type: "json" };

const values = {
  name: z.string(),
  shape: z.array(z.number().int()),
  init: z.enum(["uniform", "uniform01", "randint", "zeros", "ones", "values"]),
  seed: z.number().int().default(0),
  bound: z.number().default(1),
  n: z.number().int().default(0),
  values: z.array(z.number()).default([]),
};
const valuesSchema = z.object(values);

const timingSchema = z.object({
  warmup_steps: z.number().int(),
  warmup_s: z.number(),
  min_steps: z.number().int(),
  max_steps: z.number().int(),
  budget_s: z.number(),
});

const optimizerSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("sgd"), lr: z.number() }),
  z.object({
    kind: z.enum(["adam", "adamw"]),
    lr: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    eps: z.number(),
    weight_decay: z.number(),
  }),
]);

const described = { name: z.string(), model: z.string() };
const trained = {
  ...described,
  params: z.array(valuesSchema),
  optimizer: optimizerSchema,
  expected_losses: z.array(z.number()).length(3),
};

const trainSchema = z.object({
  ...trained,
  kind: z.literal("train"),
  nbatches: z.number().int(),
  data: z.tuple([valuesSchema, valuesSchema]),
  timing: timingSchema,
});
const gptSchema = trainSchema.extend({
  layers: z.number().int(),
  d: z.number().int(),
  heads: z.number().int(),
  T: z.number().int(),
  vocab: z.number().int(),
});
const matmulSchema = z.object({
  ...described,
  kind: z.literal("matmul"),
  sizes: z.array(z.number().int()),
  seed_a: z.number().int(),
  seed_b: z.number().int(),
  bound: z.number(),
  timing: timingSchema,
  expected_corners: z.record(z.string(), z.tuple([z.number(), z.number()])),
});
const elementwiseSchema = z.object({
  ...described,
  kind: z.literal("elementwise"),
  n: z.number().int(),
  a: z.number(),
  b: z.number(),
  seed: z.number().int(),
  bound: z.number(),
  timing: timingSchema,
  expected: z.object({
    value: z.number(),
    grad_sum: z.number(),
    grad_first: z.tuple([z.number(), z.number(), z.number()]),
  }),
});
const mnistSchema = z.object({
  ...trained,
  kind: z.literal("mnist"),
  batch: z.number().int(),
  steps: z.number().int(),
  perm_seed: z.number().int(),
  test_chunk: z.number().int(),
  expected_accuracy: z.number(),
});

const schema = z.object({
  workloads: z.object({
    W1: trainSchema,
    W2: trainSchema,
    W3: gptSchema,
    W4: matmulSchema,
    W5: trainSchema,
    W6: elementwiseSchema,
    W7: trainSchema,
    W8: mnistSchema,
  }),
});

export type ValuesSpec = z.infer<typeof valuesSchema>;
export type TimingSpec = z.infer<typeof timingSchema>;
export type OptimizerSpec = z.infer<typeof optimizerSchema>;
export type TrainSpec = z.infer<typeof trainSchema>;
export type GptSpec = z.infer<typeof gptSchema>;
export type MatmulSpec = z.infer<typeof matmulSchema>;
export type ElementwiseSpec = z.infer<typeof elementwiseSchema>;
export type MnistSpec = z.infer<typeof mnistSchema>;
export type Workloads = z.infer<typeof schema>["workloads"];
export type WorkloadName = keyof Workloads;

export const workloads: Workloads = schema.parse(stated).workloads;

export const workloadNames: readonly WorkloadName[] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"];

export const isWorkloadName = (name: string): name is WorkloadName => workloadNames.some((known) => known === name);

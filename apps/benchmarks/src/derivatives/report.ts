// The numbers of `npm run bench:derivatives`: as tables, as pictures, and what they must not exceed.
import { linePlot } from "../line-plot.ts";
import type { CheckpointCost, HessianCost, LoopCost, ModeCost } from "./costs.ts";
import type { DifferenceError } from "./differences.ts";

export interface DerivativeCosts {
  readonly device: string;
  /** One output, more and more inputs. */
  readonly byInputs: readonly ModeCost[];
  /** One input, more and more outputs. */
  readonly byOutputs: readonly ModeCost[];
  readonly hessian: HessianCost;
  readonly checkpoints: readonly CheckpointCost[];
  readonly loops: readonly LoopCost[];
}

export const limits = { hvp: 4, checkpointTime: 1.35, flatness: 2 } as const;

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(2);

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ");
  return [line(header), ...rows.map(line)].join("\n");
}

const modes = (costs: readonly ModeCost[]): string =>
  table(
    ["inputs", "outputs", "function ms", "reverse ×", "forward ×"],
    costs.map(({ inputs, outputs, functionMs, reverse, forward }) => [
      `${inputs}`,
      `${outputs}`,
      functionMs.toFixed(3),
      reverse.toFixed(2),
      forward.toFixed(2),
    ]),
  );

export function asText({ byInputs, byOutputs, hessian, checkpoints, loops }: DerivativeCosts): string {
  return [
    "The whole derivative, in the time of the function: one output",
    modes(byInputs),
    "One input",
    modes(byOutputs),
    `Hessian times a vector: ${hessian.hvpMs.toFixed(3)} ms, ${hessian.ratio.toFixed(2)} gradients of ${hessian.gradientMs.toFixed(3)} ms (at most ${limits.hvp})`,
    `Layers in √L checkpoints: memory for intermediate values, time over that of keeping all (at most ${limits.checkpointTime})`,
    table(
      ["layers", "segments", "kept MiB", "checkpoint MiB", "kept ms", "checkpoint ms", "time ×"],
      checkpoints.map((each) => [
        `${each.layers}`,
        `${each.segments}`,
        mebibytes(each.keptBytes),
        mebibytes(each.checkpointBytes),
        each.keptMs.toFixed(2),
        each.checkpointMs.toFixed(2),
        each.timeRatio.toFixed(2),
      ]),
    ),
    "scan with its gradient",
    table(
      ["steps", "more plans", "µs a step"],
      loops.map((each) => [`${each.steps}`, `${each.plansCompiled}`, each.microsecondsPerStep.toFixed(2)]),
    ),
  ].join("\n\n");
}

const spread = (values: readonly number[]): number => Math.max(...values) / Math.min(...values);

/** What does not hold. */
export function violations({ byInputs, byOutputs, hessian, checkpoints, loops }: DerivativeCosts): string[] {
  const found: string[] = [];
  const expectFlat = (what: string, values: readonly number[]): void => {
    if (spread(values) > limits.flatness)
      found.push(`${what}: expected costs within a factor of ${limits.flatness}, got ${spread(values).toFixed(2)}`);
  };
  expectFlat(
    "reverse mode by inputs",
    byInputs.map(({ reverse }) => reverse),
  );
  expectFlat(
    "forward mode by outputs",
    byOutputs.map(({ forward }) => forward),
  );
  if (hessian.ratio > limits.hvp)
    found.push(`hvp: expected at most ${limits.hvp} gradients, got ${hessian.ratio.toFixed(2)}`);
  for (const { layers, timeRatio } of checkpoints)
    if (timeRatio > limits.checkpointTime)
      found.push(
        `checkpoint of ${layers} layers: expected ${limits.checkpointTime} of the time, got ${timeRatio.toFixed(2)}`,
      );
  const [first, last] = [checkpoints[0], checkpoints.at(-1)];
  if (first && last) {
    const growth = last.checkpointBytes / first.checkpointBytes;
    const root = Math.sqrt(last.layers / first.layers);
    if (growth > 1.5 * root)
      found.push(`checkpoint: expected memory to grow ${root.toFixed(1)} times, got ${growth.toFixed(1)}`);
  }
  for (const { steps, plansCompiled } of loops.slice(1))
    if (plansCompiled > 0) found.push(`scan of ${steps} steps: expected no plan more, got ${plansCompiled}`);
  return found;
}

/** Both modes against inputs and outputs, and the memory of checkpoints. */
export const costChart = ({ byInputs, byOutputs, checkpoints }: DerivativeCosts): string =>
  linePlot(
    "What derivatives cost: reverse mode by outputs, forward mode by inputs, checkpoints by the root of the layers",
    [
      {
        title: "n inputs, one output",
        across: "inputs",
        up: "time of f",
        series: [
          { name: "reverse mode", points: byInputs.map((each) => [each.inputs, each.reverse]) },
          { name: "forward mode", points: byInputs.map((each) => [each.inputs, each.forward]) },
        ],
      },
      {
        title: "one input, m outputs",
        across: "outputs",
        up: "time of f",
        series: [
          { name: "reverse mode", points: byOutputs.map((each) => [each.outputs, each.reverse]) },
          { name: "forward mode", points: byOutputs.map((each) => [each.outputs, each.forward]) },
        ],
      },
      {
        title: "L layers, gradient of all weights",
        across: "layers",
        up: "MiB between layers",
        series: [
          { name: "all kept", points: checkpoints.map((each) => [each.layers, each.keptBytes / 2 ** 20]) },
          { name: "√L checkpoints", points: checkpoints.map((each) => [each.layers, each.checkpointBytes / 2 ** 20]) },
        ],
      },
    ],
  );

export const differenceChart = (errors: readonly DifferenceError[]): string =>
  linePlot("Error of finite differences against their step", [
    {
      title: "exp(sin x) at 1, float64",
      across: "step h",
      up: "relative error",
      series: [
        { name: "(f(x+h) − f(x)) / h", points: errors.map((each) => [each.step, each.forward]) },
        { name: "central", points: errors.map((each) => [each.step, each.central]) },
      ],
    },
  ]);

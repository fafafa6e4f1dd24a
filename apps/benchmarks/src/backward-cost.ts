// What the gradient of a loss costs, compared with the loss itself, for models of growing size.
import { engineStatistics, Generator, noGrad, realize, type Tensor, uniform } from "@cotangent/core";
import { Dropout, Linear, Module, mse, ReLU } from "@cotangent/nn";
import { AdamW, CosineAnnealingLR, clipGradNorm } from "@cotangent/optim";
import { type Effort, measure } from "./measure.ts";

/** Three layers, two of them square: almost all parameters are in those. */
class Perceptron extends Module {
  readonly input: Linear;
  readonly hidden: Linear;
  readonly output: Linear;
  readonly dropout = new Dropout(0.1);
  private readonly relu = new ReLU();

  constructor(width: number, generator: Generator) {
    super();
    this.input = new Linear(width, width, { generator });
    this.hidden = new Linear(width, width, { generator });
    this.output = new Linear(width, outputs, { generator });
  }

  override forward(x: Tensor): Tensor {
    const first: Tensor = this.relu.forward(this.input.forward(x));
    const second: Tensor = this.relu.forward(this.hidden.forward(first));
    return this.output.forward(this.dropout.forward(second));
  }
}

const outputs = 10;

/** The width at which the model has about so many parameters: 2w² + 12w + 10. */
export const widthFor = (parameters: number): number =>
  Math.max(1, Math.round((-12 + Math.sqrt(144 + 8 * (parameters - outputs))) / 4));

export interface CostOptions {
  readonly batchSize: number;
  readonly device: string;
  readonly effort: Effort;
  /** Training steps whose compiled plans are counted. */
  readonly steps: number;
}

export interface Cost {
  readonly parameters: number;
  readonly width: number;
  readonly forwardMs: number;
  /** Loss and gradients of all parameters. */
  readonly gradientMs: number;
  readonly ratio: number;
  /** Plans compiled in the first three training steps, and in all later ones. */
  readonly plansAtFirst: number;
  readonly plansLater: number;
}

/** Measures a model with about `parameters` parameters. */
export async function backwardCost(
  parameters: number,
  { batchSize, device, effort, steps }: CostOptions,
): Promise<Cost> {
  const width = widthFor(parameters);
  const generator = new Generator(1);
  const model = new Perceptron(width, generator);
  const [x, y] = [
    uniform([batchSize, width], { generator, device }),
    uniform([batchSize, outputs], { generator, device }),
  ];
  realize(x, y);
  const weights = [...model.parameters()];
  const count = weights.reduce((sum, weight) => sum + weight.size, 0);
  const loss = (): Tensor => mse(model.forward(x), y);

  model.eval();
  const { forward, gradient } = await measure(
    {
      forward: () => noGrad(loss).item(),
      async gradient() {
        for (const weight of weights) weight.zeroGrad();
        const value = loss();
        value.backward();
        realize(...weights.flatMap((weight) => weight.grad ?? []));
        await value.item();
      },
    },
    effort,
  );
  for (const weight of weights) weight.zeroGrad();

  // Training changes its learning rate, its dropout masks and the number of its step: none of them is in the plan.
  model.train();
  const optimizer = new AdamW(weights, { lr: 1e-3 });
  const schedule = new CosineAnnealingLR(optimizer, { tMax: steps });
  let atFirst = 0;
  const before = engineStatistics().plansCompiled;
  for (let step = 0; step < steps; step++) {
    optimizer.zeroGrad();
    const value = loss();
    value.backward();
    clipGradNorm(weights, 1);
    optimizer.step();
    schedule.step();
    model.dropout.p = 0.1 + step / (10 * steps);
    await value.item();
    if (step === 2) atFirst = engineStatistics().plansCompiled - before;
  }
  const plans = engineStatistics().plansCompiled - before;
  for (const weight of weights) weight.dispose();
  return {
    parameters: count,
    width,
    forwardMs: forward.medianMs,
    gradientMs: gradient.medianMs,
    ratio: gradient.medianMs / forward.medianMs,
    plansAtFirst: atFirst,
    plansLater: plans - atFirst,
  };
}

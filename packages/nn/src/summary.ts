// A table of a model's layers, their output shapes and their parameters.
import { type DType, noGrad, type Shape, Tensor, zeros } from "@cotangent/core";
import type { Module } from "./module.ts";
import { isParameter } from "./parameter.ts";

export interface SummaryOptions {
  /** The input's dtype, float32 by default; int32 for a model that begins with an embedding. */
  readonly dtype?: DType;
}

export interface SummaryRow {
  readonly name: string;
  readonly layer: string;
  readonly outputShape: Shape | null;
  /** Elements in parameters of the layer itself, not of layers inside it. */
  readonly parameters: number;
}

export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  /** Elements in parameters that require a gradient. */
  readonly trainable: number;
  /** Elements in buffers. */
  readonly buffers: number;
  /** The table. */
  toString(): string;
}

const count = (tensors: readonly Tensor[]): number => tensors.reduce((total, { size }) => total + size, 0);

export function summarize(
  model: Module,
  inputShape: Shape | undefined,
  { dtype = "float32" }: SummaryOptions,
): Summary {
  const shapes = inputShape ? outputShapes(model, inputShape, dtype) : new Map<Module, Shape>();
  const counted = new Set<Tensor>();
  const rows = model.namedModules().flatMap(([name, module]): SummaryRow[] => {
    const own = module.ownTensors().filter((tensor) => isParameter(tensor) && !counted.has(tensor));
    for (const tensor of own) counted.add(tensor);
    const isContainer = module.children().length > 0;
    if (isContainer && own.length === 0) return [];
    return [
      {
        name,
        layer: isContainer ? module.constructor.name : `${module}`,
        outputShape: shapes.get(module) ?? null,
        parameters: count(own),
      },
    ];
  });
  const parameters = model.parameters();
  const totals = {
    parameters: count(parameters),
    trainable: count(parameters.filter((parameter) => parameter.requiresGrad)),
    buffers: count(model.buffers()),
  };
  return { rows, ...totals, toString: () => table(rows, totals) };
}

/** Builds the graph of one forward pass, with a note of what each module returns. */
function outputShapes(model: Module, inputShape: Shape, dtype: DType): Map<Module, Shape> {
  const shapes = new Map<Module, Shape>();
  const modules = model.modules();
  const training = modules.map((module) => module.training);
  try {
    model.eval();
    for (const module of modules) {
      const forward = module.forward;
      const traced = (...inputs: never[]): unknown => {
        const output = forward.apply(module, inputs);
        if (output instanceof Tensor) shapes.set(module, output.shape);
        return output;
      };
      Object.defineProperty(module, "forward", { value: traced, configurable: true, enumerable: false });
    }
    noGrad(() => Reflect.apply(model.forward, model, [zeros(inputShape, { dtype })]));
  } finally {
    modules.forEach((module, i) => {
      Reflect.deleteProperty(module, "forward");
      module.training = training[i] ?? true;
    });
  }
  return shapes;
}

function table(
  rows: readonly SummaryRow[],
  totals: { parameters: number; trainable: number; buffers: number },
): string {
  const number = (n: number): string => n.toLocaleString("en-US");
  const cells = [
    ["name", "layer", "output shape", "parameters"],
    ...rows.map(({ name, layer, outputShape, parameters }) => [
      name,
      layer,
      outputShape ? `[${outputShape.join(", ")}]` : "",
      number(parameters),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const pad = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    return column === 3 ? text.padStart(width) : text.padEnd(width);
  };
  const lines = cells.map((row) => row.map(pad).join("  "));
  const rule = "─".repeat(lines[0]?.length ?? 0);
  const buffers = totals.buffers > 0 ? `, ${number(totals.buffers)} in buffers` : "";
  const trainable = totals.trainable === totals.parameters ? "" : `, ${number(totals.trainable)} of them trainable`;
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    rule,
    `${number(totals.parameters)} parameters${trainable}${buffers}`,
  ].join("\n");
}

// What automatic differentiation does to a function, step by step: forward trace, forward mode, reverse mode, differences.
import { forwardAll } from "../autodiff/forward.ts";
import { reverseAll } from "../autodiff/reverse.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import { realize } from "../engine/engine.ts";
import { type Node, recording } from "../graph/node.ts";
import { graphDot, graphTable, type Printable, type PrintOptions, printedVariables } from "../graph/print.ts";
import { graphSvg } from "../graph/svg.ts";
import { topological } from "../graph/walk.ts";
import { builder as b } from "../ops/builder.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf } from "./arguments.ts";
import { renamed, run } from "./transforms.ts";

/** One step of the forward trace, as text. */
export interface ExplainedVariable {
  /** x1, x2, … for inputs, v1, v2, … for what is computed. */
  readonly name: string;
  /** How it is computed from other variables; empty for an input. */
  readonly expression: string;
  readonly value: string;
  /** Its derivative by each input: one pass of forward mode each. */
  readonly tangents: readonly string[];
  /** The derivative of the result by it; the contributions of a variable that branches are added up: `a + b = sum`. */
  readonly adjoint: string;
}

/** The derivative of the result by one input; by a direction of ones where the input is not a scalar. */
export interface ExplainedDerivative {
  readonly forward: number;
  readonly reverse: number;
  /** By central differences. */
  readonly difference: number;
}

export interface Explanation {
  readonly variables: readonly ExplainedVariable[];
  readonly value: number;
  /** One for each input. */
  readonly derivatives: readonly ExplainedDerivative[];
  /** A table of the trace, and the derivatives below it. */
  toString(): string;
  /** The graph in Graphviz's language, with values, tangents and adjoints. */
  toDot(): string;
  /** The same as a picture, in SVG: light or dark as the page around it. */
  toSvg(): string;
}

/** Half the distance of the points that differences are taken from. */
const halfStep = 1e-5;

/**
 * Shows how the derivatives of a function come about, in float64: the forward trace with its values, forward mode with one
 * pass for each input, reverse mode with one sweep, and central differences to hold both against.
 * @param f a synchronous function of float tensors with a scalar result
 * @param inputs where to explain it
 * @throws {ShapeError} `explain: expected a function with a scalar result, got shape [2]. Reduce it, for example with .sum()`
 * @example explain((x, y) => x.sin().add(x.mul(y)), [tensor(2), tensor(3)]).variables.map((v) => v.name) // ["x1", "x2", "v1", "v2", "v3", "v4", "v5"]
 */
export function explain<A extends readonly Tensor[]>(f: (...args: A) => Tensor, inputs: readonly [...A]): Explanation {
  if (inputs.length === 0) throw new ArgumentError("explain: expected at least one input, got none");
  const leaves = inputs.map((x) =>
    tensor(Float64Array.from(x.dataSync()), { shape: [...nodeOf("explain", x).shape], device: x.device }),
  );
  const call = (xs: readonly Tensor[]): Node => {
    const y = nodeOf(
      "explain",
      run("explain", () => f(...(xs as never))),
    );
    if (sizeOf(y.shape) !== 1)
      throw new ShapeError(
        `explain: expected a function with a scalar result, got shape ${showShape(y.shape)}. Reduce it, for example with .sum()`,
      );
    return y;
  };
  return recording(() => {
    const variables = leaves.map((x) => renamed(x));
    const y = call(variables);
    const sweeps = sweep(
      y,
      variables.map((x) => x.node),
    );
    const value = numberOf(y);
    const derivatives = leaves.map((x, i): ExplainedDerivative => {
      const variable = variables[i]?.node;
      const tangent = sweeps.tangents[i]?.get(y);
      const adjoint = variable && sweeps.adjoints.get(variable);
      const moved = (by: number): number =>
        numberOf(call(leaves.map((other) => (other === x ? shifted(x, by) : other))));
      return {
        forward: sumOf(tangent),
        reverse: sumOf(adjoint),
        difference: (moved(halfStep) - moved(-halfStep)) / (2 * halfStep),
      };
    });
    return explanation([...variables.map((x) => x.node), y], sweeps, value, derivatives);
  });
}

const shifted = (x: Tensor, by: number): Tensor =>
  tensor(
    Float64Array.from(x.dataSync()).map((value) => value + by),
    { shape: [...x.shape], device: x.device },
  );

const numberOf = (node: Node): number => new Tensor(node).dataSync()[0] ?? Number.NaN;

/** The sum of a printable: its component along a direction of ones. */
const sumOf = (x: Printable | undefined): number =>
  x === undefined ? 0 : typeof x === "number" ? x : x.reduce((total: number, part) => total + sumOf(part), 0);

/** What the three sweeps found, in numbers. */
type Sweeps = Required<Pick<PrintOptions, "values" | "tangents" | "adjoints" | "contributions">>;

function sweep(y: Node, inputs: readonly Node[]): Sweeps {
  const nodes = topological([...inputs, y]);
  const tangents = inputs.map((input) => {
    const directions = inputs.map((x) => b.fill(x === input ? 1 : 0, x.shape, x));
    return forwardAll(b, [y], inputs, directions);
  });
  const adjoints = reverseAll(b, [y], [b.fill(1, y.shape, y)], inputs);
  const { totals } = adjoints;
  const contributions = [...adjoints.contributions].map(([node, list]) => [node, list.map((x) => x.value)] as const);
  realize([
    ...nodes,
    ...tangents.flatMap((map) => [...map.values()]),
    ...totals.values(),
    ...contributions.flatMap(([, list]) => list),
  ]);
  const printable = (node: Node): Printable => new Tensor(node).toArraySync() as Printable;
  const read = (map: ReadonlyMap<Node, Node>): Map<Node, Printable> =>
    new Map([...map].map(([node, value]) => [node, printable(value)]));
  return {
    values: new Map(nodes.map((node) => [node, printable(node)])),
    tangents: tangents.map(read),
    adjoints: read(totals),
    contributions: new Map(contributions.map(([node, list]) => [node, list.map(printable)])),
  };
}

function explanation(
  roots: readonly Node[],
  sweeps: Sweeps,
  value: number,
  derivatives: readonly ExplainedDerivative[],
): Explanation {
  const variables = printedVariables(roots, sweeps).map(({ node: _, ...rest }) => rest);
  const shown = (x: number): string => String(Number(x.toPrecision(6)));
  const lines = derivatives.map(
    ({ forward, reverse, difference }, i) =>
      `∂/∂x${i + 1}: forward mode ${shown(forward)}, reverse mode ${shown(reverse)}, differences ${shown(difference)}`,
  );
  const table = graphTable(roots, sweeps);
  const dot = graphDot(roots, sweeps);
  const names = derivatives.map((_, i) => `x${i + 1}`).join(", ");
  const svg = graphSvg(roots, sweeps, `How the derivatives of f(${names}) come about`);
  return {
    variables,
    value,
    derivatives,
    toString: () => [table, "", ...lines].join("\n"),
    toDot: () => dot,
    toSvg: () => svg,
  };
}

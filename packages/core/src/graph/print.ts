// A graph to look at: as a table of variables, and as DOT for Graphviz. Values, tangents and adjoints are passed in.
import type { AttrValue, Node } from "./node.ts";
import { topological } from "./walk.ts";

/** A number, or an array of them, nested as the shape is. */
export type Printable = number | readonly Printable[];

export interface PrintOptions {
  /** Names of variables; other inputs are called x1, x2, …, and what is computed v1, v2, …. */
  readonly names?: ReadonlyMap<Node, string>;
  readonly values?: ReadonlyMap<Node, Printable>;
  /** One column for each direction of forward mode. */
  readonly tangents?: readonly ReadonlyMap<Node, Printable>[];
  readonly adjoints?: ReadonlyMap<Node, Printable>;
  /** What each user of a variable added to its adjoint, in the order of the reverse sweep. */
  readonly contributions?: ReadonlyMap<Node, readonly Printable[]>;
  /** Significant digits, 6 by default. */
  readonly digits?: number;
}

/** One variable of a printed graph. */
export interface PrintedVariable {
  readonly node: Node;
  readonly name: string;
  /** How it is computed from other variables; empty for an input. */
  readonly expression: string;
  readonly value: string;
  readonly tangents: readonly string[];
  /** Where a variable branches: `a + b = sum`. */
  readonly adjoint: string;
}

/** Numbers known without a computation are written where they are used. */
const isLiteral = ({ op }: Node): boolean => op.kind === "constant" || op.kind === "scalar" || op.kind === "iota";

/** The variables of a graph, inputs first, each after those that it is computed from. */
export function printedVariables(roots: readonly Node[], options: PrintOptions = {}): PrintedVariable[] {
  const order = topological(roots).filter((node) => !isLiteral(node) || options.names?.has(node));
  const isInput = (node: Node): boolean => node.inputs.length === 0;
  const inputs = order.filter(isInput);
  const computed = order.filter((node) => !isInput(node));
  const named = new Map<Node, string>();
  inputs.forEach((node, i) => {
    named.set(node, options.names?.get(node) ?? `x${i + 1}`);
  });
  computed.forEach((node, i) => {
    named.set(node, options.names?.get(node) ?? `v${i + 1}`);
  });
  const digits = options.digits ?? 6;
  const shown = (value: Printable | undefined): string => (value === undefined ? "" : showValue(value, digits));
  return [...inputs, ...computed].map((node) => ({
    node,
    name: named.get(node) ?? "",
    expression: isInput(node) ? "" : expressionOf(node, named, digits),
    value: shown(options.values?.get(node)),
    tangents: (options.tangents ?? []).map((tangents) => shown(tangents.get(node))),
    adjoint: adjointOf(shown(options.adjoints?.get(node)), (options.contributions?.get(node) ?? []).map(shown)),
  }));
}

function adjointOf(total: string, parts: readonly string[]): string {
  if (parts.length < 2) return total;
  return `${parts.map((part, i) => (i > 0 && part.startsWith("-") ? `(${part})` : part)).join(" + ")} = ${total}`;
}

function expressionOf(node: Node, named: ReadonlyMap<Node, string>, digits: number): string {
  const { op, inputs, attrs } = node;
  const operands = inputs.map((input) => named.get(input) ?? showLiteral(input, digits));
  const [first, second] = operands;
  if (op.symbol !== undefined && operands.length === 1) return `${op.symbol}${first}`;
  if (op.symbol && operands.length === 2) return `${first} ${op.symbol} ${second}`;
  const settings = op.symbol ? [] : Object.entries(attrs).map(([key, value]) => `${key}: ${showAttr(value)}`);
  return `${op.name}(${[...operands, ...settings].join(", ")})`;
}

function showLiteral(node: Node, digits: number): string {
  const { op, attrs, shape, scalar } = node;
  if (op.kind === "iota") return `0…${(shape[0] ?? 1) - 1}`;
  return showNumber(op.kind === "scalar" ? scalar : Number(attrs.value), digits);
}

function showAttr(value: AttrValue): string {
  return Array.isArray(value) ? `[${value.map(showAttr).join(", ")}]` : String(value);
}

const showNumber = (x: number, digits: number): string => String(Number(x.toPrecision(digits)));

/** Longer rows are cut short. */
const maxShown = 6;

function showValue(value: Printable, digits: number): string {
  if (typeof value === "number") return showNumber(value, digits);
  const shown = value.slice(0, maxShown).map((part) => showValue(part, digits));
  if (value.length > maxShown) shown.push("…");
  return `[${shown.join(", ")}]`;
}

/** A table, one line for each variable; columns that nothing is known for are left out. */
export function graphTable(roots: readonly Node[], options: PrintOptions = {}): string {
  const variables = printedVariables(roots, options);
  const directions = options.tangents?.length ?? 0;
  const header = ["variable", "expression"];
  if (options.values) header.push("value");
  for (let i = 0; i < directions; i++) header.push(directions > 1 ? `tangent ${i + 1}` : "tangent");
  if (options.adjoints) header.push("adjoint");
  const rows = variables.map(({ name, expression, value, tangents, adjoint }) => {
    const row = [name, expression && `= ${expression}`];
    if (options.values) row.push(value);
    row.push(...tangents);
    if (options.adjoints) row.push(adjoint);
    return row;
  });
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(header), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

/** DOT text: a box for each variable, an arrow from each operand. Render it with Graphviz. */
export function graphDot(roots: readonly Node[], options: PrintOptions = {}): string {
  const variables = printedVariables(roots, options);
  const names = new Map(variables.map(({ node, name }) => [node, name]));
  const lines = ["digraph {", "  rankdir=BT;", '  node [shape=box, fontname="monospace"];'];
  for (const { name, expression, value, tangents, adjoint } of variables) {
    const label = [expression ? `${name} = ${expression}` : name];
    if (value) label.push(value);
    for (const tangent of tangents) if (tangent) label.push(`tangent ${tangent}`);
    if (adjoint) label.push(`adjoint ${adjoint}`);
    const style = expression ? "" : ", style=rounded";
    lines.push(`  ${quote(name)} [label=${quote(label.join("\n"))}${style}];`);
  }
  for (const { node, name, expression } of variables) {
    if (!expression) continue;
    for (const input of node.inputs) {
      const from = names.get(input);
      if (from !== undefined) lines.push(`  ${quote(from)} -> ${quote(name)};`);
    }
  }
  return [...lines, "}"].join("\n");
}

const quote = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;

// A graph as a picture: a box for each variable with its value, tangents and adjoint, an arrow from each operand.
import { layered, type Point } from "./layout.ts";
import type { Node } from "./node.ts";
import { type PrintedVariable, type PrintOptions, printedVariables } from "./print.ts";

const [fontSize, charWidth, lineHeight, padding, margin] = [12, 7.25, 18, 12, 24];
const legendHeight = 30;
const spacing = { across: 28, down: 44 };

interface Row {
  readonly kind: "value" | "tangent" | "adjoint";
  readonly label: string;
  readonly text: string;
}

/** Names of styles; both palettes are part of the picture, so that it follows the page around it. */
const style = `
  .page { fill: #ffffff } text { font: ${fontSize}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328 }
  .box { fill: #f6f8fa; stroke: #d0d7de } .input { fill: #eef4ff; stroke: #9dbdf2 } .result { fill: #eefaf1; stroke: #7cc795 }
  .name { font-weight: 700 } .label { fill: #6e7781 } .value { fill: #1f2328 } .tangent { fill: #0a5fd0 } .adjoint { fill: #b34700 }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.4 } .tip { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 }
    .box { fill: #161b22; stroke: #3d444d } .input { fill: #121d2f; stroke: #2f5ea8 } .result { fill: #11231a; stroke: #2d7d46 }
    .label { fill: #9198a1 } .value { fill: #e6edf3 } .tangent { fill: #79b8ff } .adjoint { fill: #ffa657 }
    .edge { stroke: #656c76 } .tip { fill: #656c76 }
  }`;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const widthOf = (text: string): number => Math.ceil([...text].length * charWidth);

const rounded = (x: number): string => String(Math.round(x * 10) / 10);

function rowsOf({ value, tangents, adjoint }: PrintedVariable): Row[] {
  const rows: Row[] = [
    { kind: "value", label: "value", text: value },
    ...tangents.map((text, i): Row => ({ kind: "tangent", label: `∂/∂x${i + 1}`, text })),
    { kind: "adjoint", label: "adjoint", text: adjoint },
  ];
  return rows.filter(({ text }) => text !== "");
}

const gap = "   ";

/**
 * SVG text, the same for the same graph. Colours follow the light or dark scheme of the page.
 * @param title for those who cannot see it
 */
export function graphSvg(roots: readonly Node[], options: PrintOptions, title: string): string {
  const variables = printedVariables(roots, options);
  const positions = new Map(variables.map(({ node }, i) => [node, i]));
  const edges = variables.flatMap(({ node }, to) =>
    [...new Set(node.inputs)].flatMap((input) => {
      const from = positions.get(input);
      return from === undefined ? [] : [[from, to] as const];
    }),
  );
  const boxes = variables.map((variable) => {
    const rows = rowsOf(variable);
    const labels = Math.max(0, ...rows.map(({ label }) => label.length));
    const heading = variable.expression ? `${variable.name} = ${variable.expression}` : variable.name;
    const texts = [heading, ...rows.map(({ text }) => `${" ".repeat(labels)}${gap}${text}`)];
    return {
      rows,
      labels,
      width: Math.max(...texts.map(widthOf)) + 2 * padding,
      height: (rows.length + 1) * lineHeight + 2 * padding - 6,
    };
  });
  const { places, routes, size } = layered(boxes, edges, spacing);
  const legend = legendOf(options.tangents?.length ?? 0);
  const legendWidth = widthOf(legend.map(([text]) => text).join(gap));
  const width = Math.ceil(Math.max(size.width, legendWidth) + 2 * margin);
  const height = Math.ceil(size.height + legendHeight + 2 * margin);
  const used = new Set(variables.flatMap(({ node }) => node.inputs));
  const shift = (width - size.width) / 2;
  const at = ({ x, y }: Point): Point => ({ x: x + shift, y: y + margin + legendHeight });
  const parts = variables.map((variable, i) => {
    const box = boxes[i];
    if (!box) return "";
    const { x, y } = at(places[i] ?? { x: 0, y: 0 });
    const kind = variable.expression === "" ? "input" : used.has(variable.node) ? "" : "result";
    return drawn(variable, box, x, y, kind);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text x="${margin}" y="${margin + 4}" xml:space="preserve">${legend.map(([text, kind]) => `<tspan class="${kind}">${escaped(text)}</tspan>`).join(gap)}</text>`,
    ...routes.map((route) => arrow(route.map(at))),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

const legendOf = (inputs: number): (readonly [text: string, kind: string])[] => [
  ["value: the trace", "value"],
  ...(inputs > 0
    ? [[`∂/∂xᵢ: forward mode, ${inputs === 1 ? "one pass" : `${inputs} passes`}`, "tangent"] as const]
    : []),
  ["adjoint: reverse mode, one sweep back", "adjoint"],
];

function drawn(
  { name, expression }: PrintedVariable,
  { rows, labels, width, height }: { rows: readonly Row[]; labels: number; width: number; height: number },
  x: number,
  y: number,
  kind: string,
): string {
  const line = (i: number): string => rounded(y + padding + 9 + i * lineHeight);
  const [textX, valueX] = [rounded(x + padding), rounded(x + padding + (labels + gap.length) * charWidth)];
  const heading = expression
    ? `<tspan class="name">${escaped(name)}</tspan> = ${escaped(expression)}`
    : `<tspan class="name">${escaped(name)}</tspan>`;
  return [
    `<rect class="box ${kind}" x="${rounded(x)}" y="${rounded(y)}" width="${width}" height="${height}" rx="${kind === "input" ? 16 : 7}"/>`,
    `<text x="${textX}" y="${line(0)}">${heading}</text>`,
    ...rows.map(
      (row, i) =>
        `<text x="${textX}" y="${line(i + 1)}" class="label">${escaped(row.label)}</text><text x="${valueX}" y="${line(i + 1)}" class="${row.kind}">${escaped(row.text)}</text>`,
    ),
  ].join("\n");
}

/** A curve through all points, upright where it begins and ends, with a tip. */
function arrow(points: readonly Point[]): string {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return "";
  const end = { x: last.x, y: last.y - 6 };
  let path = `M${rounded(first.x)} ${rounded(first.y)}`;
  let from = first;
  for (const to of [...points.slice(1, -1), end]) {
    const half = rounded((from.y + to.y) / 2);
    path += ` C${rounded(from.x)} ${half} ${rounded(to.x)} ${half} ${rounded(to.x)} ${rounded(to.y)}`;
    from = to;
  }
  const tip = `M${rounded(last.x)} ${rounded(last.y)} l-4 -8 h8 z`;
  return `<path class="edge" d="${path}"/><path class="tip" d="${tip}"/>`;
}

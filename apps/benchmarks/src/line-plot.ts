// Lines on logarithmic axes, side by side, as SVG: light or dark as the page around it.

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly across: string;
  readonly up: string;
  readonly series: readonly Series[];
}

const colors = ["#1f6feb", "#d1642e", "#2d8a57"];
const [plotWidth, plotHeight] = [250, 210];
const [left, right, top, bottom] = [62, 24, 58, 46];

const style = `
  .page { fill: #ffffff } text { font: 12px sans-serif; fill: #1f2328 } .title { font-size: 14px } .tick { font-size: 11px; fill: #59636e }
  .grid { stroke: #d8dee4 } .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3 } .tick { fill: #9198a1 } .grid { stroke: #2b323a } }`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Whole powers of `base` that hold all values between them. */
function powersAround(values: readonly number[], base: number): readonly [low: number, high: number] {
  const logs = values.filter((v) => v > 0).map((v) => Math.log(v) / Math.log(base));
  const [low, high] = [Math.floor(Math.min(...logs) + 1e-9), Math.ceil(Math.max(...logs) - 1e-9)];
  return [low, Math.max(high, low + 1)];
}

/** A logarithmic axis: where a value lies between 0 and 1, and the powers to mark. */
function axisOf(values: readonly number[]): { place: (v: number) => number; ticks: readonly [number, string][] } {
  const [smallest, largest] = [Math.min(...values.filter((v) => v > 0)), Math.max(...values)];
  const base = largest / smallest > 2000 ? 10 : 4;
  const [low, high] = powersAround(values, base);
  const stride = Math.ceil((high - low) / 6);
  const powers = Array.from({ length: Math.floor((high - low) / stride) + 1 }, (_, i) => low + i * stride);
  const name = (power: number): string =>
    base === 10 && Math.abs(power) > 3 ? `1e${power}` : String(Number((base ** power).toPrecision(3)));
  return {
    place: (v) => (Math.log(Math.max(v, base ** low)) / Math.log(base) - low) / (high - low),
    ticks: powers.map((power) => [base ** power, name(power)]),
  };
}

function drawn({ title, across, up, series }: Panel, offset: number): string {
  const points = series.flatMap((each) => each.points);
  const horizontal = axisOf(points.map(([x]) => x));
  const vertical = axisOf(points.map(([, y]) => y));
  const x = (value: number): string => (offset + left + horizontal.place(value) * plotWidth).toFixed(1);
  const y = (value: number): string => (top + (1 - vertical.place(value)) * plotHeight).toFixed(1);
  const [from, to, floor] = [offset + left, offset + left + plotWidth, top + plotHeight];
  const lines = [
    `<text class="title" x="${from}" y="22">${escaped(title)}</text>`,
    ...horizontal.ticks.map(
      ([value, name]) =>
        `<line class="grid" x1="${x(value)}" y1="${top}" x2="${x(value)}" y2="${floor}"/><text class="tick" x="${x(value)}" y="${floor + 16}" text-anchor="middle">${name}</text>`,
    ),
    ...vertical.ticks.map(
      ([value, name]) =>
        `<line class="grid" x1="${from}" y1="${y(value)}" x2="${to}" y2="${y(value)}"/><text class="tick" x="${from - 6}" y="${Number(y(value)) + 4}" text-anchor="end">${name}</text>`,
    ),
    `<text x="${(from + to) / 2}" y="${floor + 36}" text-anchor="middle">${escaped(across)}</text>`,
    `<text transform="translate(${offset + 16} ${top + plotHeight / 2}) rotate(-90)" text-anchor="middle">${escaped(up)}</text>`,
  ];
  let legend = from;
  for (const [i, { name, points: list }] of series.entries()) {
    const color = colors[i % colors.length];
    const path = list.map(([a, b]) => `${x(a)},${y(b)}`).join(" ");
    lines.push(
      `<polyline class="line" stroke="${color}" points="${path}"/>`,
      ...(list.length <= 12 ? list.map(([a, b]) => `<circle cx="${x(a)}" cy="${y(b)}" r="3" fill="${color}"/>`) : []),
      `<rect x="${legend}" y="34" width="10" height="10" rx="2" fill="${color}"/><text x="${legend + 15}" y="43">${escaped(name)}</text>`,
    );
    legend += 30 + name.length * 6.6;
  }
  return lines.join("\n");
}

/** @param title for those who cannot see it */
export function linePlot(title: string, panels: readonly Panel[]): string {
  const each = left + plotWidth + right;
  const [width, height] = [each * panels.length, top + plotHeight + bottom];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    ...panels.map((panel, i) => drawn(panel, i * each)),
    "</svg>",
    "",
  ].join("\n");
}

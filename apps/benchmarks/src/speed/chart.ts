// A picture of the times: for each workload, each framework's time over that of PyTorch's best setting, as SVG.
import { type FrameworkName, frameworkTitles } from "./configurations.ts";
import { type Benchmark, bestOf, rowsOf } from "./results.ts";
import type { WorkloadName } from "./specification.ts";

const colors: Readonly<Record<FrameworkName, string>> = {
  cotangent: "#1f6feb",
  torch: "#8b949e",
  jaxjs: "#e8a33d",
  tfjs: "#c4554d",
};
const drawn = ["cotangent", "jaxjs", "tfjs"] as const;

const [left, right, top, barHeight, gap] = [150, 70, 64, 12, 14];
const plotWidth = 560;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

interface Bar {
  readonly framework: FrameworkName;
  readonly ratio: number;
}

/** Bars on a logarithmic axis; shorter is faster, and the line at 1 is PyTorch. */
export function chart(benchmark: Benchmark, names: readonly WorkloadName[]): string {
  const groups = rowsOf(names).flatMap((row) => {
    const base = bestOf(benchmark, "torch", row);
    if (!base) return [];
    const bars = drawn.flatMap((framework): Bar[] => {
      const best = bestOf(benchmark, framework, row);
      return best ? [{ framework, ratio: best.summary.medianMs / base.summary.medianMs }] : [];
    });
    return bars.length > 0 ? [{ title: row.title, bars }] : [];
  });
  const ratios = groups.flatMap(({ bars }) => bars.map(({ ratio }) => ratio));
  const low = Math.floor(Math.log10(Math.min(0.1, ...ratios)));
  const high = Math.ceil(Math.log10(Math.max(10, ...ratios)));
  const place = (ratio: number): number => left + (plotWidth * (Math.log10(ratio) - low)) / (high - low);

  const parts: string[] = [];
  let y = top;
  for (const { title, bars } of groups) {
    const height = bars.length * barHeight;
    parts.push(`<text x="${left - 10}" y="${y + height / 2 + 4}" text-anchor="end">${escaped(title)}</text>`);
    for (const { framework, ratio } of bars) {
      const end = place(ratio);
      parts.push(
        `<rect x="${left}" y="${y + 1}" width="${Math.max(1, end - left).toFixed(1)}" height="${barHeight - 2}" fill="${colors[framework]}"/>`,
        `<text x="${(end + 4).toFixed(1)}" y="${y + barHeight - 2}" class="value">${Number(ratio.toPrecision(2))}</text>`,
      );
      y += barHeight;
    }
    y += gap;
  }
  const bottom = y;
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i).map((power) => {
    const x = place(10 ** power).toFixed(1);
    const style = power === 0 ? 'stroke="#57606a" stroke-width="1.5"' : 'stroke="#d0d7de"';
    return `<line x1="${x}" y1="${top - 6}" x2="${x}" y2="${bottom}" ${style}/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${10 ** power}</text>`;
  });
  const legend = drawn.map((framework, i) => {
    const x = left + i * 130;
    return `<rect x="${x}" y="36" width="10" height="10" fill="${colors[framework]}"/><text x="${x + 16}" y="45">${frameworkTitles[framework]}</text>`;
  });
  const [width, height] = [left + plotWidth + right, bottom + 30];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#24292f">`,
    "<title>Time of a step over that of PyTorch</title>",
    "<style>.value { font-size: 10px; fill: #57606a }</style>",
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${left}" y="22" font-size="14">Time of a step over that of PyTorch (the line at 1); shorter is faster</text>`,
    ...legend,
    ...ticks,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

// A picture of the loss over the steps of a training.
import { createRequire } from "node:module";
import { createCanvas, GlobalFonts, type SKRSContext2D } from "@napi-rs/canvas";
import { scaleLinear, scaleLog } from "d3-scale";

const [width, height, margin] = [960, 540, { top: 56, right: 28, bottom: 56, left: 76 }];

/**
 * The losses of all steps as a PNG: pale as they are, strong when smoothed; the loss on a logarithmic axis.
 * @param stepsPerEpoch where to draw the lines between epochs
 */
export function drawLossCurve(title: string, losses: readonly number[], stepsPerEpoch: number): Uint8Array {
  GlobalFonts.registerFromPath(
    createRequire(import.meta.url).resolve("@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff2"),
    "Loss Curve",
  );
  const canvas = createCanvas(width, height);
  const pen = canvas.getContext("2d");
  const shown = losses.map((loss) => (Number.isFinite(loss) ? Math.max(loss, 1e-6) : 1e6));
  const x = scaleLinear([1, Math.max(2, losses.length)], [margin.left, width - margin.right]);
  const y = scaleLog([0.9 * Math.min(...shown), 1.1 * Math.max(...shown)], [height - margin.bottom, margin.top]);

  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#222";
  pen.textBaseline = "middle";
  text(pen, title, 20, width / 2, margin.top / 2, "center");
  text(pen, "step", 15, width / 2, height - 16, "center");
  for (const tick of x.ticks(8).filter(Number.isInteger))
    text(pen, tick.toLocaleString("en"), 13, x(tick), height - margin.bottom + 18, "center");
  const label = y.tickFormat(10, "~g");
  for (const tick of y.ticks(10)) {
    line(pen, [[margin.left, y(tick)], [width - margin.right, y(tick)]], "#e6e6e6", 1); // biome-ignore format: a line
    text(pen, label(tick), 13, margin.left - 10, y(tick), "right");
  }
  pen.save();
  pen.translate(20, height / 2);
  pen.rotate(-Math.PI / 2);
  text(pen, "training loss", 15, 0, 0, "center");
  pen.restore();

  for (let step = stepsPerEpoch; step < losses.length; step += stepsPerEpoch)
    line(
      pen,
      [
        [x(step), margin.top],
        [x(step), height - margin.bottom],
      ],
      "#bbbbbb",
      1,
    );
  line(
    pen,
    shown.map((loss, i) => [x(i + 1), y(loss)]),
    "#a9c9e8",
    1,
  );
  line(
    pen,
    smooth(shown).map((loss, i) => [x(i + 1), y(loss)]),
    "#0057a8",
    2.5,
  );
  return canvas.toBuffer("image/png");
}

/** An exponential moving average of about 50 values, without the bias of its start. */
function smooth(values: readonly number[]): number[] {
  const keep = 0.96;
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

function line(pen: SKRSContext2D, points: readonly (readonly number[])[], color: string, thickness: number): void {
  pen.beginPath();
  for (const [x, y] of points) pen.lineTo(x ?? 0, y ?? 0);
  pen.strokeStyle = color;
  pen.lineWidth = thickness;
  pen.lineJoin = "round";
  pen.stroke();
}

function text(pen: SKRSContext2D, words: string, size: number, x: number, y: number, align: "center" | "right"): void {
  pen.font = `${size}px "Loss Curve"`;
  pen.textAlign = align;
  pen.fillText(words, x, y);
}

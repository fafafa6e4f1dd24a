import { createCanvas, loadImage } from "@napi-rs/canvas";
import { expect, test } from "vitest";
import { drawLossCurve } from "./loss-curve.ts";

/** How many pixels of the picture are of the colour of the smoothed curve, by column. */
async function curveColumns(png: Uint8Array): Promise<number[]> {
  const image = await loadImage(png);
  const pen = createCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  return Array.from({ length: image.width }, (_, x) => {
    let count = 0;
    for (let y = 0; y < image.height; y++) {
      const at = 4 * (y * image.width + x);
      if (data[at] === 0x00 && data[at + 1] === 0x57 && data[at + 2] === 0xa8) count++;
    }
    return count;
  });
}

test("drawLossCurve draws a curve from the left to the right axis", async () => {
  const losses = Array.from({ length: 500 }, (_, i) => 2.3 / (1 + i / 50));
  const columns = await curveColumns(drawLossCurve("loss", losses, 100));
  expect(columns).toHaveLength(960);
  const drawn = columns.flatMap((count, x) => (count > 0 ? [x] : []));
  expect(Math.min(...drawn)).toBeLessThan(85);
  expect(Math.max(...drawn)).toBeGreaterThan(925);
  expect(drawn.length).toBeGreaterThan(800);
});

test("drawLossCurve takes a single step, and losses that are zero or not finite", () => {
  for (const losses of [[2.3], [0, 0], [1, Number.NaN, Number.POSITIVE_INFINITY]])
    expect([...drawLossCurve("loss", losses, 1).subarray(1, 4)]).toEqual([..."PNG"].map((c) => c.charCodeAt(0)));
});

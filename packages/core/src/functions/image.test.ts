// Images at other resolutions by a factor, against PyTorch 1.13.
import { expect, test } from "vitest";
import * as ct from "../index.ts";
import { near, sawtooth } from "../testing/flat-values.ts";
import { gradcheck } from "../testing/gradcheck.ts";

const { interpolate } = ct;

test.each([
  [
    "nearest",
    1.7,
    [-1.1, -1.1, -0.73, -0.73, -0.36, -0.36, 0.01, 0.38, 0.75, 0.75, 1.12, 1.12, -0.81, -0.81, -0.44, -0.07],
  ],
  ["nearest", 0.5, [-1.1, -0.36, 0.75, -0.81]],
  ["nearest", 1.1, [-1.1, -1.1, -0.73, -0.36, 0.01, 0.75, 0.75, 1.12, -0.81, -0.44]],
  [
    "linear",
    1.7,
    [
      -1.1, -0.95852941, -0.74088235, -0.52323529, -0.30558824, -0.08794118, 0.12970588, 0.34735294, 0.75, 0.89147059,
      1.10911765, 0.04147059, -0.75558824, -0.53794118, -0.32029412, -0.10264706,
    ],
  ],
  ["linear", 0.5, [-0.915, -0.175, 0.935, -0.625]],
  ["linear", 1.1, [-1.1, -0.73, -0.36, 0.01, 0.38, 0.75, 1.12, -0.81, -0.44, -0.07]],
] as const)("%s by %s", async (mode, scaleFactor, expected) => {
  await near(interpolate(sawtooth([1, 2, 5]), { scaleFactor, mode }), expected);
});

test("cubic by a factor for each axis", async () => {
  const x = sawtooth([1, 1, 3, 3]);
  const scaleFactor = [1.5, 1.1];
  await near(
    interpolate(x, { scaleFactor, mode: "cubic" }),
    [
      -1.20784717, -0.89711041, -0.52050823, -0.66725328, -0.15898009, 0.24886321, 0.26442011, 0.27275541, 0.60153168,
      1.02966188, -0.46425522, -0.37306577,
    ],
  );
  await near(
    interpolate(x, { scaleFactor, mode: "cubic", alignCorners: true }),
    [-1.1, -0.73, -0.36, -0.46277778, 0.16277778, 0.53277778, 0.48277778, 0.1287037, 0.4987037, 1.12, -0.81, -0.44],
  );
  await gradcheck((y) => interpolate(y, { scaleFactor, mode: "cubic" }), [x]);
});

test("errors", () => {
  expect(() => interpolate(ct.zeros([1, 1, 2]), {})).toThrow(
    "expected either a size or a scaleFactor, got both or none",
  );
  expect(() => interpolate(ct.zeros([1, 1, 2]), { size: 2, scaleFactor: 2 })).toThrow("got both or none");
  expect(() => interpolate(ct.zeros([1, 1, 2]), { scaleFactor: 0.3 })).toThrow("leaves a cell of [2], got 0.3");
  expect(() => interpolate(ct.zeros([1, 1, 2]), { scaleFactor: [2, 2] })).toThrow("for each of 1 axes");
});

// Spectra of frames and their windows, against PyTorch's and back again.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { hammingWindow, hannWindow, istft, stft, tensor, zeros } = ct;

interface Spectrogram {
  readonly options: Omit<ct.StftOptions, "window"> & { readonly window?: string };
  readonly result: number[];
  readonly values: number[];
}
const { stft: spectrograms, windows }: { stft: Spectrogram[]; windows: Record<string, number[]> } = JSON.parse(
  readFileSync(new URL("../testing/fixtures/spectrograms.json", import.meta.url), "utf8"),
);

const values = (x: ct.Tensor): number[] => [...x.dataSync()];
const expectClose = (actual: ct.Tensor, expected: readonly number[], digits = 10): void => {
  expect(actual.size).toBe(expected.length);
  for (const [i, x] of values(actual).entries()) expect(x).toBeCloseTo(expected[i] ?? Number.NaN, digits);
};

const makers = {
  hann: ct.hannWindow,
  hamming: ct.hammingWindow,
  blackman: ct.blackmanWindow,
  bartlett: ct.bartlettWindow,
  kaiser: ct.kaiserWindow,
};

describe("windows", () => {
  test.each(Object.entries(windows))("%s as PyTorch 1.13", (key, expected) => {
    const [name, n, periodic] = key.split(" ");
    const make = Object.entries(makers).find(([each]) => each === name)?.[1];
    const window = make?.(Number(n), { periodic: periodic === "true", dtype: "float64" });
    expectClose(window ?? zeros([0]), expected);
  });
  test("of no length, of float32, and errors", () => {
    expect(hannWindow(0).shape).toEqual([0]);
    expect(hannWindow(3).dtype).toBe("float32");
    expect(() => hannWindow(-1)).toThrow("hannWindow: expected a whole length of at least 0, got -1");
  });
});

describe("stft", () => {
  const data = Float64Array.from({ length: 40 }, (_, i) => Number((Math.sin(1.3 * i + 0.4) + 0.1 * i).toFixed(6)));
  const signal = tensor(data, { shape: [2, 20] });
  const named = {
    hann: hannWindow(8, { dtype: "float64" }),
    hamming5: hammingWindow(5, { dtype: "float64" }),
  };
  const optionsOf = ({ window, ...options }: Spectrogram["options"]): ct.StftOptions => {
    const found = Object.entries(named).find(([name]) => name === window)?.[1];
    return found ? { ...options, window: found } : options;
  };

  test.each(spectrograms.map((each) => [JSON.stringify(each.options), each] as const))(
    "%s as PyTorch 1.13",
    (_, each) => {
      const options = optionsOf(each.options);
      const y = stft(signal, 8, options);
      expect(y.shape).toEqual([...each.result]);
      expectClose(y, each.values);
      expectClose(stft(ct.select(signal, 0, 0), 8, options), each.values.slice(0, each.values.length / 2));
    },
  );

  test.each([
    ["as it is", 8, {}],
    ["with a window", 8, { window: named.hann, hopLength: 2 }],
    ["with a short window", 8, { window: named.hamming5, winLength: 5, hopLength: 2, normalized: true }],
    ["with both sides", 9, { onesided: false, hopLength: 4 }],
    ["from the first sample on", 8, { center: false, hopLength: 4 }],
  ] as const)("istft turns it back, %s", (_, n, options) => {
    expectClose(istft(stft(signal, n, options), n, { ...options, length: 20 }), [...data]);
  });

  test("istft has the length that is asked for", () => {
    const y = stft(signal, 8);
    expect(istft(y, 8).shape).toEqual([2, 20]);
    expectClose(istft(y, 8, { length: 5 }), [...data.slice(0, 5), ...data.slice(20, 25)]);
    expect(values(istft(y, 8, { length: 30 })).slice(28, 30)).toEqual([0, 0]);
  });

  test("derivatives", async () => {
    const x = seededValues([12], { dtype: "float64" });
    const window = hannWindow(4, { dtype: "float64" });
    await gradcheck((s, w) => stft(s, 4, { window: w }), [x, window], { order: 2 });
    await gradcheck((y, w) => istft(y, 4, { window: w, hopLength: 1 }), [stft(x, 4, { hopLength: 1 }), window]);
  });

  test("errors", () => {
    expect(() => stft(zeros([2, 2, 2]), 4)).toThrow("stft: expected a signal [L] or [B, L], got [2, 2, 2]");
    expect(() => stft(zeros([5]), 8, { center: false })).toThrow("stft: expected at least 8 samples, got 5");
    expect(() => stft(zeros([9]), 4, { winLength: 5 })).toThrow("stft: expected a winLength of at most 4, got 5");
    expect(() => stft(zeros([9]), 4, { window: zeros([3]) })).toThrow("stft: expected a window [4], got [3]");
    expect(() => istft(zeros([8, 3, 2]), 16)).toThrow("istft: expected 9 frequencies, got 8");
    expect(() => istft(zeros([9, 0, 2]), 16)).toThrow("istft: expected at least one frame, got none");
    expect(() => istft(zeros([9, 2]), 16)).toThrow("istft: expected pairs [F, T, 2] or [B, F, T, 2], got [9, 2]");
  });
});

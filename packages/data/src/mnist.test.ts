import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ArgumentError, IndexError, type Tensor } from "@cotangent/core";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { DataLoader } from "./loader.ts";
import { fashionMnist, fashionMnistClasses, mnist, mnistClasses } from "./mnist.ts";

const imageFile = (count: number, height = 28, width = 28): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, height, 0, 0, 0, width),
    Uint8Array.from({ length: count * height * width }, (_, i) => i % 256),
  ]);
const labelFile = (...labels: number[]): Uint8Array => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, labels.length, ...labels);

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "cotangent-mnist-"));
});
afterEach(() => rm(dir, { recursive: true }));

const put = (name: string, bytes: Uint8Array): Promise<void> => writeFile(join(dir, name), bytes);

describe("mnist", () => {
  test("reads all of MNIST from the npm package", { timeout: 30_000 }, async () => {
    const [train, test] = await Promise.all([mnist("train"), mnist("test")]);
    expect([train.length, test.length]).toEqual([60_000, 10_000]);
    const { label } = train.batch([0, 1, 2, 3, 59_999]);
    expect([...(await label.data())]).toEqual([5, 0, 4, 1, 8]);
    expect(label.dtype).toBe("int32");
    expect([...(await test.batch([0, 9999]).label.data())]).toEqual([7, 6]);

    // The mean and standard deviation of the training set are 0 and 1 after normalization.
    let [sum, squares, count] = [0, 0, 0];
    for await (const { image } of new DataLoader(train, { batchSize: 10_000 })) {
      const pixels = await image.data();
      for (let i = 0; i < pixels.length; i++) {
        const pixel = pixels[i] ?? 0;
        sum += pixel;
        squares += pixel * pixel;
      }
      count += pixels.length;
    }
    expect(count).toBe(60_000 * 784);
    expect(Math.abs(sum / count)).toBeLessThan(1e-3);
    expect(Math.abs(squares / count - 1)).toBeLessThan(1e-3);
  });

  test("has flat images, or images with a channel", async () => {
    const flat = (await mnist("test")).batch([0, 1]).image;
    const square = (await mnist("test", { flatten: false })).batch([0, 1]).image;
    expectTypeOf(flat).toEqualTypeOf<Tensor<[number, 784]>>();
    expectTypeOf(square).toEqualTypeOf<Tensor<[number, 1, 28, 28]>>();
    expect([flat.shape, square.shape]).toEqual([
      [2, 784],
      [2, 1, 28, 28],
    ]);
    expect(await square.data()).toEqual(await flat.data());
  });

  test("normalizes as told", async () => {
    await put("t10k-images-idx3-ubyte", imageFile(1));
    await put("t10k-labels-idx1-ubyte", labelFile(3));
    const pixels = async (normalize: boolean | { mean: number; std: number }) =>
      (await (await mnist("test", { dir, normalize })).get(0).image.data()).subarray(0, 256);
    expect((await pixels(false))[255]).toBe(1);
    expect((await pixels(false))[51]).toBeCloseTo(0.2, 6);
    expect((await pixels(true))[0]).toBeCloseTo(-0.1307 / 0.3081, 5);
    expect((await pixels({ mean: 0.5, std: 0.5 }))[0]).toBe(-1);
  });

  test("refuses unknown splits and options", async () => {
    // @ts-expect-error: MNIST has no such split
    await expect(mnist("validation")).rejects.toThrow(ArgumentError);
    // @ts-expect-error: no such option
    await expect(mnist("test", { folder: "x" })).rejects.toThrow(/folder/);
    await expect(mnist("test", { normalize: { mean: 0, std: 0 } })).rejects.toThrow(/normalize/);
  });

  test("has names for its classes", () => {
    expect([mnistClasses.length, fashionMnistClasses.length]).toEqual([10, 10]);
  });
});

describe("a folder of files", () => {
  test("may have them gzipped, and under both customary names", async () => {
    await put("train-images-idx3-ubyte.gz", gzipSync(imageFile(2)));
    await put("train-labels.idx1-ubyte", labelFile(9, 0));
    const dataset = await fashionMnist("train", { dir });
    expect(dataset.length).toBe(2);
    expect([...(await dataset.batch([0, 1]).label.data())]).toEqual([9, 0]);
  });

  test("must exist and have the files", async () => {
    await expect(fashionMnist("train", { dir: join(dir, "none") })).rejects.toThrow(ArgumentError);
    await expect(fashionMnist("train", { dir: join(dir, "none") })).rejects.toThrow(/none, which cannot be read/);
    await expect(mnist("test", { dir })).rejects.toThrow(/expected t10k-images-idx3-ubyte or .* got none of them/);
    // @ts-expect-error: there is no package to take them from
    await expect(fashionMnist("train")).rejects.toThrow(/expected dir/);
  });

  test.each([
    ["truncated images", imageFile(2).subarray(0, 1000), labelFile(1, 2), /t10k-images.*expected 1584 bytes.*got 1000/],
    ["truncated labels", imageFile(2), labelFile(1, 2).subarray(0, 9), /t10k-labels.*expected 10 bytes.*got 9/],
    [
      "more labels than images",
      imageFile(2),
      labelFile(1, 2, 3),
      /as many labels as images, got uint8 \[2, 28, 28\].*\[3\]/,
    ],
    ["no images", imageFile(0), labelFile(), /as many labels as images/],
    [
      "images of another size",
      imageFile(2, 32, 32),
      labelFile(1, 2),
      /expected uint8 \[n, 28, 28\], got uint8 \[2, 32, 32\]/,
    ],
    ["labels in place of images", labelFile(1, 2), labelFile(1, 2), /expected uint8 \[n, 28, 28\]/],
    ["images in place of labels", imageFile(1), imageFile(1), /expected uint8 \[n\]/],
  ])("refuses %s", async (_, images, labels, message) => {
    await put("t10k-images-idx3-ubyte", images);
    await put("t10k-labels-idx1-ubyte", labels);
    await expect(mnist("test", { dir })).rejects.toThrow(ArgumentError);
    await expect(mnist("test", { dir })).rejects.toThrow(message);
  });

  test("refuses labels out of range", async () => {
    await put("t10k-images-idx3-ubyte", imageFile(2));
    await put("t10k-labels-idx1-ubyte", labelFile(9, 10));
    await expect(mnist("test", { dir })).rejects.toThrow(IndexError);
    await expect(mnist("test", { dir })).rejects.toThrow(/labels from 0 to 9, got 10 at 1/);
  });
});

import { tmpdir } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parseOptions } from "./options.ts";

const parse = (...words: string[]) => parseOptions(["node", "mnist.ts", ...words]);

afterEach(() => vi.restoreAllMocks());

/** What the program writes to standard error, and the status with which it ends. */
function failure(...words: string[]): { message: string; status: unknown } {
  let message = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    message += String(text);
    return true;
  });
  const exit = vi.spyOn(process, "exit").mockImplementation(() => {
    throw new Error("exit");
  });
  expect(() => parse(...words)).toThrow("exit");
  return { message, status: exit.mock.calls[0]?.[0] };
}

describe("parseOptions", () => {
  test("has defaults for everything", () => {
    expect(parse()).toEqual({
      model: "mlp",
      dataset: "mnist",
      epochs: 5,
      batchSize: 128,
      lr: 0.002,
      optimizer: "adam",
      seed: 0,
      device: "wasm",
      out: "runs/mnist-mlp",
      json: false,
    });
  });

  test("adapts defaults to the model and the optimizer, but not what is given", () => {
    expect(parse("--model", "cnn", "--optimizer", "sgd")).toMatchObject({ epochs: 3, lr: 0.1, out: "runs/mnist-cnn" });
    expect(parse("--model", "cnn", "--epochs", "1", "--lr", "1e-4", "--out=x")).toMatchObject({
      epochs: 1,
      lr: 1e-4,
      out: "x",
    });
  });

  test("reads every option", () => {
    const words = `--model cnn --dataset fashion --data-dir ${tmpdir()} --epochs 2 --batch-size 64 --lr 0.5 --optimizer adamw
      --seed 7 --device reference --out ${tmpdir()}/new/folder --limit 100 --json`;
    expect(parse(...words.split(/\s+/))).toEqual({
      model: "cnn",
      dataset: "fashion",
      dataDir: tmpdir(),
      epochs: 2,
      batchSize: 64,
      lr: 0.5,
      optimizer: "adamw",
      seed: 7,
      device: "reference",
      out: `${tmpdir()}/new/folder`,
      limit: 100,
      json: true,
    });
  });

  test.each([
    [["--modle", "mlp"], /unknown option '--modle'/],
    [["--model", "vgg"], /'vgg' is invalid.*mlp, cnn/],
    [["--optimizer", "lion"], /sgd, adam, adamw/],
    [["--epochs", "0"], /--epochs: expected .*>=1, got '0'/],
    [["--epochs", "2.5"], /--epochs: expected int, got '2\.5'/],
    [["--epochs"], /argument missing/],
    [["--batch-size", "many"], /--batch-size: expected number, got 'many'/],
    [["--batch-size", ""], /--batch-size: expected/],
    [["--lr", "-1"], /--lr: expected .*>0, got '-1'/],
    [["--lr", "Infinity"], /--lr: expected/],
    [["--seed", "-1"], /--seed: expected/],
    [["--device", "abacus"], /--device: expected one of .*wasm.*, got 'abacus'/],
    [["--data-dir", "/no/such/folder"], /--data-dir: expected a folder that exists, got '\/no\/such\/folder'/],
    [["--dataset", "fashion"], /--data-dir: expected the folder of Fashion-MNIST.*, got none/],
    [["--out", import.meta.filename], /--out: expected a folder/],
    [["--limit", "0"], /--limit: expected/],
    [["extra"], /too many arguments/],
  ])("refuses %s", (words, message) => {
    const result = failure(...words);
    expect(result.message).toMatch(message);
    expect(result.status).toBe(1);
  });
});

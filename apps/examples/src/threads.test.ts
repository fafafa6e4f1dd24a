// Training gives the same bits for any number of threads, and the process ends by itself.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = `
  import { createHash } from "node:crypto";
  import { manualSeed, randn, tensor } from "@cotangent/core";
  import { Conv2d, crossEntropy, Flatten, LayerNorm, Linear, MaxPool2d, ReLU, Sequential } from "@cotangent/nn";
  import { Adam } from "@cotangent/optim";
  const models = [
    [[128, 784], () => new Sequential(new Linear(784, 256), new ReLU(), new LayerNorm(256), new Linear(256, 10))],
    [[32, 1, 28, 28], () => new Sequential(new Conv2d(1, 16, 5), new ReLU(), new MaxPool2d(2), new Conv2d(16, 32, 3), new ReLU(), new Flatten(), new Linear(3200, 10))],
  ];
  for (const [shape, make] of models) {
    manualSeed(7);
    const model = make();
    const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
    const labels = tensor(Array.from({ length: shape[0] }, (_, i) => (7 * i) % 10), { dtype: "int32" });
    const hash = createHash("sha256");
    for (let step = 0; step < 50; step++) {
      optimizer.zeroGrad();
      const loss = crossEntropy(model.forward(randn(shape)), labels);
      loss.backward();
      optimizer.step();
      hash.update(String(await loss.item()));
    }
    for (const parameter of model.parameters()) hash.update(new Uint8Array((await parameter.data()).buffer));
    console.log(hash.digest("hex"));
  }`;

function train(threads: number): string {
  const printed = execFileSync(
    process.execPath,
    ["--conditions=@cotangent/source", "--input-type=module", "-e", program],
    {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      env: { ...process.env, COTANGENT_THREADS: String(threads) },
      timeout: 60_000,
    },
  );
  return printed.toString();
}

test("50 steps of training give the same bits with 1, 2, 3 and 4 threads", { timeout: 120_000 }, () => {
  const one = train(1);
  expect(one).toMatch(/^[0-9a-f]{64}\n[0-9a-f]{64}\n$/);
  for (const threads of [2, 3, 4]) expect(train(threads), `${threads} threads`).toBe(one);
});

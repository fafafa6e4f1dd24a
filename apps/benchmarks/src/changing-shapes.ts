// Training steps of which no two have the same shapes, with the memory that they take. Run on its own by the tests; prints JSON.
// Usage: tsx changing-shapes.ts STEPS
import { readFileSync } from "node:fs";
import { engineStatistics, randn, scaledDotProductAttention, type Tensor, tensor } from "@cotangent/core";
import { Conv2d, crossEntropy, Linear, MaxPool2d } from "@cotangent/nn";
import { Adam } from "@cotangent/optim";
import { countLive } from "./live-bytes.ts";

export interface MemoryReading {
  readonly step: number;
  readonly residentBytes: number;
  /** Of it, machine code that was made at run time; null where the system doesn't tell. */
  readonly codeBytes: number | null;
  readonly plansCompiled: number;
  readonly plansCached: number;
}

export interface MemoryReport {
  readonly readings: readonly MemoryReading[];
  /** Objects that are alive, counted after full collections: every 1,000 steps. */
  readonly liveBytes: readonly number[];
}

const steps = Number(process.argv[2] ?? "3000");
const [readEvery, collectEvery] = [250, 1000];

const hidden = new Linear(64, 96);
const output = new Linear(96, 10);
const conv = new Conv2d(16, 16, 3, { padding: 1 });
const pool = new MaxPool2d(2);
const head = new Linear(16, 10);
const optimizer = new Adam([hidden, output, conv, head].flatMap((layer) => layer.parameters()));

const labels = (count: number): Tensor => tensor(Int32Array.from({ length: count }, (_, i) => i % 10));

/** Losses of the nth batch: one of another size, of other sequences, of other images. */
const losses: readonly ((n: number) => Tensor)[] = [
  (n) => crossEntropy(output.forward(hidden.forward(randn([1 + n, 64])).relu()), labels(1 + n)),
  (n) => {
    const [batch, tokens] = [1 + Math.floor(n / 125), 3 + (n % 125)];
    const x = hidden.forward(randn([batch, tokens, 64]));
    const heads = x.reshape([batch, tokens, 6, 16]).permute([0, 2, 1, 3]);
    const y = scaledDotProductAttention(heads, heads, heads, { causal: true }).permute([0, 2, 1, 3]);
    return crossEntropy(output.forward(y.reshape([batch, tokens, 96]).mean({ axis: 1 })), labels(batch));
  },
  (n) => {
    const [height, width] = [4 + (n % 29), 4 + Math.floor(n / 29)];
    const y = pool.forward(conv.forward(randn([4, 16, height, width])).relu());
    return crossEntropy(head.forward(y.mean({ axis: [2, 3] })), labels(4));
  },
];

/** Mappings that code may run in and that no file stands behind. */
function codeBytes(): number | null {
  if (process.platform !== "linux") return null;
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const kilobytes = mappings
    .filter((text) => /^\S+ ..x. \S+ \S+ 0\s/.test(text))
    .map((text) => Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0));
  return 1024 * kilobytes.reduce((sum, each) => sum + each, 0);
}

const readings: MemoryReading[] = [];
const liveBytes: number[] = [];
for (let i = 0; i < steps; i++) {
  optimizer.zeroGrad();
  const loss = losses[i % losses.length]?.(Math.floor(i / losses.length));
  loss?.backward();
  optimizer.step();
  await loss?.item();
  const step = i + 1;
  if (step % readEvery === 0) {
    const { plansCompiled, plansCached } = engineStatistics();
    readings.push({
      step,
      residentBytes: process.memoryUsage.rss(),
      codeBytes: codeBytes(),
      plansCompiled,
      plansCached,
    });
  }
  if (step % collectEvery === 0) liveBytes.push(await countLive());
}
const report: MemoryReport = { readings, liveBytes };
console.log(JSON.stringify(report));

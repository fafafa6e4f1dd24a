// What the machine can do at most: fused multiply-adds per second, and bytes moved to and from memory per second.
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { chainCounts, flopsPerTurn, peakModule } from "./peak-module.ts";

export interface Peak {
  readonly threads: number;
  readonly gflops: number;
  /** Bytes read and written by z ← x + a·y on arrays far larger than the caches. */
  readonly gigabytesPerSecond: number;
}

const arrayBytes = 48 << 20;
const turns = 1_000_000;

/** What one thread measures; it is turned into text and run in workers as well, so that it may use nothing from outside. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { code, arrayBytes, turns, seconds, chainCounts } = workerData;
  const memory = new WebAssembly.Memory({ initial: 1 + (3 * arrayBytes) / 65536 });
  const { triad, ...arithmetic } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } }).exports;
  new Float32Array(memory.buffer).fill(0.5);
  const best = (run) => {
    let least = Infinity;
    const end = performance.now() + 1000 * seconds;
    do {
      const start = performance.now();
      run();
      least = Math.min(least, performance.now() - start);
    } while (performance.now() < end);
    return least;
  };
  parentPort.once("message", () => {
    const arithmeticMs = chainCounts.map((chains) => best(() => arithmetic["arithmetic" + chains](turns)));
    const triadMs = best(() => triad(arrayBytes, 65536, 65536 + arrayBytes, 65536 + 2 * arrayBytes));
    parentPort.postMessage({ arithmeticMs, triadMs });
  });
  parentPort.postMessage(null);
`;

interface Times {
  /** For each number of chains. */
  readonly arithmeticMs: readonly number[];
  readonly triadMs: number;
}

const isTimes = (message: unknown): message is Times =>
  typeof message === "object" && message !== null && "arithmeticMs" in message && "triadMs" in message;

const relaxedSimd = (): boolean => WebAssembly.validate(peakModule(true));

/** All threads measure at once; the peak is the sum of what each reaches. */
export async function measurePeaks(threads: number, seconds = 0.7): Promise<Peak> {
  // Pairs of 128-bit operations become one of 256 bits where V8 can do it.
  setFlagsFromString("--experimental-wasm-revectorize");
  const code = peakModule(relaxedSimd());
  const workers = Array.from(
    { length: threads },
    () => new Worker(program, { eval: true, workerData: { code, arrayBytes, turns, seconds, chainCounts } }),
  );
  try {
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("message", resolve))));
    const times = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<Times>((resolve, reject) => {
            worker.once("error", reject);
            worker.once("message", (message: unknown) => {
              if (isTimes(message)) resolve(message);
              else reject(new TypeError("expected the times of a thread"));
            });
            worker.postMessage("start");
          }),
      ),
    );
    const sum = (rate: (times: Times) => number): number => times.reduce((total, one) => total + rate(one), 0);
    return {
      threads,
      gflops: Math.max(
        ...chainCounts.map((chains, i) =>
          sum(({ arithmeticMs }) => (turns * flopsPerTurn(chains)) / (arithmeticMs[i] ?? Number.NaN) / 1e6),
        ),
      ),
      gigabytesPerSecond: sum(({ triadMs }) => (3 * arrayBytes) / triadMs / 1e6),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

// A page that trains, and tells what the test wants to know of it.
import { answer } from "./answer.ts";
import { train } from "./training.ts";

export interface Trained {
  readonly losses: readonly number[];
  readonly isolated: boolean;
  /** Worker threads that the page started, and how many parts of kernels they have done. */
  readonly workers: number;
  readonly claims: number;
}

/** Workers share one array with the page, which the first message tells them; see core's thread-protocol.ts for what stands where. */
const [firstWorker, cellsPerWorker] = [192, 32];
const shared: { cells: Int32Array; index: number }[] = [];
let workers = 0;

class ObservedWorker extends Worker {
  constructor(address: string | URL, options?: WorkerOptions) {
    super(address, options);
    workers++;
  }
  override postMessage(message: unknown): void {
    if (typeof message === "object" && message !== null && "cells" in message && "index" in message) {
      const { cells, index } = message;
      if (cells instanceof SharedArrayBuffer) shared.push({ cells: new Int32Array(cells), index: Number(index) });
    }
    super.postMessage(message);
  }
}
globalThis.Worker = ObservedWorker;

const claimed = (): number =>
  shared.reduce((sum, { cells, index }) => sum + Atomics.load(cells, firstWorker + cellsPerWorker * index + 1), 0);

await answer(async (): Promise<Trained> => {
  const query = new URLSearchParams(location.search);
  const losses = await train(Number(query.get("steps")));
  // Workers take a while to start, and longer on a busy machine.
  const end = performance.now() + Number(query.get("patience")) * 1000;
  while (claimed() === 0 && performance.now() < end) await train(1);
  return { losses, isolated: crossOriginIsolated, workers, claims: claimed() };
});

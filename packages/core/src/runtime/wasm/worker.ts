// Starts a thread: Node's worker_threads, or a Web Worker.
import { isNode } from "./thread-count.ts";
import { type ToWorker, workerSource } from "./thread-protocol.ts";

export interface WorkerHandle {
  post(message: ToWorker): void;
  stop(): void;
}

/**
 * `onEnd` is called when the thread is gone, whatever the reason. It does not keep the process alive. Null where threads
 * are forbidden: by Node's permissions, or by a page's policy.
 */
export function startWorker(onEnd: () => void): WorkerHandle | null {
  try {
    return isNode() ? startNodeWorker(onEnd) : startWebWorker(onEnd);
  } catch {
    return null;
  }
}

function startNodeWorker(onEnd: () => void): WorkerHandle {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  // Without the flags of this process: loaders of TypeScript and the like are of no use there.
  const worker = new Worker(workerSource, { eval: true, execArgv: [], name: "cotangent" });
  worker.on("error", onEnd);
  worker.on("exit", onEnd);
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    stop: () => {
      void worker.terminate();
    },
  };
}

function startWebWorker(onEnd: () => void): WorkerHandle {
  const address = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  const worker = new Worker(address, { name: "cotangent" });
  worker.addEventListener("error", onEnd);
  return {
    post: (message) => worker.postMessage(message),
    stop: () => worker.terminate(),
  };
}

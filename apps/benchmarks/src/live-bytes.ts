// How much of V8's heap is alive. Needs --expose-gc.

/** Counted after full collections, with turns of the event loop for finalizers between. */
export async function countLive(): Promise<number> {
  const { gc } = globalThis;
  if (!gc) throw new Error("live bytes: expected Node with --expose-gc");
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return process.memoryUsage().heapUsed;
}

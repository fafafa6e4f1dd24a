// Tells the garbage collector how much device memory hangs on small objects, and gives finalizers a turn to run.
import { collectYoung, keepYoung } from "./young.ts";

/**
 * Engines collect old objects when the memory that they know of has grown; a storage of 100 MiB looks to them like 100 bytes.
 * So for every step of storage bytes an ArrayBuffer of that size is held, which counts and is never touched: it takes
 * address space, no memory. (Measured in Node 26 with storages of 1 MiB, 64 alive at a time: 3 GiB pile up without
 * this, 0.3 GiB with it, at no cost per storage.)
 */
const stepBytes = 128 * 2 ** 20;

/**
 * Young objects are collected when the nursery is full, which says nothing of the buffers that hang on them: with a fresh
 * input of 200 KiB for each call, 45 to 180 MiB of dead ones lay about, the more the larger V8 had made its nursery. So
 * the nursery is collected as well where so much was allocated and not given back by hand, or an eighth of what is held.
 */
const leastGrowthBytes = 8 * 2 ** 20;
/** What a storage's part of the graph comes to, roughly: it fills the nursery too, and makes it grow. */
const graphBytes = 2 * 2 ** 10;

let isFirst = true;
let storageBytes = 0;
let bytesSinceTurn = 0;
/** Since the nursery was last collected by us: bytes that nobody gave back, and those of the graph. */
let growthBytes = 0;
let isTurnDue = false;
/** Awaits the next time that values are read: then a step is over, as a rule, and its graph need not be copied. */
let isCollectionDue = false;
const shadows: ArrayBuffer[] = [];

export function noteAllocated(bytes: number): void {
  if (isFirst) keepYoung();
  isFirst = false;
  storageBytes += bytes;
  bytesSinceTurn += bytes;
  growthBytes += bytes + graphBytes;
  if (storageBytes >= (shadows.length + 1) * stepBytes) castShadow();
  const limit = Math.max(leastGrowthBytes, storageBytes / 8);
  if (growthBytes >= 2 * limit) collect();
  else if (growthBytes >= limit) isCollectionDue = true;
}

function collect(): void {
  growthBytes = 0;
  isCollectionDue = false;
  isTurnDue = true;
  collectYoung();
}

function castShadow(): void {
  try {
    shadows.push(new ArrayBuffer(stepBytes));
  } catch {
    // No address space left for a hint: go on without.
  }
}

/** For memory that was given back by hand. Shadows stay: memory that comes and goes with each step is no reason to collect. */
export function noteReleased(bytes: number): void {
  storageBytes -= bytes;
  growthBytes = Math.max(0, growthBytes - bytes);
}

/** For memory that another storage takes over, and counts again as its own: that is no growth. */
export function noteMoved(bytes: number): void {
  storageBytes -= bytes;
  growthBytes -= bytes;
}

/** For memory that a finalizer gave back: growth counts from here again. */
export function noteCollected(bytes: number): void {
  storageBytes -= bytes;
  shadows.length = Math.min(shadows.length, Math.floor(storageBytes / stepBytes));
}

/** Bytes in storages that are neither released nor collected. */
export const heldStorageBytes = (): number => storageBytes;

const turnEveryMs = 8;
const turnEveryBytes = 64 * 2 ** 20;
let lastTurnMs = 0;

/**
 * Finalizers run only between the event loop's tasks, which a loop that awaits nothing but finished work never leaves.
 * Takes one turn of the event loop where the last one is long ago or much was allocated since; resolves at once otherwise.
 */
export function yieldToFinalizers(): Promise<void> {
  if (isCollectionDue) collect();
  if (!isTurnDue && bytesSinceTurn < turnEveryBytes && performance.now() - lastTurnMs < turnEveryMs) return done;
  return nextTask().then(() => {
    isTurnDue = false;
    lastTurnMs = performance.now();
    bytesSinceTurn = 0;
  });
}

const done = Promise.resolve();

function nextTask(): Promise<void> {
  if (typeof setImmediate === "function")
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  // Timers wait 4 ms in browsers; a message is a task without a delay.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

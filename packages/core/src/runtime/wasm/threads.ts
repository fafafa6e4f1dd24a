// The process's pool of threads: they share the units of large kernels. See thread-protocol.ts for how they meet.
import { DeviceError } from "../../base/errors.ts";
import { Balance } from "./balance.ts";
import { threadCount } from "./thread-count.ts";
import { cell, jobCell, spinMs, type ToWorker, workerState } from "./thread-protocol.ts";
import { startWorker, type WorkerHandle } from "./worker.ts";

/** A kernel, as jobs see it. */
export interface SharedKernel {
  /** Runs units on this thread. */
  readonly run: (operands: number, params: number, status: number, work: number, from: number, to: number) => void;
  /** The number that workers know it by. */
  readonly id: number;
  readonly units: number;
  /** No thread claims fewer units at a time, unless they are the last. */
  readonly leastUnits: number;
  /** Bits that are set in `from` when a thread claims units of a run for the second time or later. */
  readonly laterFrom: number;
  /** From one thread's workspace to the next one's. */
  readonly workStep: number;
  /** About how long one thread takes: an estimate, … */
  readonly workNs: number;
  /** … and the time of one unit in the fastest runs seen, which forgets slowly. */
  unitMs: number;
}

/** A thread that has begun but does not end: so long after this one has run out of work, it is given up. */
const patienceMs = 20_000;
/** Plans of less work do without workers that sleep: waking them takes this thread about 60 µs. */
const minWakeNs = 200_000;
/** So much work in smaller plans, without a pause in which workers would fall asleep again, is worth waking for, too. */
const minStreamMs = 1;
/** The main thread looks so often before it sleeps. */
const spins = 2000;

export class ThreadPool {
  /** With the main thread. */
  readonly threads: number;
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private readonly workers: (WorkerHandle | null)[] = [];
  private readonly patienceMs: number;
  protected readonly balance: Balance = new Balance();
  /** Shared kernels that ran on this thread alone while workers slept, one soon after the other, and when the last one ended. */
  private streamMs = 0;
  private streamEnd = Number.NEGATIVE_INFINITY;
  private started = false;
  private functions = 0;
  /** Modules whose kernels are gone. */
  private readonly modules: FinalizationRegistry<{ readonly first: number; readonly count: number }>;

  constructor(threads: number, patience: number = patienceMs) {
    this.threads = threads;
    this.patienceMs = patience;
    const cells = cell.ranges + cell.perThread * threads;
    this.cells = new Int32Array(new SharedArrayBuffer(4 * cells));
    this.modules = new FinalizationRegistry(({ first, count }) => this.post({ kind: "forget", first, count }));
  }

  /** Workers that are alive. */
  get size(): number {
    return this.workers.filter((worker) => worker !== null).length;
  }

  /** How often each worker has taken a part of a kernel. */
  get claims(): number[] {
    return this.workers.map((_, i) => Atomics.load(this.cells, cell.workers + cell.perThread * i + 1));
  }

  /** Tells the workers of a module that exports `count` kernels, for as long as `owner` lives. Returns the number of the first. */
  add(owner: object, module: WebAssembly.Module, memory: WebAssembly.Memory, count: number): number {
    this.start();
    const first = this.functions;
    this.functions += count;
    this.post({ kind: "module", module, memory, first, count });
    this.modules.register(owner, { first, count });
    return first;
  }

  /** Starts the workers, unless that has been done: some 25 ms on other cores, so before there is work for them where that can be told. */
  start(): void {
    if (this.started) return;
    this.started = true;
    Atomics.add(this.cells, cell.mail, 1);
    for (let index = 0; index + 1 < this.threads; index++) {
      this.workers.push(startWorker(() => this.drop(index)));
      this.workers[index]?.post({ kind: "begin", cells: this.cells.buffer, index });
    }
  }

  private drop(index: number): void {
    this.workers[index] = null;
  }

  private post(message: ToWorker): void {
    // Counted first: a worker that has received less than this waits for messages rather than for work.
    Atomics.add(this.cells, cell.mail, 1);
    for (const worker of this.workers) worker?.post(message);
    // Another even number, so that nobody falls asleep without having seen it.
    Atomics.add(this.cells, cell.ticket, 2);
    this.wake();
  }

  /** Waking takes a while: in the meantime nobody is woken twice. */
  private wake(): void {
    Atomics.store(this.cells, cell.sleepers, 0);
    Atomics.notify(this.cells, cell.ticket);
  }

  /** Whether a plan whose shared kernels take so long should begin by waking workers. */
  isWorthWaking(workNs: number): boolean {
    return workNs >= minWakeNs;
  }

  /** Runs all units of a kernel on this thread and all workers that have the time; `wakes`: also on those that sleep. */
  run(kernel: SharedKernel, operands: number, params: number, status: number, work: number, wakes: boolean): void {
    const { cells, balance, threads } = this;
    const isAsleep = Atomics.load(cells, cell.sleepers) > 0;
    const start = performance.now();
    if ((isAsleep && !wakes && !this.endsStream(start)) || balance.isResting(start)) {
      kernel.run(operands, params, status, work, 0, kernel.units);
      const end = performance.now();
      noteUnit(kernel, (end - start) / kernel.units);
      if (isAsleep) {
        this.streamMs += end - start;
        this.streamEnd = end;
      }
      return;
    }
    cells[cell.job + jobCell.run] = kernel.id;
    cells[cell.job + jobCell.operands] = operands;
    cells[cell.job + jobCell.params] = params;
    cells[cell.job + jobCell.status] = status;
    cells[cell.job + jobCell.work] = work;
    cells[cell.job + jobCell.workStep] = kernel.workStep;
    cells[cell.job + jobCell.units] = kernel.units;
    cells[cell.job + jobCell.least] = kernel.leastUnits;
    cells[cell.job + jobCell.threads] = threads;
    cells[cell.job + jobCell.laterFrom] = kernel.laterFrom;
    for (let range = 0; range < threads; range++)
      Atomics.store(cells, cell.ranges + cell.perThread * range, rangeStart(kernel.units, range, threads));
    Atomics.add(cells, cell.ticket, 1);
    if (isAsleep) this.wake();
    try {
      const done = this.claim(kernel, operands, params, status, work);
      if (done > 0) noteUnit(kernel, (performance.now() - start) / done);
      Atomics.add(cells, cell.ticket, 1);
      this.awaitWorkers();
      const end = performance.now();
      // Where nobody else came in time, nothing was won or lost by threads.
      if (done < kernel.units) balance.note(kernel.unitMs * kernel.units, end - start, end);
    } finally {
      if ((Atomics.load(cells, cell.ticket) & 1) === 1) {
        Atomics.add(cells, cell.ticket, 1);
        this.awaitWorkers();
      }
    }
  }

  /** Runs units of this thread's range, then what is left of the others'. Returns how many. */
  private claim(kernel: SharedKernel, operands: number, params: number, status: number, work: number): number {
    const { cells, threads } = this;
    let done = 0;
    for (let range = 0; range < threads; range++) {
      const next = cell.ranges + cell.perThread * range;
      const end = rangeStart(kernel.units, range + 1, threads);
      let from = Atomics.load(cells, next);
      while (from < end) {
        const to = Math.min(end, from + Math.max(kernel.leastUnits, (end - from) >> 1));
        const found = Atomics.compareExchange(cells, next, from, to);
        if (found === from) {
          kernel.run(operands, params, status, work, done > 0 ? from | kernel.laterFrom : from, to);
          done += to - from;
          from = Atomics.load(cells, next);
        } else from = found;
      }
    }
    return done;
  }

  /** Whether small plans have come in such a stream that workers, once awake, will stay so. */
  private endsStream(now: number): boolean {
    if (now - this.streamEnd > spinMs) this.streamMs = 0;
    if (this.streamMs < minStreamMs) return false;
    this.streamMs = 0;
    return true;
  }

  private awaitWorkers(): void {
    const { cells } = this;
    let failed = false;
    for (let i = 0; i < this.workers.length; i++) {
      const at = cell.workers + cell.perThread * i;
      for (let spin = 0; spin < spins && Atomics.load(cells, at) === workerState.inside; spin++) pause();
      if (Atomics.load(cells, at) === workerState.inside) this.awaitWorker(i, at);
      if (Atomics.load(cells, at) !== workerState.failed) continue;
      failed = true;
      Atomics.store(cells, at, workerState.outside);
    }
    if (failed) throw new DeviceError("wasm: expected a kernel to end, got an error in one of the threads");
  }

  /** Sleeps where that is allowed; a browser's main thread has to go round in circles. */
  private awaitWorker(index: number, at: number): void {
    const { cells } = this;
    const sliceMs = 100;
    Atomics.store(cells, cell.isMainAsleep, 1);
    // Slices are counted rather than the clock asked: a machine that was asleep is no reason to give up.
    for (let waitedMs = 0; Atomics.load(cells, at) === workerState.inside; waitedMs += sliceMs) {
      if (waitedMs >= this.patienceMs) {
        Atomics.store(cells, cell.isMainAsleep, 0);
        this.giveUp(index, at);
      }
      if (canWait()) Atomics.wait(cells, at, workerState.inside, sliceMs);
      else
        for (const end = performance.now() + sliceMs; performance.now() < end; )
          if (Atomics.load(cells, at) !== workerState.inside) break;
    }
    Atomics.store(cells, cell.isMainAsleep, 0);
  }

  private giveUp(index: number, at: number): never {
    this.workers[index]?.stop();
    this.workers[index] = null;
    Atomics.store(this.cells, at, workerState.outside);
    throw new DeviceError(
      `wasm: expected thread ${index + 1} to finish its part of a kernel, got none for ${this.patienceMs / 1000} s: it was stopped. COTANGENT_THREADS=1 does without`,
    );
  }
}

const rangeStart = (units: number, range: number, threads: number): number => Math.floor((units * range) / threads);

function noteUnit(kernel: SharedKernel, ms: number): void {
  kernel.unitMs = Math.min(ms, kernel.unitMs * 1.01);
}

const pause: () => void =
  "pause" in Atomics && typeof Atomics.pause === "function" ? Atomics.pause.bind(Atomics, undefined) : () => {};

/** A browser's main thread may not sleep. */
const canWait = (): boolean => typeof document === "undefined";

let pool: ThreadPool | null | undefined;

/** The pool of this process; null where there is one thread. Its workers start with the first data or kernel that they may share. */
export function threadPool(): ThreadPool | null {
  if (pool === undefined) {
    const threads = threadCount();
    pool = threads > 1 ? new ThreadPool(threads) : null;
  }
  return pool;
}

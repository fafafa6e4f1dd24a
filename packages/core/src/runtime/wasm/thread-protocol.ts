// What the main thread and its workers say to each other through shared memory, and the program that workers run.
//
// One job at a time: the main thread writes it down and makes the ticket odd. Whoever sees an odd ticket says that it is
// inside, looks at the ticket once more, and claims units until there are none left: first those of its own range, then what
// is left of the others'. The same thread has the same range in the next kernel, so that what it reads is what it has written
// to its own caches. The main thread does the same, makes the ticket even, and waits until nobody is inside. So a worker that
// sleeps, is late or is gone costs nothing: only one that has begun is waited for. Messages bring new kernels; a worker
// fetches them, in browsers by going to its event loop.

/** Positions in the int32 array that all share; those that are written often lie on cache lines of their own. */
export const cell = {
  ticket: 0,
  /** The job: what to run, on what, and how it is cut. */
  job: 32,
  /** How many messages were sent. */
  mail: 64,
  /** How many workers sleep until the ticket changes; whoever wakes them sets it to 0. */
  sleepers: 96,
  /** Whether the main thread sleeps until a worker is done. */
  isMainAsleep: 128,
  /** The next unit of thread t's range that nobody has claimed stands at ranges + 64·t; the main thread is 0. */
  ranges: 160,
  /** What worker i is doing stands at workers + 64·i; after it, how many claims it has done. */
  workers: 192,
  perThread: 64,
} as const;

/**
 * Positions in the job. Thread t's range ends before unit ⌊units · (t + 1) / threads⌋. A claim is half of what is left of a
 * range, and no fewer units than `least`.
 */
export const jobCell = {
  run: 0,
  operands: 1,
  params: 2,
  status: 3,
  work: 4,
  workStep: 5,
  units: 6,
  least: 7,
  threads: 8,
  laterFrom: 9,
} as const;

export const workerState = { outside: 0, inside: 1, failed: 2 } as const;

export type ToWorker =
  | { readonly kind: "begin"; readonly cells: SharedArrayBuffer; readonly index: number }
  /** Kernels k0, k1, … of a module are functions number first, first + 1, … of jobs. */
  | {
      readonly kind: "module";
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
      readonly first: number;
      readonly count: number;
    }
  | { readonly kind: "forget"; readonly first: number; readonly count: number };

/** So long a worker looks for work before it sleeps: longer than JavaScript takes between the plans of a training step. */
export const spinMs = 1;
/**
 * So long after its first kernels came it sleeps sooner: V8's compilers want the cores as well then, and what the main
 * thread does between plans takes ten times as long. An epoch of MNIST in a fresh process: 645 ms instead of 700.
 */
const coldMs = 400;
const coldSpinMs = 0.1;

/** Claims units of the job until there are none left, as ThreadPool.claim does. */
const claimSource = `(run, cells, work) => {
  const [operands, params, status, units, least, threads, laterFrom] = [${[
    jobCell.operands,
    jobCell.params,
    jobCell.status,
    jobCell.units,
    jobCell.least,
    jobCell.threads,
    jobCell.laterFrom,
  ].map((position) => `cells[${cell.job + position}]`)}];
  let bits = 0;
  for (let i = 1; i <= threads; i++) {
    const range = (index + i) % threads;
    const next = ${cell.ranges} + ${cell.perThread} * range;
    const end = Math.floor((units * (range + 1)) / threads);
    let from = Atomics.load(cells, next);
    while (from < end) {
      const to = Math.min(end, from + Math.max(least, (end - from) >> 1));
      const found = Atomics.compareExchange(cells, next, from, to);
      if (found === from) {
        run(operands, params, status, work, from | bits, to);
        bits = laterFrom;
        Atomics.add(cells, state + 1, 1);
        from = Atomics.load(cells, next);
      } else from = found;
    }
  }
}`;

/** A script without imports, so that bundlers have nothing to find. */
export const workerSource: string = `
const threads = typeof require === "function" ? require("node:worker_threads") : null;
const port = threads ? threads.parentPort : globalThis;
// Messages can be had without a turn of the event loop, of which the first takes 25 ms in Node.
const isOpen = threads !== null && port instanceof threads.MessagePort;
const claim = ${claimSource};
const pause = typeof Atomics.pause === "function" ? () => Atomics.pause() : () => {};
const functions = new Map();
let cells, state, index, seen = 0, received = 0;
let begun = Infinity; // until the first kernels come
const isIdle = (since, now) => now - since >= (now - begun < ${coldMs} ? ${coldSpinMs} : ${spinMs});

const take = {
  begin(message) {
    cells = new Int32Array(message.cells);
    index = message.index;
    state = ${cell.workers} + ${cell.perThread} * index;
  },
  module({ module, memory, first, count }) {
    begun = Math.min(begun, performance.now());
    const { exports } = new WebAssembly.Instance(module, { env: { memory }, math: Math });
    for (let i = 0; i < count; i++) functions.set(first + i, exports["k" + i]);
  },
  forget({ first, count }) {
    for (let i = 0; i < count; i++) functions.delete(first + i);
  },
};

function join(ticket) {
  let left = ${workerState.outside};
  Atomics.store(cells, state, ${workerState.inside});
  if (Atomics.load(cells, ${cell.ticket}) === ticket) {
    const run = functions.get(cells[${cell.job + jobCell.run}]);
    const work = cells[${cell.job + jobCell.work}] + (index + 1) * cells[${cell.job + jobCell.workStep}];
    try {
      if (run) claim(run, cells, work);
    } catch {
      left = ${workerState.failed};
    }
  }
  Atomics.store(cells, state, left);
  if (Atomics.load(cells, ${cell.isMainAsleep}) !== 0) Atomics.notify(cells, state);
}

function accept(message) {
  take[message.kind](message);
  received++;
}

function fetchMail() {
  for (let mail; isOpen && (mail = threads.receiveMessageOnPort(port)); ) accept(mail.message);
}

/**
 * Looks for work for a while, and returns whether something has come. On its own, because V8 optimizes what goes round for
 * long with all that it calls, again for each call that it didn't know: three times, for 31 ms, as a part of serve.
 */
function look(ticket, mail) {
  const since = performance.now();
  for (let rounds = 1; ; rounds++) {
    if (Atomics.load(cells, ${cell.ticket}) !== ticket || Atomics.load(cells, ${cell.mail}) !== mail) return true;
    if ((rounds & 63) === 0 && isIdle(since, performance.now())) return false;
    pause();
  }
}

/** Goes on until there is mail that can only be had by a turn of the event loop. */
function serve() {
  for (;;) {
    if (Atomics.load(cells, ${cell.mail}) !== received) {
      fetchMail();
      if (Atomics.load(cells, ${cell.mail}) !== received) return;
    }
    const ticket = Atomics.load(cells, ${cell.ticket});
    if ((ticket & 1) === 1 && ticket !== seen) {
      seen = ticket;
      join(ticket);
    } else if (!look(ticket, received)) {
      Atomics.add(cells, ${cell.sleepers}, 1);
      Atomics.wait(cells, ${cell.ticket}, ticket);
    }
  }
}

port.onmessage = ({ data }) => {
  accept(data);
  serve();
};
fetchMail();
if (cells) serve();
`;

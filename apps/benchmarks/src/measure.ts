// Times of things that take turns, so that what else the machine does hits all of them alike.

export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly runs: number;
}

export interface Effort {
  /** Runs before the clock starts: plans are compiled, and V8 finds out what is hot. */
  readonly warmUp: number;
  /** Rounds at least, and on until the time is used up. */
  readonly rounds: number;
  readonly budgetMs: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The time of each task, from rounds in which every task runs once. */
export async function measure<Name extends string>(
  tasks: Readonly<Record<Name, () => Promise<unknown>>>,
  { warmUp, rounds, budgetMs }: Effort,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(tasks) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  const start = performance.now();
  for (let round = -warmUp; round < rounds || performance.now() - start < budgetMs; round++)
    for (const name of names) {
      const before = performance.now();
      await tasks[name]();
      const elapsed = performance.now() - before;
      if (round >= 0) times.get(name)?.push(elapsed);
    }
  const timingOf = (name: Name): Timing => {
    const list = times.get(name) ?? [];
    return { medianMs: median(list), minMs: Math.min(...list), runs: list.length };
  };
  return Object.fromEntries(names.map((name) => [name, timingOf(name)])) as Record<Name, Timing>;
}

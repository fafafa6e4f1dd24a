// Random bits as a pure function of a key and a counter: Threefry-2x32 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
// as easy as 1, 2, 3", 2011). The same key and counter give the same bits on every device, in any order.
import type { Algebra } from "../graph/algebra.ts";
import type { Elementwise } from "../graph/rules.ts";
import { broadcast, integers } from "./expect.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** The fewest that the paper found to pass all tests of BigCrush. */
const rounds = 13;
const parity = 0x1bd11bda;

/** counter, key0, key1 → 32 random bits: the first word of the block cipher's output for the block (counter, 0). */
export const threefry: Elementwise = {
  kind: "elementwise",
  name: "threefry",
  dtype: integers,
  shape: broadcast,
  body: (a, _, counter, key0, key1) => threefryBlock(a, counter, a.num(0, counter), key0, key1)[0],
  partials: () => [null, null, null],
};

export function threefryBlock<V>(a: Algebra<V>, counter0: V, counter1: V, key0: V, key1: V): readonly [V, V] {
  const keys = [key0, key1, a.xor(a.xor(key0, key1), a.num(parity, key0))] as const;
  const key = (i: number): V => (i % 3 === 0 ? keys[0] : i % 3 === 1 ? keys[1] : keys[2]);
  let x = a.add(counter0, key0);
  let y = a.add(counter1, key1);
  for (let round = 0; round < rounds; round++) {
    const turn = rotations[round % 8] ?? 0;
    x = a.add(x, y);
    y = a.xor(a.or(a.shl(y, a.num(turn, y)), a.shr(y, a.num(32 - turn, y))), x);
    if (round % 4 === 3) {
      const step = (round + 1) / 4;
      x = a.add(x, key(step));
      y = a.add(y, a.add(key(step + 1), a.num(step, key0)));
    }
  }
  return [x, y];
}

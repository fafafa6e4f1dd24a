// Seeded random integers for shuffling: xoshiro128** (David Blackman and Sebastiano Vigna, 2018), seeded by splitmix32.

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** The finalizer of MurmurHash3 (Austin Appleby, 2011): every bit of `x` reaches every bit of the result. */
function mix(x: number): number {
  let z = x | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}

/** A stream of random integers that depends on `seed` and `stream` alone; different streams of one seed are unrelated. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed integer from 0 to 2⁵³ − 1. @param stream which of the seed's streams: an epoch, for example */
  constructor(seed: number, stream = 0) {
    let state = 0;
    for (const word of [seed, Math.floor(seed / 2 ** 32), stream]) state = mix(state + 0x9e3779b9 + mix(word));
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      return mix(state);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    // An all-zero state would stay zero.
    this.#d = next() | 1;
  }

  /** A uniform integer from 0 to 2³² − 1. */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A uniform integer from 0 to `bound` − 1, without bias: what would favour small results is drawn again. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let x = this.uint32();
    while (x >= limit) x = this.uint32();
    return x % bound;
  }

  /** The integers from 0 to `length` − 1 in random order (the shuffle of Fisher and Yates, 1938; Durstenfeld, 1964). */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = order[i] ?? 0;
      order[i] = order[j] ?? 0;
      order[j] = kept;
    }
    return order;
  }
}

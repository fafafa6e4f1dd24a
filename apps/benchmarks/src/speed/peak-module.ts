// Two WebAssembly kernels that do nothing but arithmetic, and nothing but memory traffic.

/** Numbers of independent chains, with what they share: one takes 16 registers of 128 bits, the other as many of 256. */
export const chainCounts: readonly number[] = [12, 24];

/** Floating-point operations of one turn of the arithmetic loop: 4 lanes, multiply and add. */
export const flopsPerTurn = (chains: number): number => chains * 4 * 2;

const leb = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
};
/** Signed, for constants. */
const sleb = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
};
const vector = (items: readonly (readonly number[])[]): number[] => [...leb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body];
const text = (name: string): number[] => [...leb(name.length), ...new TextEncoder().encode(name)];

const get = (local: number): number[] => [0x20, ...leb(local)];
const set = (local: number): number[] => [0x21, ...leb(local)];
const i32 = (value: number): number[] => [0x41, ...sleb(value)];
const loadVector = (offset: number): number[] => [0xfd, 0x00, 4, ...leb(offset)];
const storeVector = (offset: number): number[] => [0xfd, 0x0b, 4, ...leb(offset)];
const mul = [0xfd, 0xe6, 0x01];
const add = [0xfd, 0xe4, 0x01];
const relaxedMadd = [0xfd, 0x85, 0x02];
const [i32Add, i32Sub] = [0x6a, 0x6b];

/** `body` again and again, until the counter in local 0 is used up. */
const loop = (body: readonly number[], step: number): number[] => [
  ...[0x03, 0x40],
  ...body,
  ...[...get(0), ...i32(step), i32Sub, 0x22, 0, 0x0d, 0, 0x0b],
];

/**
 * arithmetic12(turns) and arithmetic24(turns): independent chains x ← x·a + b, on pairs of vectors from address 0 on, which the engine may run as
 * vectors of twice the width.
 */
function arithmetic(fused: boolean, chains: number): number[] {
  const chain = (i: number): number => 1 + i;
  const [factors, terms] = [
    [chain(chains), chain(chains + 1)],
    [chain(chains + 2), chain(chains + 3)],
  ];
  const side = (i: number): number => i % 2;
  const start: number[] = [];
  const turn: number[] = [];
  const end: number[] = [];
  for (let i = 0; i < chains; i++) {
    start.push(...i32(0), ...loadVector(16 * i), ...set(chain(i)));
    const operands = [...get(chain(i)), ...get(factors[side(i)] ?? 0)];
    const sum = fused
      ? [...operands, ...get(terms[side(i)] ?? 0), ...relaxedMadd]
      : [...operands, ...mul, ...get(terms[side(i)] ?? 0), ...add];
    turn.push(...sum, ...set(chain(i)));
    end.push(...i32(0), ...get(chain(i)), ...storeVector(16 * i));
  }
  [...factors, ...terms].forEach((local, i) => {
    start.push(...i32(0), ...loadVector(16 * (chains + i)), ...set(local));
  });
  return [...vector([[...leb(chains + 4), 0x7b]]), ...start, ...loop(turn, 1), ...end, 0x0b];
}

/** triad(bytes, x, y, z): z ← x + a·y over arrays at three addresses; a is the vector at address 0. */
function triad(): number[] {
  const [x, y, z, a] = [1, 2, 3, 4];
  const one = (offset: number): number[] => [
    ...get(z),
    ...get(x),
    ...loadVector(offset),
    ...get(y),
    ...loadVector(offset),
    ...get(a),
    ...mul,
    ...add,
    ...storeVector(offset),
  ];
  const stepBytes = 64;
  const advance = [x, y, z].flatMap((local) => [...get(local), ...i32(stepBytes), i32Add, ...set(local)]);
  const turn = [...[0, 16, 32, 48].flatMap(one), ...advance];
  return [...vector([[1, 0x7b]]), ...i32(0), ...loadVector(0), ...set(a), ...loop(turn, stepBytes), 0x0b];
}

/** A module that imports env.memory and exports the arithmetic loops and `triad`. */
export function peakModule(fused: boolean): Uint8Array<ArrayBuffer> {
  const i32Type = 0x7f;
  const types = vector([
    [0x60, 1, i32Type, 0],
    [0x60, 4, i32Type, i32Type, i32Type, i32Type, 0],
  ]);
  const memory = [...text("env"), ...text("memory"), 0x02, 0x00, ...leb(1)];
  const bodies = [...chainCounts.map((chains) => arithmetic(fused, chains)), triad()];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, vector([memory])),
    ...section(3, vector([...chainCounts.map(() => [0]), [1]])),
    ...section(
      7,
      vector([
        ...chainCounts.map((chains, i) => [...text(`arithmetic${chains}`), 0, i]),
        [...text("triad"), 0, chainCounts.length],
      ]),
    ),
    ...section(10, vector(bodies.map((body) => [...leb(body.length), ...body]))),
  ]);
}

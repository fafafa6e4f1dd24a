// Fourier transforms as WebAssembly: Stockham's self-sorting passes (Cochran et al., 1967), one for each factor of n. A pass of
// radix r takes sequences of length n/s that lie s apart, and leaves sequences of length n/(s·r) that lie s·r apart.
// A vector holds two pairs (re, im) of float32, or one of float64; where pairs don't come in twos, one of float32.
import { elementBytes } from "../../base/dtype.ts";
import type { RoutineKernel } from "../../kernel/ir.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";
import { f32x4, f64x2, type I32, i8x16, i32, shuffle32, type V128, v128 } from "./instructions.ts";

/**
 * Fours first: they leave even strides, so that pairs come in twos. Passes are unrolled: the caller avoids large primes, which would
 * stand last.
 */
function radicesOf(n: number): number[] {
  const radices: number[] = [];
  let rest = n;
  for (const radix of [4, 2, 3, 5, 7, 11, 13])
    while (rest % radix === 0) {
      radices.push(radix);
      rest /= radix;
    }
  return rest > 1 || n === 1 ? [...radices, rest] : radices;
}

type Vector = Local<"v128">;

/** Arithmetic on vectors of pairs. */
interface Pairs {
  readonly count: number;
  load(address: I32, offset?: number): V128;
  store(f: FunctionBuilder, address: I32, value: V128, offset?: number): void;
  add(a: V128, b: V128): V128;
  sub(a: V128, b: V128): V128;
  mul(a: V128, b: V128): V128;
  constant(re: number, im?: number): V128;
  /** (im, re) for (re, im). */
  swap(a: Vector): V128;
  /** re and im of one root, each over a whole vector. */
  root(address: I32): readonly [V128, V128];
}

const lanes32 = { add: f32x4.add, sub: f32x4.sub, mul: f32x4.mul };
const single: Omit<Pairs, "count" | "load" | "store"> = {
  ...lanes32,
  constant: (re, im = re) => f32x4.const(re, im, re, im),
  swap: (a) => shuffle32(a, a, [1, 0, 3, 2]),
  root: (address) => [v128.load32Splat(address), v128.load32Splat(address, 4)],
};
const two: Pairs = {
  ...single,
  count: 2,
  load: v128.load,
  store: (f, address, value, offset) => f.store(address, value, offset),
};
const one: Pairs = {
  ...single,
  count: 1,
  load: v128.load64Zero,
  store: (f, address, value, offset) => f.storeLane(64, address, value, 0, offset),
};
const double: Pairs = {
  count: 1,
  load: v128.load,
  store: (f, address, value, offset) => f.store(address, value, offset),
  add: f64x2.add,
  sub: f64x2.sub,
  mul: f64x2.mul,
  constant: (re, im = re) => f64x2.const(re, im),
  swap: (a) => i8x16.shuffle(a, a, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]),
  root: (address) => [v128.load64Splat(address), v128.load64Splat(address, 8)],
};

/** Bytes of one row between passes. */
export const dftWorkspaceBytes = ({ numbers: [, , n = 0], output }: RoutineKernel): number =>
  2 * n * elementBytes(output.dtype);

/** `x`, `roots` and `out` are the addresses of the operands. Units are rows. */
export function emitDft(
  f: FunctionBuilder,
  kernel: RoutineKernel,
  x: Local<"i32">,
  roots: Local<"i32">,
  out: Local<"i32">,
): void {
  const [groups = 0, rows = 0, n = 0, inverse = 0, scale = 1] = kernel.numbers;
  if (groups * rows * n === 0) return;
  const isDouble = kernel.output.dtype === "float64";
  const cell = isDouble ? 16 : 8;
  const radices = radicesOf(n);
  const work = f.param("i32", 3);
  const [first, last] = [f.param("i32", 4), f.param("i32", 5)];
  const row = f.local("i32");
  const table = f.local("i32", roots);
  f.increase(x, i32.mul(first, i32.const(n * cell)));
  f.increase(out, i32.mul(first, i32.const(n * cell)));
  f.for(row, first, last, 1, () => {
    if (groups > 1) f.set(table, i32.add(roots, i32.mul(i32.divU(row, i32.const(rows)), i32.const(n * cell))));
    let stride = 1;
    radices.forEach((radix, i) => {
      // The passes alternate between the work space and the output, where the last one writes.
      const to = (radices.length - i) % 2 === 1 ? out : work;
      const from = i === 0 ? x : to === out ? work : out;
      const pass = { radix, stride, count: n / stride / radix, cell, inverse: inverse !== 0, scale };
      f.scope(() => {
        const pointers = { from: f.local("i32", from), to: f.local("i32", to), table };
        if (isDouble) emitPass(f, double, pass, pointers);
        else if (stride === 1 && pass.count % 2 === 0) emitFirstPass(f, pass, pointers);
        else emitPass(f, stride % 2 === 0 ? two : one, pass, pointers);
      });
      stride *= radix;
    });
    f.increase(x, n * cell);
    f.increase(out, n * cell);
  });
}

interface Pass {
  readonly radix: number;
  /** How far apart neighbours of one sequence lie. */
  readonly stride: number;
  /** The length of the sequences that it leaves. */
  readonly count: number;
  readonly cell: number;
  readonly inverse: boolean;
  readonly scale: number;
}

interface Pointers {
  readonly from: Local<"i32">;
  readonly to: Local<"i32">;
  readonly table: Local<"i32">;
}

/** y[p·r + j] = w^{jp} · Σₖ x[p + k·count] · e^{∓2πi·jk/r}, on `stride` sequences side by side. */
function emitPass(f: FunctionBuilder, v: Pairs, pass: Pass, { from, to, table }: Pointers): void {
  const { radix, stride, count, cell } = pass;
  const [p, q] = [f.local("i32"), f.local("i32")];
  const later = indices(radix).slice(1);
  const places = later.map(() => f.local("i32", table));
  // The root of the last pass is 1.
  const turns = count > 1 ? later.map(() => [f.local("v128"), f.local("v128")] as const) : [];
  const isShort = stride <= 2 * v.count;
  f.for(p, 0, count, 1, () => {
    turns.forEach(([re, im], i) => {
      const [place] = places.slice(i);
      if (!place) return;
      const [c, s] = v.root(place);
      f.set(re, c);
      f.set(im, v.mul(s, signs(v, pass.inverse)));
      f.increase(place, (i + 1) * stride * cell);
    });
    const body = (offset: number): void =>
      f.scope(() => {
        const xs = indices(radix).map((k) => f.local("v128", v.load(from, k * count * stride * cell + offset)));
        const ys = butterfly(f, v, xs, pass);
        ys.forEach((y, j) => {
          const [re, im] = turns[j - 1] ?? [];
          const value = re && im ? v.add(v.mul(y, re), v.mul(v.swap(y), im)) : y;
          v.store(f, to, scaled(v, value, pass), j * stride * cell + offset);
        });
      });
    const bytes = v.count * cell;
    if (isShort) {
      for (let i = 0; i < stride; i += v.count) body(i * cell);
      f.increase(from, stride * cell);
      f.increase(to, stride * radix * cell);
      return;
    }
    f.for(q, 0, stride, v.count, () => {
      body(0);
      f.increase(from, bytes);
      f.increase(to, bytes);
    });
    f.increase(to, (radix - 1) * stride * cell);
  });
}

/** As `emitPass` for float32 where one sequence lies by itself: a vector holds two neighbours of it. */
function emitFirstPass(f: FunctionBuilder, pass: Pass, { from, to, table }: Pointers): void {
  const { radix, count, cell } = pass;
  const v = two;
  const p = f.local("i32");
  const places = indices(radix).map(() => f.local("i32", table));
  f.for(p, 0, count, 2, () => {
    f.scope(() => {
      const xs = indices(radix).map((k) => f.local("v128", v.load(from, k * count * cell)));
      const turned = butterfly(f, v, xs, pass).map((y, j) => {
        const [place] = places.slice(j);
        if (j === 0 || !place) return f.local("v128", scaled(v, y, pass));
        const [w0, w1] = [f.local("v128", v128.load64Zero(place)), f.local("v128", v128.load64Zero(place, j * cell))];
        const re = shuffle32(w0, w1, [0, 0, 4, 4]);
        const im = v.mul(shuffle32(w0, w1, [1, 1, 5, 5]), signs(v, pass.inverse));
        f.increase(place, 2 * j * cell);
        return f.local("v128", scaled(v, v.add(v.mul(y, re), v.mul(v.swap(y), im)), pass));
      });
      // y₀[p], y₁[p], …, y₀[p + 1], y₁[p + 1], …, two by two.
      const order = [...turned.map((y) => [y, 0] as const), ...turned.map((y) => [y, 1] as const)];
      for (let i = 0; i < order.length; i += 2) {
        const [a, b] = order.slice(i, i + 2);
        if (!a || !b) continue;
        const [l, h] = [2 * a[1], 4 + 2 * b[1]];
        f.store(to, shuffle32(a[0], b[0], [l, l + 1, h, h + 1]), i * cell);
      }
    });
    f.increase(from, 2 * cell);
    f.increase(to, 2 * radix * cell);
  });
}

const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** (re, im) · (c ∓ i·s) = (re, im)·c + (im, re)·s·signs. */
const signs = (v: Pairs, inverse: boolean): V128 => (inverse ? v.constant(-1, 1) : v.constant(1, -1));

/** The last pass carries the factor. */
const scaled = (v: Pairs, value: V128, { count, scale }: Pass): V128 =>
  count === 1 && scale !== 1 ? v.mul(value, v.constant(scale)) : value;

/** The transform of `radix` values. */
function butterfly(f: FunctionBuilder, v: Pairs, xs: readonly Vector[], { radix, inverse }: Pass): Vector[] {
  const keep = (value: V128): Vector => f.local("v128", value);
  /** ∓i·a. */
  const turned = (a: Vector): V128 => v.mul(v.swap(a), signs(v, inverse));
  const [a, b, c, d] = xs;
  if (!a || !b) return [...xs];
  if (!c) return [keep(v.add(a, b)), keep(v.sub(a, b))];
  if (d && radix === 4) {
    const [t0, t1, t2] = [keep(v.add(a, c)), keep(v.sub(a, c)), keep(v.add(b, d))];
    const t3 = keep(turned(keep(v.sub(b, d))));
    return [keep(v.add(t0, t2)), keep(v.add(t1, t3)), keep(v.sub(t0, t2)), keep(v.sub(t1, t3))];
  }
  // Odd: y_{j}, y_{r−j} = x₀ + Σₖ (xₖ + x_{r−k})·cos θⱼₖ ∓ i·Σₖ (xₖ − x_{r−k})·sin θⱼₖ.
  const pairs = indices((radix - 1) / 2).map((i) => {
    const [low = a, high = a] = [xs[i + 1], xs[radix - 1 - i]];
    return [keep(v.add(low, high)), keep(v.sub(low, high))] as const;
  });
  const ys = [keep(pairs.reduce<V128>((total, [sum]) => v.add(total, sum), a))];
  for (let j = 1; j <= pairs.length; j++) {
    const angle = (k: number): number => (2 * Math.PI * ((j * k) % radix)) / radix;
    const even = keep(
      pairs.reduce<V128>((total, [sum], i) => v.add(total, v.mul(sum, v.constant(Math.cos(angle(i + 1))))), a),
    );
    const parts = pairs.map(([, difference], i) => v.mul(difference, v.constant(Math.sin(angle(i + 1)))));
    const odd = keep(turned(keep(parts.reduce((total, part) => v.add(total, part)))));
    ys[j] = keep(v.add(even, odd));
    ys[radix - j] = keep(v.sub(even, odd));
  }
  return ys;
}

// WebAssembly instructions as typed functions from values to values: `f32x4.add(x, v128.load(pointer, 16))` is a tree
// that is written to a function where it is used (see encoder.ts). Each use of a tree computes it again: keep in a
// local what is used twice.
import { float32Bytes, float64Bytes, int32Bytes, signedLeb, signedLeb32, unsignedLeb } from "./bytes.ts";
import * as opcodes from "./opcodes.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** A function of a module under construction; its number is known once the module is complete. */
export interface Callable {
  readonly params: readonly ValueType[];
  readonly result: ValueType | null;
}

/** An instruction and what it takes from the stack. */
export interface Value<T extends ValueType = ValueType> {
  readonly type: T;
  readonly code: readonly number[];
  readonly args: readonly Value[];
  /** What a `call` calls; its number is written after the code. */
  readonly callee?: Callable;
  /** `if … else … end` with a value: args are condition, then, else. */
  readonly branches?: true;
}

export type I32 = Value<"i32">;
export type I64 = Value<"i64">;
export type F32 = Value<"f32">;
export type F64 = Value<"f64">;
export type V128 = Value<"v128">;

type Opcodes = { readonly [name: string]: number };
type Unary<T, A extends ValueType, R extends ValueType> = { readonly [K in keyof T]: (x: Value<A>) => Value<R> };
type Binary<T, A extends ValueType, R extends ValueType> = {
  readonly [K in keyof T]: (a: Value<A>, b: Value<A>) => Value<R>;
};
type Shift<T> = { readonly [K in keyof T]: (x: V128, count: I32) => V128 };
type Load<T, R extends ValueType> = { readonly [K in keyof T]: (address: I32, offset?: number) => Value<R> };
type Extract<T, R extends ValueType> = { readonly [K in keyof T]: (x: V128, lane: number) => Value<R> };

const node = <R extends ValueType>(type: R, code: readonly number[], args: readonly Value[]): Value<R> => ({
  type,
  code,
  args,
});
const mapTable = <T extends Opcodes, F>(table: T, make: (opcode: number) => F): { readonly [K in keyof T]: F } =>
  Object.fromEntries(Object.entries(table).map(([name, opcode]) => [name, make(opcode)])) as {
    readonly [K in keyof T]: F;
  };

/** The bytes of an opcode as opcodes.ts has it. */
export const opcodeBytes = (opcode: number): number[] =>
  opcode < 0x100
    ? [opcode]
    : opcode >= 0xfd00
      ? [0xfd, ...unsignedLeb(opcode - 0xfd00)]
      : [0xfc, ...unsignedLeb(opcode - 0xfc00)];

/** Numbers up to this one are so frequent that instructions with them are made once. */
const mostKept = 1024;

/** An instruction that takes a number: `prefix`, then the number. */
export function numbered(prefix: readonly number[]): (value: number) => readonly number[] {
  const known: (readonly number[])[] = [];
  return (value) => {
    if (value >>> 0 > mostKept) return [...prefix, ...unsignedLeb(value)];
    const before = known[value];
    if (before) return before;
    const made = [...prefix, ...unsignedLeb(value)];
    known[value] = made;
    return made;
  };
}

/** An instruction that takes an offset in memory; alignment 1 is a hint without effect. */
export const accessing = (opcode: number): ((offset: number) => readonly number[]) =>
  numbered([...opcodeBytes(opcode), 0]);

const unary = <T extends Opcodes, A extends ValueType, R extends ValueType>(
  table: T,
  _: A,
  result: R,
): Unary<T, A, R> =>
  mapTable(table, (op) => {
    const code = opcodeBytes(op);
    return (x: Value<A>) => ({ type: result, code, args: [x] });
  });
const binary = <T extends Opcodes, A extends ValueType, R extends ValueType>(
  table: T,
  _: A,
  result: R,
): Binary<T, A, R> =>
  mapTable(table, (op) => {
    const code = opcodeBytes(op);
    return (a: Value<A>, b: Value<A>) => ({ type: result, code, args: [a, b] });
  });
const shift = <T extends Opcodes>(table: T): Shift<T> =>
  mapTable(table, (op) => {
    const code = opcodeBytes(op);
    return (x: V128, count: I32) => node("v128", code, [x, count]);
  });
const ternary = (opcode: number): ((a: V128, b: V128, c: V128) => V128) => {
  const code = opcodeBytes(opcode);
  return (a, b, c) => ({ type: "v128", code, args: [a, b, c] });
};
const load = <T extends Opcodes, R extends ValueType>(table: T, result: R): Load<T, R> =>
  mapTable(table, (op) => {
    const codeAt = accessing(op);
    return (address: I32, offset = 0) => ({ type: result, code: codeAt(offset), args: [address] });
  });
const extract = <T extends Opcodes, R extends ValueType>(table: T, result: R): Extract<T, R> =>
  mapTable(table, (op) => {
    const codeOf = numbered(opcodeBytes(op));
    return (x: V128, lane: number) => node(result, codeOf(lane), [x]);
  });

// --- scalars

/** Signed unless the name ends in U; `truncF32` and its like saturate, NaN to 0. */
export const i32: Unary<typeof opcodes.i32Unary, "i32", "i32"> &
  Binary<typeof opcodes.i32Binary, "i32", "i32"> &
  Load<typeof opcodes.i32Load, "i32"> &
  Unary<typeof opcodes.i32FromF32, "f32", "i32"> &
  Unary<typeof opcodes.i32FromF64, "f64", "i32"> &
  Unary<typeof opcodes.i32FromI64, "i64", "i32"> &
  Unary<typeof opcodes.i32FromV128, "v128", "i32"> & { readonly const: (value: number) => I32 } = {
  const: (value) => node("i32", [0x41, ...signedLeb32(value)], []),
  ...unary(opcodes.i32Unary, "i32", "i32"),
  ...binary(opcodes.i32Binary, "i32", "i32"),
  ...load(opcodes.i32Load, "i32"),
  ...unary(opcodes.i32FromF32, "f32", "i32"),
  ...unary(opcodes.i32FromF64, "f64", "i32"),
  ...unary(opcodes.i32FromI64, "i64", "i32"),
  ...unary(opcodes.i32FromV128, "v128", "i32"),
};

export const i64: Binary<typeof opcodes.i64Compare, "i64", "i32"> &
  Binary<typeof opcodes.i64Binary, "i64", "i64"> &
  Load<typeof opcodes.i64Load, "i64"> &
  Unary<typeof opcodes.i64FromI32, "i32", "i64"> &
  Unary<typeof opcodes.i64FromF64, "f64", "i64"> & { readonly const: (value: bigint) => I64 } = {
  const: (value) => node("i64", [0x42, ...signedLeb(value)], []),
  ...binary(opcodes.i64Compare, "i64", "i32"),
  ...binary(opcodes.i64Binary, "i64", "i64"),
  ...load(opcodes.i64Load, "i64"),
  ...unary(opcodes.i64FromI32, "i32", "i64"),
  ...unary(opcodes.i64FromF64, "f64", "i64"),
};

export const f32: Binary<typeof opcodes.f32Compare, "f32", "i32"> &
  Unary<typeof opcodes.f32Unary, "f32", "f32"> &
  Binary<typeof opcodes.f32Binary, "f32", "f32"> &
  Load<typeof opcodes.f32Load, "f32"> &
  Unary<typeof opcodes.f32FromI32, "i32", "f32"> &
  Unary<typeof opcodes.f32FromF64, "f64", "f32"> & { readonly const: (value: number) => F32 } = {
  const: (value) => node("f32", [0x43, ...float32Bytes(value)], []),
  ...binary(opcodes.f32Compare, "f32", "i32"),
  ...unary(opcodes.f32Unary, "f32", "f32"),
  ...binary(opcodes.f32Binary, "f32", "f32"),
  ...load(opcodes.f32Load, "f32"),
  ...unary(opcodes.f32FromI32, "i32", "f32"),
  ...unary(opcodes.f32FromF64, "f64", "f32"),
};

export const f64: Binary<typeof opcodes.f64Compare, "f64", "i32"> &
  Unary<typeof opcodes.f64Unary, "f64", "f64"> &
  Binary<typeof opcodes.f64Binary, "f64", "f64"> &
  Load<typeof opcodes.f64Load, "f64"> &
  Unary<typeof opcodes.f64FromI32, "i32", "f64"> &
  Unary<typeof opcodes.f64FromI64, "i64", "f64"> &
  Unary<typeof opcodes.f64FromF32, "f32", "f64"> & { readonly const: (value: number) => F64 } = {
  const: (value) => node("f64", [0x44, ...float64Bytes(value)], []),
  ...binary(opcodes.f64Compare, "f64", "i32"),
  ...unary(opcodes.f64Unary, "f64", "f64"),
  ...binary(opcodes.f64Binary, "f64", "f64"),
  ...load(opcodes.f64Load, "f64"),
  ...unary(opcodes.f64FromI32, "i32", "f64"),
  ...unary(opcodes.f64FromI64, "i64", "f64"),
  ...unary(opcodes.f64FromF32, "f32", "f64"),
};

// --- vectors

type LoadLane = {
  readonly [K in keyof typeof opcodes.v128LoadLane]: (address: I32, x: V128, lane: number, offset?: number) => V128;
};

/** `andnot(a, b)` is a ∧ ¬b; `bitselect(a, b, mask)` takes a where the mask is 1. */
export const v128: Load<typeof opcodes.v128Load, "v128"> &
  LoadLane &
  Unary<typeof opcodes.v128Unary, "v128", "v128"> &
  Binary<typeof opcodes.v128Binary, "v128", "v128"> & {
    readonly bitselect: (a: V128, b: V128, mask: V128) => V128;
    readonly const: (bytes: readonly number[]) => V128;
  } = {
  ...load(opcodes.v128Load, "v128"),
  ...mapTable(
    opcodes.v128LoadLane,
    (op) =>
      (address: I32, x: V128, lane: number, offset = 0) =>
        node("v128", [...opcodeBytes(op), 0, ...unsignedLeb(offset), lane], [address, x]),
  ),
  ...unary(opcodes.v128Unary, "v128", "v128"),
  ...binary(opcodes.v128Binary, "v128", "v128"),
  bitselect: ternary(0xfd52),
  const: (bytes) => node("v128", [...opcodeBytes(0xfd0c), ...bytes], []),
};

/** `shuffle` takes bytes 0–15 of a and 16–31 of b. */
export const i8x16: Unary<typeof opcodes.i8x16Unary, "v128", "v128"> &
  Binary<typeof opcodes.i8x16Binary, "v128", "v128"> &
  Shift<typeof opcodes.i8x16Shift> &
  Extract<typeof opcodes.i8x16Extract, "i32"> &
  Unary<typeof opcodes.i8x16Splat, "i32", "v128"> & {
    readonly shuffle: (a: V128, b: V128, lanes: readonly number[]) => V128;
  } = {
  ...unary(opcodes.i8x16Unary, "v128", "v128"),
  ...binary(opcodes.i8x16Binary, "v128", "v128"),
  ...shift(opcodes.i8x16Shift),
  ...extract(opcodes.i8x16Extract, "i32"),
  ...unary(opcodes.i8x16Splat, "i32", "v128"),
  shuffle: (a, b, lanes) => node("v128", [...opcodeBytes(0xfd0d), ...lanes], [a, b]),
};

/** A shuffle of whole 32-bit lanes: 0–3 of a, 4–7 of b. */
export const shuffle32 = (a: V128, b: V128, lanes: readonly [number, number, number, number]): V128 =>
  i8x16.shuffle(
    a,
    b,
    lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  );

export const i16x8: Unary<typeof opcodes.i16x8Unary, "v128", "v128"> &
  Binary<typeof opcodes.i16x8Binary, "v128", "v128"> &
  Shift<typeof opcodes.i16x8Shift> &
  Extract<typeof opcodes.i16x8Extract, "i32"> &
  Unary<typeof opcodes.i16x8Splat, "i32", "v128"> = {
  ...unary(opcodes.i16x8Unary, "v128", "v128"),
  ...binary(opcodes.i16x8Binary, "v128", "v128"),
  ...shift(opcodes.i16x8Shift),
  ...extract(opcodes.i16x8Extract, "i32"),
  ...unary(opcodes.i16x8Splat, "i32", "v128"),
};

type Replace<A extends ValueType> = { readonly replaceLane: (x: V128, lane: number, value: Value<A>) => V128 };
type VectorConst = { readonly const: (a: number, b?: number, c?: number, d?: number) => V128 };

/** One argument of `const` fills all lanes. */
export const i32x4: Unary<typeof opcodes.i32x4Unary, "v128", "v128"> &
  Binary<typeof opcodes.i32x4Binary, "v128", "v128"> &
  Shift<typeof opcodes.i32x4Shift> &
  Extract<typeof opcodes.i32x4Extract, "i32"> &
  Unary<typeof opcodes.i32x4Splat, "i32", "v128"> &
  Replace<"i32"> &
  VectorConst = {
  ...unary(opcodes.i32x4Unary, "v128", "v128"),
  ...binary(opcodes.i32x4Binary, "v128", "v128"),
  ...shift(opcodes.i32x4Shift),
  ...extract(opcodes.i32x4Extract, "i32"),
  ...unary(opcodes.i32x4Splat, "i32", "v128"),
  replaceLane: (x, lane, value) => node("v128", [...opcodeBytes(0xfd1c), lane], [x, value]),
  const: (a, b = a, c = a, d = a) => v128.const([a, b, c, d].flatMap(int32Bytes)),
};

export const i64x2: Unary<typeof opcodes.i64x2Unary, "v128", "v128"> &
  Binary<typeof opcodes.i64x2Binary, "v128", "v128"> &
  Shift<typeof opcodes.i64x2Shift> &
  Extract<typeof opcodes.i64x2Extract, "i64"> &
  Unary<typeof opcodes.i64x2Splat, "i64", "v128"> = {
  ...unary(opcodes.i64x2Unary, "v128", "v128"),
  ...binary(opcodes.i64x2Binary, "v128", "v128"),
  ...shift(opcodes.i64x2Shift),
  ...extract(opcodes.i64x2Extract, "i64"),
  ...unary(opcodes.i64x2Splat, "i64", "v128"),
};

type Ternary = { readonly [K in "relaxedMadd" | "relaxedNmadd"]: (a: V128, b: V128, c: V128) => V128 };

/** `relaxedMadd(a, b, c)` is a·b + c, `relaxedNmadd` −a·b + c, rounded once or twice. */
export const f32x4: Unary<typeof opcodes.f32x4Unary, "v128", "v128"> &
  Binary<typeof opcodes.f32x4Binary, "v128", "v128"> &
  Extract<typeof opcodes.f32x4Extract, "f32"> &
  Unary<typeof opcodes.f32x4Splat, "f32", "v128"> &
  Replace<"f32"> &
  VectorConst &
  Ternary = {
  ...unary(opcodes.f32x4Unary, "v128", "v128"),
  ...binary(opcodes.f32x4Binary, "v128", "v128"),
  ...extract(opcodes.f32x4Extract, "f32"),
  ...unary(opcodes.f32x4Splat, "f32", "v128"),
  replaceLane: (x, lane, value) => node("v128", [...opcodeBytes(0xfd20), lane], [x, value]),
  const: (a, b = a, c = a, d = a) => v128.const([a, b, c, d].flatMap(float32Bytes)),
  relaxedMadd: ternary(0xfe05),
  relaxedNmadd: ternary(0xfe06),
};

export const f64x2: Unary<typeof opcodes.f64x2Unary, "v128", "v128"> &
  Binary<typeof opcodes.f64x2Binary, "v128", "v128"> &
  Extract<typeof opcodes.f64x2Extract, "f64"> &
  Unary<typeof opcodes.f64x2Splat, "f64", "v128"> &
  Replace<"f64"> &
  Ternary & {
    readonly const: (a: number, b?: number) => V128;
  } = {
  ...unary(opcodes.f64x2Unary, "v128", "v128"),
  ...binary(opcodes.f64x2Binary, "v128", "v128"),
  ...extract(opcodes.f64x2Extract, "f64"),
  ...unary(opcodes.f64x2Splat, "f64", "v128"),
  replaceLane: (x, lane, value) => node("v128", [...opcodeBytes(0xfd22), lane], [x, value]),
  const: (a, b = a) => v128.const([a, b].flatMap(float64Bytes)),
  relaxedMadd: ternary(0xfe07),
  relaxedNmadd: ternary(0xfe08),
};

// --- any type

/** Both are computed, one is taken. */
export const select = <T extends ValueType>(condition: I32, a: Value<T>, b: Value<T>): Value<T> =>
  a.type === "v128" ? node(a.type, [0x1c, 1, 0x7b], [a, b, condition]) : node(a.type, [0x1b], [a, b, condition]);

/** Only the branch that is taken is computed. */
export const ifElse = <T extends ValueType>(condition: I32, a: Value<T>, b: Value<T>): Value<T> => ({
  type: a.type,
  code: [],
  args: [condition, a, b],
  branches: true,
});

// Shapes at the type level: what operations do to literal sizes. Sizes that are not literal are `number` and fit everything;
// a shape whose rank is not known is `Shape`, and so is whatever comes of it.
import type { Shape } from "./shape.ts";

/** What a mismatch of literal sizes turns an argument's type into: nothing has it, and its text names the sizes. */
export interface ShapeMismatch<Message extends string> {
  readonly shapeMismatch: Message;
}

/** Sizes as a caller writes them: literal ones stay literal. */
export type ShapeLike = number[] | readonly number[];

/** The shape behind sizes that a caller wrote. */
export type Literal<S extends Shape> = number extends S["length"] ? Shape : { -readonly [K in keyof S]: S[K] };

/** S, but never inferred from what a caller does with the result. */
export type Fixed<S extends Shape> = [S][S extends unknown ? 0 : never];

/** Whether the rank of a shape is unknown. */
type IsOpen<S extends Shape> = number extends S["length"] ? true : false;

/** The shape of a tensor, or of several that one variable may hold; a number is a scalar. */
export type ShapeOf<X> = X extends { readonly shape: infer S extends Shape } ? S : [];

// Text

type ShowSize<N> = N extends number ? (number extends N ? "?" : `${N}`) : "?";
type ShowSizes<S extends Shape> = S extends readonly [infer First, ...infer Rest extends number[]]
  ? Rest extends readonly []
    ? ShowSize<First>
    : `${ShowSize<First>}, ${ShowSizes<Rest>}`
  : "";
/** A shape in a message, `[2, ?, 3]`. */
export type ShowShape<S extends Shape> = IsOpen<S> extends true ? "[...]" : `[${ShowSizes<S>}]`;

// Axes

type DropLast<
  S extends readonly unknown[],
  Count extends number,
  Dropped extends unknown[] = [],
> = Dropped["length"] extends Count
  ? S
  : S extends readonly [...infer Rest, unknown]
    ? DropLast<Rest, Count, [...Dropped, unknown]>
    : never;

/** An axis counted from the front; distributes over unions. */
type FromFront<Axis extends number, S extends Shape> = Axis extends number
  ? `${Axis}` extends `-${infer Count extends number}`
    ? DropLast<S, Count>["length"] & number
    : Axis
  : never;

/** The size of an axis, `number` where that is not known. */
export type SizeAt<S extends Shape, Axis extends number> = number extends Axis
  ? number
  : IsOpen<S> extends true
    ? number
    : S[FromFront<Axis, S>] extends infer N extends number
      ? N
      : number;

// Broadcasting

/** Two sizes that meet; 1 gives way, and what is not known is taken to fit. */
type Meet<X extends number, Y extends number> = [X] extends [1]
  ? Y
  : [Y] extends [1]
    ? X
    : number extends X
      ? Y
      : number extends Y
        ? X
        : [X] extends [Y]
          ? X
          : never;

type BroadcastSizes<A extends Shape, B extends Shape, Tail extends number[] = []> = A extends readonly [
  ...infer AInit extends number[],
  infer ALast extends number,
]
  ? B extends readonly [...infer BInit extends number[], infer BLast extends number]
    ? BroadcastSizes<AInit, BInit, [Meet<ALast, BLast>, ...Tail]>
    : [...A, ...Tail]
  : [...B, ...Tail];

/** The shape that NumPy's rules give for two shapes. */
export type Broadcast<A extends Shape, B extends Shape> = B extends readonly []
  ? A
  : IsOpen<A> extends true
    ? Shape
    : IsOpen<B> extends true
      ? Shape
      : BroadcastSizes<A, B>;

/** The first pair of sizes, from the right, that do not broadcast. */
type Clash<A extends Shape, B extends Shape> = A extends readonly [
  ...infer AInit extends number[],
  infer ALast extends number,
]
  ? B extends readonly [...infer BInit extends number[], infer BLast extends number]
    ? [Meet<ALast, BLast>] extends [never]
      ? [ALast, BLast]
      : Clash<AInit, BInit>
    : null
  : null;

/** Nothing to ask, unless literal sizes clash. */
export type BroadcastCheck<Operation extends string, A extends Shape, B extends Shape> =
  IsOpen<A> extends true
    ? unknown
    : IsOpen<B> extends true
      ? unknown
      : Clash<A, B> extends [infer X, infer Y]
        ? ShapeMismatch<`${Operation}: shapes ${ShowShape<A>} and ${ShowShape<B>} do not broadcast: sizes ${ShowSize<X>} and ${ShowSize<Y>} differ`>
        : unknown;

// Matrix products

/** The last two sizes of a matrix and what comes before; a vector has one. */
type Matrices<S extends Shape> = S extends readonly [
  ...infer Batch extends number[],
  infer Rows extends number,
  infer Columns extends number,
]
  ? { readonly batch: Batch; readonly rows: Rows; readonly columns: Columns }
  : null;

export type MatMul<A extends Shape, B extends Shape> =
  IsOpen<A> extends true
    ? Shape
    : IsOpen<B> extends true
      ? Shape
      : A extends readonly [number]
        ? B extends readonly [number]
          ? []
          : Matrices<B> extends {
                readonly batch: infer Batch extends number[];
                readonly columns: infer N extends number;
              }
            ? [...Batch, N]
            : Shape
        : Matrices<A> extends { readonly batch: infer BatchA extends number[]; readonly rows: infer M extends number }
          ? B extends readonly [number]
            ? [...BatchA, M]
            : Matrices<B> extends {
                  readonly batch: infer BatchB extends number[];
                  readonly columns: infer N extends number;
                }
              ? [...BroadcastSizes<BatchA, BatchB>, M, N]
              : Shape
          : Shape;

/** The sizes that a product sums over. */
type InnerA<A extends Shape> = A extends readonly [...number[], infer K] ? K : null;
type InnerB<B extends Shape> = B extends readonly [infer K]
  ? K
  : B extends readonly [...number[], infer K, number]
    ? K
    : null;
type BatchOf<S extends Shape> = S extends readonly [...infer Batch extends number[], number, number] ? Batch : [];

export type MatMulCheck<A extends Shape, B extends Shape> =
  IsOpen<A> extends true
    ? unknown
    : IsOpen<B> extends true
      ? unknown
      : [InnerA<A>, InnerB<B>] extends [infer X extends number, infer Y extends number]
        ? SameSize<X, Y> extends false
          ? ShapeMismatch<`matmul: inner sizes ${ShowSize<X>} and ${ShowSize<Y>} differ: ${ShowShape<A>} times ${ShowShape<B>}`>
          : BroadcastCheck<"matmul", BatchOf<A>, BatchOf<B>>
        : ShapeMismatch<`matmul: expected at least one axis each, got ${ShowShape<A>} and ${ShowShape<B>}`>;

/** Whether two sizes can be equal. */
type SameSize<X extends number, Y extends number> = number extends X
  ? true
  : number extends Y
    ? true
    : [X] extends [Y]
      ? true
      : false;

/** x·Wᵀ: the last axis becomes as long as the weight has rows. */
export type LinearOutput<S extends Shape, Out extends number> = S extends readonly [
  ...infer Batch extends number[],
  number,
]
  ? [...Batch, Out]
  : Shape;

export type LinearCheck<S extends Shape, W extends Shape> =
  IsOpen<S> extends true
    ? unknown
    : IsOpen<W> extends true
      ? unknown
      : SameSize<SizeAt<S, -1>, SizeAt<W, 1>> extends false
        ? ShapeMismatch<`linear: input sizes ${ShowSize<SizeAt<S, -1>>} and ${ShowSize<SizeAt<W, 1>>} differ: ${ShowShape<S>} with a weight ${ShowShape<W>}`>
        : unknown;

// Reductions

/** Sizes without the axes in `Dropped`, or with 1 there. */
type WithoutAxes<
  S extends Shape,
  Dropped extends number,
  Keep extends boolean,
  Done extends number[] = [],
  Position extends unknown[] = [],
> = S extends readonly [infer First extends number, ...infer Rest extends number[]]
  ? WithoutAxes<
      Rest,
      Dropped,
      Keep,
      Position["length"] extends Dropped ? (Keep extends true ? [...Done, 1] : Done) : [...Done, First],
      [...Position, unknown]
    >
  : Done;

type AxesOf<Axis> = Axis extends readonly number[] ? Axis[number] : Axis extends number ? Axis : never;

/** The shape after a reduction with options `axis` and `keepdims`. */
export type Reduced<S extends Shape, Options> = "axis" extends keyof Options
  ? Options extends { readonly axis: infer Axis }
    ? ReducedAlong<S, AxesOf<Axis>, KeepOf<Options>>
    : Shape
  : KeepOf<Options> extends true
    ? IsOpen<S> extends true
      ? Shape
      : { -readonly [K in keyof S]: 1 }
    : KeepOf<Options> extends false
      ? []
      : Shape;

type KeepOf<Options> = "keepdims" extends keyof Options
  ? Options extends { readonly keepdims: infer Keep extends boolean }
    ? Keep
    : boolean
  : false;

type ReducedAlong<S extends Shape, Axes extends number, Keep extends boolean> =
  IsOpen<S> extends true
    ? Shape
    : number extends Axes
      ? Shape
      : boolean extends Keep
        ? Shape
        : WithoutAxes<S, FromFront<Axes, S>, Keep>;

// Views

/** A product of sizes as a tuple of that length; only for few small sizes. */
type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
type Few = readonly [] | readonly [Digit] | readonly [Digit, Digit] | readonly [Digit, Digit, Digit];
type Times<
  List extends unknown[],
  Count extends number,
  Done extends unknown[] = [],
  Turn extends unknown[] = [],
> = Turn["length"] extends Count ? Done : Times<List, Count, [...Done, ...List], [...Turn, unknown]>;
type Product<S extends Shape, Done extends unknown[] = [unknown]> = S extends readonly [
  infer First extends number,
  ...infer Rest extends number[],
]
  ? Product<Rest, Times<Done, First>>
  : Done["length"];

export type Reshaped<T extends Shape> = number extends T["length"]
  ? Shape
  : { -readonly [K in keyof T]: T[K] extends -1 ? number : T[K] };

/** Counts elements where both shapes are literal and small; what is larger is checked when it runs. */
export type ReshapeCheck<S extends Shape, T extends Shape> = S extends Few
  ? T extends Few
    ? Product<S> extends Product<T>
      ? unknown
      : ShapeMismatch<`reshape: ${ShowShape<S>} has ${ShowSize<Product<S>>} elements and ${ShowShape<T>} has ${ShowSize<Product<T>>}`>
    : unknown
  : unknown;

export type Permuted<S extends Shape, Axes extends Shape> = number extends Axes["length"]
  ? Shape
  : { -readonly [K in keyof Axes]: SizeAt<S, Axes[K] & number> };

export type Transposed<S extends Shape, A extends number, B extends number> =
  IsOpen<S> extends true ? Shape : number extends A | B ? Shape : Swapped<S, FromFront<A, S>, FromFront<B, S>>;
type Swapped<S extends Shape, A extends number, B extends number> = {
  -readonly [K in keyof S]: K extends `${A}` ? S[B] : K extends `${B}` ? S[A] : S[K];
};

export type ExpandCheck<S extends Shape, T extends Shape> =
  IsOpen<S> extends true
    ? unknown
    : IsOpen<T> extends true
      ? unknown
      : Fits<S, T> extends false
        ? ShapeMismatch<`expand: ${ShowShape<S>} does not broadcast to ${ShowShape<T>}`>
        : unknown;
/** Whether S repeats to T: each of its sizes is 1 or T's. */
type Fits<S extends Shape, T extends Shape> = S extends readonly [
  ...infer SInit extends number[],
  infer SLast extends number,
]
  ? T extends readonly [...infer TInit extends number[], infer TLast extends number]
    ? [SLast] extends [1]
      ? Fits<SInit, TInit>
      : SameSize<SLast, TLast> extends true
        ? Fits<SInit, TInit>
        : false
    : false
  : true;

/** With a new axis of a size. */
export type Inserted<S extends Shape, Axis extends number, Size extends number> =
  IsOpen<S> extends true ? Shape : number extends Axis ? Shape : InsertedAt<S, FromFront<Axis, [...S, number]>, Size>;
type InsertedAt<
  S extends Shape,
  Axis extends number,
  Size extends number,
  Done extends number[] = [],
> = Done["length"] extends Axis
  ? [...Done, Size, ...S]
  : S extends readonly [infer First extends number, ...infer Rest extends number[]]
    ? InsertedAt<Rest, Axis, Size, [...Done, First]>
    : Shape;

/** The shape of tensors side by side along a new axis. */
export type Stacked<T extends readonly unknown[], S extends Shape, Options> = "axis" extends keyof Options
  ? Options extends { readonly axis: infer Axis extends number }
    ? Inserted<S, Axis, T["length"]>
    : Shape
  : Inserted<S, 0, T["length"]>;

// Functions

/** Nothing to ask of a result, unless it is known to have more than one element. */
export type ScalarCheck<Operation extends string, S extends Shape> =
  IsOpen<S> extends true
    ? unknown
    : number extends S[number]
      ? unknown
      : [S[number]] extends [1]
        ? unknown
        : ShapeMismatch<`${Operation}: expected a function with a scalar result, got shape ${ShowShape<S>}`>;

// Literals

type Leaf = number | boolean;
type Levels = readonly unknown[];

/** The shape of nested arrays as they are written; what is not literal is `number`. */
export type LiteralShape<T, Sizes extends number[] = []> = [T] extends [Leaf]
  ? Sizes
  : [T] extends [Levels]
    ? Sizes["length"] extends 8
      ? Shape
      : LiteralShape<RowOf<T>, [...Sizes, T["length"]]>
    : Shape;
/** The first row of a literal, or whatever the rows of an array are. */
type RowOf<T extends Levels> = T extends readonly [infer First, ...unknown[]]
  ? First
  : T extends readonly []
    ? Leaf
    : T[number];
/** Nothing to ask, unless rows that are written side by side differ in length. */
export type LiteralCheck<T> = T extends readonly [infer First extends Levels, ...infer Rest]
  ? Ragged<First["length"], Rest> extends infer Other extends number
    ? ShapeMismatch<`tensor: rows of ${First["length"]} and ${Other} elements differ in length`>
    : unknown
  : unknown;
type Ragged<Length, Rows extends Levels> = Rows[number] extends { readonly length: infer Other }
  ? number extends Length | Other
    ? null
    : [Other] extends [Length]
      ? null
      : Exclude<Other, Length>
  : null;

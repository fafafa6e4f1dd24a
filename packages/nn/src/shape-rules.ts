// What layers do to shapes, at the type level, so that layers which do not fit together do not compile.
import type { Shape, ShapeMismatch } from "@cotangent/core";

/** A function on shapes: `output` is written in terms of `this["input"]`. A layer names its own as `shapeRule`. */
export interface ShapeRule {
  readonly input: unknown;
  readonly output: unknown;
}

/** The rule of layers that work element by element. */
export interface SameShape extends ShapeRule {
  readonly output: this["input"];
}

/** Something with a rule or without one; the shape behind the latter is unknown. */
type After<Layer, S> =
  S extends ShapeMismatch<string>
    ? S
    : Layer extends { readonly shapeRule: infer Rule extends ShapeRule }
      ? (Rule & { readonly input: S })["output"]
      : Shape;

/** The shape behind a chain of layers. */
export type Through<Layers extends readonly unknown[], S> = number extends Layers["length"]
  ? Shape
  : Layers extends readonly [infer First, ...infer Rest]
    ? Through<Rest, After<First, S>>
    : S;

/** The layers, with the first one that does not fit the one before it replaced by what is wrong. */
export type Fitting<Layers extends readonly unknown[], S = Shape> = number extends Layers["length"]
  ? Layers
  : Layers extends readonly [infer First, ...infer Rest]
    ? After<First, S> extends infer Next
      ? Next extends ShapeMismatch<string>
        ? readonly [Next, ...Rest]
        : readonly [First, ...Fitting<Rest, Next>]
      : never
    : Layers;

/** What to ask of an argument beside being a tensor: nothing, unless the result is a mismatch. */
export type Accepts<Output> = Output extends ShapeMismatch<string> ? Output : unknown;

/** The shape that a rule gives, or an unknown one. */
export type AsShape<Output> = Output extends Shape ? Output : Shape;

type Fits<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : A extends B
      ? true
      : false;

/** The last axis must be `From` and becomes `To`. */
export type LastAxis<S, Name extends string, From extends number, To extends number> = S extends readonly [
  ...infer Lead extends readonly number[],
  infer Last extends number,
]
  ? Fits<Last, From> extends true
    ? readonly [...Lead, To]
    : ShapeMismatch<`${Name}: expected last axis ${From}, got ${Last}`>
  : readonly [...number[], To];

/** The last axis must be `From`; the shape stays. */
export type SameLastAxis<S, Name extends string, From extends number> = S extends readonly [
  ...(readonly number[]),
  infer Last extends number,
]
  ? Fits<Last, From> extends true
    ? S
    : ShapeMismatch<`${Name}: expected last axis ${From}, got ${Last}`>
  : S;

/** Axis 1 must be `From`; the shape stays. */
export type SameChannels<S, Name extends string, From extends number> = S extends readonly [
  number,
  infer Channels extends number,
  ...(readonly number[]),
]
  ? Fits<Channels, From> extends true
    ? S
    : ShapeMismatch<`${Name}: expected ${From} channels, got ${Channels}`>
  : S;

/** As many extents as there are spatial axes, none of them known. */
type Extents<Rank extends number> = Rank extends 1
  ? readonly [number]
  : Rank extends 2
    ? readonly [number, number]
    : Rank extends 3
      ? readonly [number, number, number]
      : readonly number[];

/** From [batch, From, …] to [batch, To, …], with `Rank` extents that change; also without the batch. */
export type Convolved<S, Rank extends number, From extends number, To extends number> = S extends readonly [
  infer Batch extends number,
  infer Channels extends number,
  ...Extents<Rank>,
]
  ? Fits<Channels, From> extends true
    ? readonly [Batch, To, ...Extents<Rank>]
    : ShapeMismatch<`Conv${Rank}d: expected ${From} channels, got ${Channels}`>
  : S extends readonly [infer Channels extends number, ...Extents<Rank>]
    ? Fits<Channels, From> extends true
      ? readonly [To, ...Extents<Rank>]
      : ShapeMismatch<`Conv${Rank}d: expected ${From} channels, got ${Channels}`>
    : S extends Shape
      ? number extends S["length"]
        ? readonly [number, To, ...Extents<Rank>]
        : ShapeMismatch<`Conv${Rank}d: expected [batch, channels] and ${Rank} more axes, got ${S["length"]} axes`>
      : Shape;

/** From [batch, channels, …] to [batch, channels, …], with `Rank` extents that change; also without the batch. */
export type Pooled<S, Rank extends number> = S extends readonly [
  infer Batch extends number,
  infer Channels extends number,
  ...Extents<Rank>,
]
  ? readonly [Batch, Channels, ...Extents<Rank>]
  : S extends readonly [infer Channels extends number, ...Extents<Rank>]
    ? readonly [Channels, ...Extents<Rank>]
    : Shape;

/** From [batch, …] to [batch, ?], if all axes but the first are merged. */
export type Flattened<S, Start extends number, End extends number> = [Start, End] extends [1, -1]
  ? S extends readonly [infer Batch extends number, ...(readonly number[])]
    ? readonly [Batch, number]
    : readonly [number, number]
  : Shape;

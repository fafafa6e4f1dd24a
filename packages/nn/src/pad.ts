// Margins around the spatial axes of [batch, channels, …], without the batch too.
import { ArgumentError, type PadMode, pad, type Shape, ShapeError, type Tensor } from "@cotangent/core";
import { showShape } from "./arguments.ts";
import { Module } from "./module.ts";
import type { AsShape, Pooled, ShapeRule } from "./shape-rules.ts";

interface PadShapes<Rank extends number> extends ShapeRule {
  readonly output: Pooled<this["input"], Rank>;
}

/** One number for all sides, or `[before, after]` for each spatial axis, in their order. */
export type Margins = number | readonly (readonly [before: number, after: number])[];

abstract class Pad<Rank extends 1 | 2 | 3> extends Module {
  declare readonly shapeRule: PadShapes<Rank>;
  readonly padding: readonly (readonly [before: number, after: number])[];

  constructor(padding: Margins) {
    super();
    const rank = this.spatialRank();
    this.padding =
      typeof padding === "number" ? Array.from({ length: rank }, () => [padding, padding] as const) : padding;
    if (this.padding.length !== rank)
      throw new ArgumentError(
        `${this.constructor.name}: expected a number or ${rank} pairs [before, after], got ${JSON.stringify(padding)}`,
      );
  }

  protected abstract spatialRank(): Rank;
  protected abstract readonly mode: PadMode;
  protected get fill(): number {
    return 0;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<AsShape<Pooled<S, Rank>>>;
  override forward(x: Tensor): Tensor {
    const rank = this.padding.length;
    if (x.rank !== rank + 1 && x.rank !== rank + 2)
      throw new ShapeError(
        `${this.constructor.name}: expected [N, C${", L".repeat(rank)}], got shape ${showShape(x.shape)}`,
      );
    return pad(x, this.padding, { mode: this.mode, value: this.fill });
  }

  override toString(): string {
    return `${this.constructor.name}(${JSON.stringify(this.padding)})`;
  }
}

abstract class ConstantPad<Rank extends 1 | 2 | 3> extends Pad<Rank> {
  readonly value: number;
  constructor(padding: Margins, value: number) {
    super(padding);
    this.value = value;
  }
  protected override get mode(): PadMode {
    return "constant";
  }
  protected override get fill(): number {
    return this.value;
  }
}

abstract class ZeroPad<Rank extends 1 | 2 | 3> extends Pad<Rank> {
  protected override get mode(): PadMode {
    return "constant";
  }
}

abstract class ReflectionPad<Rank extends 1 | 2 | 3> extends Pad<Rank> {
  protected override get mode(): PadMode {
    return "reflect";
  }
}

abstract class ReplicationPad<Rank extends 1 | 2 | 3> extends Pad<Rank> {
  protected override get mode(): PadMode {
    return "replicate";
  }
}

abstract class CircularPad<Rank extends 1 | 2 | 3> extends Pad<Rank> {
  protected override get mode(): PadMode {
    return "circular";
  }
}

/**
 * A margin that holds one value, around [batch, channels, length].
 * @example await new ConstantPad1d(1, 9).forward(tensor([[1, 2]])).toArray() // [[9, 1, 2, 9]]
 */
export class ConstantPad1d extends ConstantPad<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** A margin that holds one value, around [batch, channels, height, width]. */
export class ConstantPad2d extends ConstantPad<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** A margin that holds one value, around [batch, channels, depth, height, width]. */
export class ConstantPad3d extends ConstantPad<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

/** A margin of zeros around [batch, channels, length]. */
export class ZeroPad1d extends ZeroPad<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/**
 * A margin of zeros around [batch, channels, height, width].
 * @example new ZeroPad2d([[0, 1], [2, 2]]).forward(zeros([8, 3, 4, 4])).shape // [8, 3, 5, 8]
 */
export class ZeroPad2d extends ZeroPad<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** A margin of zeros around [batch, channels, depth, height, width]. */
export class ZeroPad3d extends ZeroPad<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

/**
 * A margin that mirrors without the edge, around [batch, channels, length].
 * @example await new ReflectionPad1d(1).forward(tensor([[1, 2, 3]])).toArray() // [[2, 1, 2, 3, 2]]
 */
export class ReflectionPad1d extends ReflectionPad<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** A margin that mirrors without the edge, around [batch, channels, height, width]. */
export class ReflectionPad2d extends ReflectionPad<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** A margin that mirrors without the edge, around [batch, channels, depth, height, width]. */
export class ReflectionPad3d extends ReflectionPad<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

/**
 * A margin that repeats the edge, around [batch, channels, length].
 * @example await new ReplicationPad1d([[0, 2]]).forward(tensor([[1, 2]])).toArray() // [[1, 2, 2, 2]]
 */
export class ReplicationPad1d extends ReplicationPad<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** A margin that repeats the edge, around [batch, channels, height, width]. */
export class ReplicationPad2d extends ReplicationPad<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** A margin that repeats the edge, around [batch, channels, depth, height, width]. */
export class ReplicationPad3d extends ReplicationPad<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

/**
 * A margin that wraps around, of [batch, channels, length].
 * @example await new CircularPad1d(1).forward(tensor([[1, 2, 3]])).toArray() // [[3, 1, 2, 3, 1]]
 */
export class CircularPad1d extends CircularPad<1> {
  protected override spatialRank(): 1 {
    return 1;
  }
}

/** A margin that wraps around, of [batch, channels, height, width]. */
export class CircularPad2d extends CircularPad<2> {
  protected override spatialRank(): 2 {
    return 2;
  }
}

/** A margin that wraps around, of [batch, channels, depth, height, width]. */
export class CircularPad3d extends CircularPad<3> {
  protected override spatialRank(): 3 {
    return 3;
  }
}

// Shapes at the type level: what operations do to literal sizes. Sizes that are not literal flow through as `number`.
import type { Shape } from "./shape.ts";

export type Broadcast<A extends Shape, B extends Shape> = A extends B ? Shape : Shape;

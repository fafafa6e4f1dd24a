// The shapes that the sweep tries: 60 products of matrices and 60 convolutions, none of which should fall off a cliff.
import { conv2d, manualSeed, matmul, randn, realize, type Tensor, vjp } from "@cotangent/core";

export interface ShapeCase {
  readonly name: string;
  /** Only cases of one kind are held against each other: the others are bound by other things. */
  readonly kind: string;
  readonly flops: number;
  /** Makes the operands; each run computes the result anew. */
  prepare(): () => void;
}

const compute = (make: () => Tensor) => (): void => {
  const result = make();
  realize(result);
  result.dispose();
};

const placed = (shape: readonly number[]): Tensor => {
  const x = randn(shape);
  realize(x);
  return x;
};

type Product = readonly [m: number, k: number, n: number];

/** m×k by k×n. Near powers of two, far from them, narrow inner and outer sizes. */
const products: readonly Product[] = [
  ...([
    [128, 128, 128],
    [127, 127, 127],
    [129, 129, 129],
    [100, 300, 100],
    [64, 784, 100],
    [128, 784, 65],
  ] as const),
  ...([
    [65, 127, 300],
    [96, 200, 97],
    [48, 512, 100],
    [150, 100, 150],
    [128, 256, 100],
    [300, 100, 300],
  ] as const),
  ...([
    [256, 256, 256],
    [257, 257, 257],
    [255, 127, 511],
    [300, 300, 300],
    [128, 784, 256],
    [127, 784, 300],
  ] as const),
  ...([
    [256, 127, 512],
    [512, 100, 512],
    [1024, 65, 300],
    [333, 333, 333],
    [128, 1000, 333],
  ] as const),
  ...([
    [512, 512, 512],
    [511, 513, 509],
    [640, 480, 1000],
    [1000, 300, 1000],
    [768, 768, 768],
    [1023, 127, 1025],
  ] as const),
  ...([
    [300, 3072, 300],
    [1024, 512, 384],
    [384, 1024, 512],
    [2048, 100, 1000],
  ] as const),
];

/** Ten classes: wide enough for a tile, but not for two. */
const narrow: readonly Product[] = [
  ...([
    [128, 784, 10],
    [1000, 1000, 10],
    [4096, 512, 10],
    [512, 10, 512],
    [2000, 10, 1000],
    [10, 1000, 1000],
  ] as const),
];

/** Every element of a matrix is used once, or by few rows, each kind by itself: these are bound by memory. */
const vectors: readonly Product[] = [
  ...([
    [1, 784, 256],
    [1, 1024, 1024],
    [1, 4096, 1000],
    [1024, 1024, 1],
    [3, 2048, 1024],
  ] as const),
];

/** The same products with operands that are stored transposed, as in gradients. */
const transposed: readonly Product[] = [
  [128, 784, 256],
  [300, 100, 300],
  [512, 512, 512],
  [127, 1000, 333],
];

/** Attention's two products, for so many tokens, of 64 heads of 32. */
const tokens = [48, 64, 65, 97] as const;

function productCases(): ShapeCase[] {
  const one = (kind: string, [m, k, n]: Product, stored: "" | "Aᵀ" | "Bᵀ"): ShapeCase => ({
    name: `${m}×${k} by ${k}×${n}${stored === "" ? "" : `, ${stored}`}`,
    kind,
    flops: 2 * m * k * n,
    prepare() {
      const a = placed(stored === "Aᵀ" ? [k, m] : [m, k]);
      const b = placed(stored === "Bᵀ" ? [n, k] : [k, n]);
      return compute(() => matmul(stored === "Aᵀ" ? a.transpose() : a, stored === "Bᵀ" ? b.transpose() : b));
    },
  });
  const batched = (batch: number, [m, k, n]: Product): ShapeCase => ({
    name: `${batch} of ${m}×${k} by ${k}×${n}`,
    kind: "batched product",
    flops: 2 * batch * m * k * n,
    prepare() {
      const [a, b] = [placed([batch, m, k]), placed([batch, k, n])];
      return compute(() => matmul(a, b));
    },
  });
  return [
    ...products.map((shape) => one("product", shape, "")),
    ...transposed.flatMap((shape) => [one("product", shape, "Aᵀ"), one("product", shape, "Bᵀ")]),
    ...narrow.map((shape) => one("narrow product", shape, "")),
    ...vectors.map((shape) =>
      one(shape[0] === 1 || shape[2] === 1 ? "matrix by vector" : "few rows by matrix", shape, ""),
    ),
    ...tokens.flatMap((t) => [batched(64, [t, 32, t]), batched(64, [t, t, 32])]),
  ];
}

interface Geometry {
  readonly x: readonly [n: number, c: number, h: number, w: number];
  readonly out: number;
  readonly size: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
}

const geometries: readonly Geometry[] = [
  { x: [64, 1, 28, 28], out: 24, size: 5 },
  { x: [64, 24, 12, 12], out: 32, size: 3 },
  { x: [32, 3, 32, 32], out: 32, size: 3, padding: 1 },
  { x: [32, 16, 32, 32], out: 32, size: 3, padding: 1 },
  { x: [16, 32, 28, 28], out: 64, size: 3, padding: 1 },
  { x: [16, 64, 14, 14], out: 64, size: 3, padding: 1 },
  { x: [1, 64, 56, 56], out: 64, size: 3, padding: 1 },
  { x: [7, 20, 31, 29], out: 36, size: 3, padding: 1 },
  { x: [16, 33, 17, 17], out: 65, size: 3, padding: 1 },
  { x: [8, 64, 28, 28], out: 64, size: 3, stride: 2, padding: 1 },
  { x: [8, 3, 64, 64], out: 32, size: 7, stride: 2, padding: 3 },
  { x: [16, 32, 28, 28], out: 32, size: 3, padding: 2, dilation: 2 },
  { x: [16, 32, 28, 28], out: 32, size: 5, padding: 2 },
  { x: [16, 64, 28, 28], out: 64, size: 1 },
  { x: [16, 100, 20, 20], out: 300, size: 1 },
  { x: [8, 128, 28, 28], out: 256, size: 1, stride: 2 },
  { x: [16, 64, 28, 28], out: 64, size: 3, padding: 1, groups: 4 },
  { x: [16, 64, 28, 28], out: 64, size: 3, padding: 1, groups: 8 },
  { x: [16, 64, 28, 28], out: 64, size: 3, padding: 1, groups: 64 },
  { x: [16, 64, 28, 28], out: 64, size: 3, stride: 2, padding: 1, groups: 64 },
];

const kindOf = ({ x: [, c], size, groups = 1 }: Geometry): string => {
  if (groups > 1) return groups === c ? "depthwise convolution" : "grouped convolution";
  return size === 1 ? "1×1 convolution" : "convolution";
};

function convolutionCases(geometry: Geometry): ShapeCase[] {
  const { x: shape, out, size, stride = 1, padding = 0, dilation = 1, groups = 1 } = geometry;
  const [n, c, h, w] = shape;
  const along = (length: number): number => Math.floor((length + 2 * padding - dilation * (size - 1) - 1) / stride) + 1;
  const outShape = [n, out, along(h), along(w)] as const;
  const flops = (2 * outShape[0] * out * outShape[2] * outShape[3] * c * size * size) / groups;
  const options = { stride, padding, dilation, groups };
  const details = Object.entries({ stride, padding, dilation, groups })
    .filter(([name, value]) => value !== (name === "padding" ? 0 : 1))
    .map(([name, value]) => `, ${name} ${value}`);
  const name = `${shape.join("×")} by ${out} of ${size}×${size}${details.join("")}`;
  const operands = (): [Tensor, Tensor] => [placed(shape), placed([out, c / groups, size, size])];
  const kind = kindOf(geometry);
  return [
    {
      name,
      kind,
      flops,
      prepare() {
        const [x, filter] = operands();
        return compute(() => conv2d(x, filter, options));
      },
    },
    {
      name: `${name}; ∂x`,
      kind,
      flops,
      prepare() {
        const [x, filter] = operands();
        const g = placed(outShape);
        return compute(() => vjp((input: Tensor) => conv2d(input, filter, options), [x])[1](g)[0]);
      },
    },
    {
      name: `${name}; ∂w`,
      kind,
      flops,
      prepare() {
        const [x, filter] = operands();
        const g = placed(outShape);
        return compute(() => vjp((weights: Tensor) => conv2d(x, weights, options), [filter])[1](g)[0]);
      },
    },
  ];
}

/** The same in every run: values come from a seed. */
export function shapeCases(): { matmul: ShapeCase[]; conv: ShapeCase[] } {
  manualSeed(1);
  return { matmul: productCases(), conv: geometries.flatMap(convolutionCases) };
}

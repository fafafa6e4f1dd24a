// Literal sizes through the public functions: what they become, and which calls do not compile.
import { describe, expectTypeOf, test } from "vitest";
import {
  add,
  argmax,
  expand,
  eye,
  grad,
  jvp,
  linear,
  matmul,
  mul,
  ones,
  permute,
  rand,
  relu,
  reshape,
  type Shape,
  softmax,
  stack,
  sum,
  Tensor,
  tensor,
  transpose,
  unsqueeze,
  valueAndGrad,
  vmap,
  where,
  zeros,
  zerosLike,
} from "../index.ts";

declare const unknownShape: Tensor;
declare const count: number;
declare const batch: Tensor<[number, 784]>;

describe("creation", () => {
  test("literals", () => {
    expectTypeOf(tensor(2)).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(tensor(true)).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(tensor([1, 2, 3])).toEqualTypeOf<Tensor<[3]>>();
    expectTypeOf(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    ).toEqualTypeOf<Tensor<[2, 2]>>();
    expectTypeOf(tensor([[[1], [2]]])).toEqualTypeOf<Tensor<[1, 2, 1]>>();
    expectTypeOf(tensor([])).toEqualTypeOf<Tensor<[0]>>();
    expectTypeOf(tensor([1, 2], { dtype: "int32" })).toEqualTypeOf<Tensor<[2]>>();
    expectTypeOf(tensor([1, 2, 3, 4], { shape: [2, 2] })).toEqualTypeOf<Tensor<[2, 2]>>();
  });
  test("data whose size is not written", () => {
    const list: number[] = [1, 2];
    const rows: number[][] = [[1], [2]];
    expectTypeOf(tensor(list)).toEqualTypeOf<Tensor<[number]>>();
    expectTypeOf(tensor(rows)).toEqualTypeOf<Tensor<[number, number]>>();
    expectTypeOf(tensor([list, list])).toEqualTypeOf<Tensor<[2, number]>>();
    expectTypeOf(tensor(new Float32Array(4))).toEqualTypeOf<Tensor<[number]>>();
    expectTypeOf(tensor(new Float32Array(4), { shape: [2, 2] })).toEqualTypeOf<Tensor<[2, 2]>>();
    expectTypeOf(tensor(new Float32Array(4), { shape: [2, count] })).toEqualTypeOf<Tensor<[2, number]>>();
    const shape: number[] = [2, 2];
    expectTypeOf(tensor(new Float32Array(4), { shape })).toEqualTypeOf<Tensor>();
  });
  test("rows of different length", () => {
    // @ts-expect-error tensor: rows of 2 and 3 elements differ in length
    tensor([
      [1, 2],
      [3, 4, 5],
    ]);
  });
  test("shapes", () => {
    expectTypeOf(zeros([32, 784])).toEqualTypeOf<Tensor<[32, 784]>>();
    expectTypeOf(ones([])).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(zeros([count, 10])).toEqualTypeOf<Tensor<[number, 10]>>();
    expectTypeOf(zeros([2, 3] as const)).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(zeros(unknownShape.shape)).toEqualTypeOf<Tensor>();
    expectTypeOf(zeros(batch.shape)).toEqualTypeOf<Tensor<[number, 784]>>();
    expectTypeOf(zeros([2, 3]).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(rand([2, 3])).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(eye(3)).toEqualTypeOf<Tensor<[3, 3]>>();
    expectTypeOf(zerosLike(batch)).toEqualTypeOf<Tensor<[number, 784]>>();
  });
});

describe("assignability", () => {
  test("literal sizes go where less is known, and not the other way", () => {
    const known: Tensor<[2, 3]> = zeros([2, 3]);
    const open: Tensor = known;
    const half: Tensor<[number, 3]> = known;
    // @ts-expect-error 3 is not 4
    const other: Tensor<[2, 4]> = known;
    // @ts-expect-error nothing is known
    const narrow: Tensor<[2, 3]> = open;
    expectTypeOf([open, half, other, narrow]).toExtend<Tensor[]>();
  });
  test("a variable takes the results of operations on itself", () => {
    let x = zeros([2, 3]);
    x = x.add(1).mul(x).relu();
    let y: Tensor = x;
    y = y.matmul(y).sum({ axis: 0 });
    expectTypeOf(y).toEqualTypeOf<Tensor>();
  });
});

describe("broadcasting", () => {
  test("sizes", () => {
    expectTypeOf(zeros([2, 3]).add(zeros([3]))).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(add(zeros([2, 1]), zeros([1, 3]))).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(add(zeros([3]), zeros([2, 1]))).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(mul(2, zeros([3]))).toEqualTypeOf<Tensor<[3]>>();
    expectTypeOf(zeros([3]).div(2)).toEqualTypeOf<Tensor<[3]>>();
    expectTypeOf(zeros([]).sub(zeros([4]))).toEqualTypeOf<Tensor<[4]>>();
    expectTypeOf(zeros([2, 3]).lt(zeros([3]))).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(where(zeros([2, 1]), zeros([3]), 0)).toEqualTypeOf<Tensor<[2, 3]>>();
  });
  test("sizes that are not literal", () => {
    expectTypeOf(batch.add(zeros([784]))).toEqualTypeOf<Tensor<[number, 784]>>();
    expectTypeOf(zeros([784]).add(batch)).toEqualTypeOf<Tensor<[number, 784]>>();
    expectTypeOf(batch.sum({ axis: 1, keepdims: true }).add(zeros([32, 1]))).toEqualTypeOf<Tensor<[number, 1]>>();
    expectTypeOf(unknownShape.add(batch)).toEqualTypeOf<Tensor>();
    expectTypeOf(batch.add(unknownShape)).toEqualTypeOf<Tensor>();
    expectTypeOf(add(unknownShape, 1)).toEqualTypeOf<Tensor>();
  });
  test("a variable that holds tensors of several shapes", () => {
    for (const parameter of [zeros([3]), zeros([2, 3])]) {
      expectTypeOf(parameter.sub(parameter.mul(0.1)).shape).toEqualTypeOf<[3] | [2, 3]>();
      expectTypeOf(parameter.sum()).toEqualTypeOf<Tensor<[]>>();
    }
  });
  test("sizes that differ", () => {
    // @ts-expect-error where: shapes [2, 1] and [3, 2] do not broadcast: sizes 2 and 3 differ
    where(zeros([2, 1]), zeros([3, 2]), 0);
    // @ts-expect-error add: shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 differ
    zeros([2, 3]).add(zeros([4]));
    // @ts-expect-error mul: shapes [?, 784] and [2] do not broadcast: sizes 784 and 2 differ
    mul(batch, zeros([2]));
    // @ts-expect-error eq: shapes [2, 1, 3] and [5, 1, 1] do not broadcast: sizes 2 and 5 differ
    zeros([2, 1, 3]).eq(zeros([5, 1, 1]));
  });
});

describe("matmul", () => {
  test("sizes", () => {
    expectTypeOf(zeros([2, 3]).matmul(zeros([3, 4]))).toEqualTypeOf<Tensor<[2, 4]>>();
    expectTypeOf(matmul(zeros([3]), zeros([3, 4]))).toEqualTypeOf<Tensor<[4]>>();
    expectTypeOf(matmul(zeros([2, 3]), zeros([3]))).toEqualTypeOf<Tensor<[2]>>();
    expectTypeOf(matmul(zeros([3]), zeros([3]))).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(matmul(zeros([5, 1, 2, 3]), zeros([7, 3, 4]))).toEqualTypeOf<Tensor<[5, 7, 2, 4]>>();
    expectTypeOf(matmul(batch, zeros([784, 10]))).toEqualTypeOf<Tensor<[number, 10]>>();
    expectTypeOf(matmul(unknownShape, zeros([784, 10]))).toEqualTypeOf<Tensor>();
  });
  test("sizes that differ", () => {
    // @ts-expect-error matmul: inner sizes 784 and 256 differ: [?, 784] times [256, 10]
    batch.matmul(zeros([256, 10]));
    // @ts-expect-error matmul: inner sizes 3 and 2 differ
    matmul(zeros([2, 3]), zeros([2, 3]));
    // @ts-expect-error matmul: shapes [2] and [3] do not broadcast
    matmul(zeros([2, 4, 5]), zeros([3, 5, 4]));
    // @ts-expect-error matmul: expected at least one axis each
    matmul(zeros([]), zeros([3]));
  });
  test("linear", () => {
    expectTypeOf(linear(batch, zeros([256, 784]), zeros([256]))).toEqualTypeOf<Tensor<[number, 256]>>();
    // @ts-expect-error linear: input sizes 784 and 200 differ
    linear(batch, zeros([256, 200]));
  });
});

describe("reductions", () => {
  test("sizes", () => {
    const x = zeros([2, 3, 4]);
    expectTypeOf(x.sum()).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(unknownShape.mean()).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(x.sum({ axis: 0 })).toEqualTypeOf<Tensor<[3, 4]>>();
    expectTypeOf(sum(x, { axis: -1 })).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(x.max({ axis: [0, -1] })).toEqualTypeOf<Tensor<[3]>>();
    expectTypeOf(x.mean({ axis: 1, keepdims: true })).toEqualTypeOf<Tensor<[2, 1, 4]>>();
    expectTypeOf(x.sum({ keepdims: true })).toEqualTypeOf<Tensor<[1, 1, 1]>>();
    expectTypeOf(argmax(batch, { axis: 1 })).toEqualTypeOf<Tensor<[number]>>();
  });
  test("what is not literal", () => {
    const x = zeros([2, 3]);
    const options: { readonly axis?: number; readonly keepdims?: boolean } = {};
    expectTypeOf(x.sum({ axis: count })).toEqualTypeOf<Tensor>();
    expectTypeOf(x.sum(options)).toEqualTypeOf<Tensor>();
    expectTypeOf(unknownShape.sum({ axis: 0 })).toEqualTypeOf<Tensor>();
  });
});

describe("views", () => {
  test("sizes", () => {
    const x = zeros([2, 3]);
    expectTypeOf(x.reshape([3, 2])).toEqualTypeOf<Tensor<[3, 2]>>();
    expectTypeOf(x.reshape([6])).toEqualTypeOf<Tensor<[6]>>();
    expectTypeOf(reshape(x, [1, -1])).toEqualTypeOf<Tensor<[1, number]>>();
    expectTypeOf(batch.reshape([32, 28, 28])).toEqualTypeOf<Tensor<[32, 28, 28]>>();
    expectTypeOf(x.transpose()).toEqualTypeOf<Tensor<[3, 2]>>();
    expectTypeOf(transpose(zeros([2, 3, 4]), 0, -1)).toEqualTypeOf<Tensor<[4, 3, 2]>>();
    expectTypeOf(permute(zeros([2, 3, 4]), [2, 0, 1])).toEqualTypeOf<Tensor<[4, 2, 3]>>();
    expectTypeOf(unknownShape.permute([1, 0])).toEqualTypeOf<Tensor<[number, number]>>();
    expectTypeOf(expand(zeros([3]), [2, 3])).toEqualTypeOf<Tensor<[2, 3]>>();
    expectTypeOf(unsqueeze(x, 1)).toEqualTypeOf<Tensor<[2, 1, 3]>>();
    expectTypeOf(unsqueeze(x, -1)).toEqualTypeOf<Tensor<[2, 3, 1]>>();
    expectTypeOf(stack([x, x, x])).toEqualTypeOf<Tensor<[3, 2, 3]>>();
    expectTypeOf(relu(softmax(x))).toEqualTypeOf<Tensor<[2, 3]>>();
  });
  test("sizes that do not fit", () => {
    // @ts-expect-error reshape: [2, 3] has 6 elements and [4, 2] has 8
    zeros([2, 3]).reshape([4, 2]);
    // @ts-expect-error expand: [3] does not broadcast to [3, 2]
    expand(zeros([3]), [3, 2]);
  });
});

describe("transforms", () => {
  const f = (x: Tensor<[]>, y: Tensor<[]>): Tensor<[]> => x.sin().add(x.mul(y));
  test("gradients are like the arguments", () => {
    expectTypeOf(grad(f)(tensor(2), tensor(3))).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(grad(f, [0, 1])(tensor(2), tensor(3))).toEqualTypeOf<[Tensor<[]>, Tensor<[]>]>();
    const loss = (w: { readonly weight: Tensor<[2, 3]> }, x: Tensor<[2]>): Tensor<[]> => x.matmul(w.weight).sum();
    expectTypeOf(grad(loss)({ weight: zeros([2, 3]) }, zeros([2])).weight).toEqualTypeOf<Tensor<[2, 3]>>();
    const [value, gradient] = valueAndGrad(loss, 1)({ weight: zeros([2, 3]) }, zeros([2]));
    expectTypeOf(value).toEqualTypeOf<Tensor<[]>>();
    expectTypeOf(gradient).toEqualTypeOf<Tensor<[2]>>();
  });
  test("functions whose result is not a scalar", () => {
    // @ts-expect-error grad: expected a function with a scalar result, got shape [3]
    grad((x: Tensor<[3]>) => x.mul(x));
    grad((x: Tensor) => x.mul(x).sum());
    grad((x: Tensor) => x);
  });
  test("arguments of another shape", () => {
    // @ts-expect-error [2] is not []
    grad(f)(tensor([1, 2]), tensor(3));
  });
  test("jvp and vmap", () => {
    expectTypeOf(jvp(f, [tensor(2), tensor(3)], [tensor(1), tensor(0)])).toEqualTypeOf<
      [result: Tensor<[]>, tangent: Tensor<[]>]
    >();
    expectTypeOf(vmap(f)(zeros([5]), zeros([5]))).toEqualTypeOf<Tensor>();
  });
});

describe("generic code", () => {
  test("keeps the shape", () => {
    const twice = <S extends Shape>(x: Tensor<S>): Tensor<S> => x.relu().mul(2).add(x).div(x.abs().add(1));
    expectTypeOf(twice(zeros([2, 3]))).toEqualTypeOf<Tensor<[2, 3]>>();
    const positive = <S extends Shape>(x: Tensor<S>): Tensor<S> => where(x.gt(0), x, 0);
    expectTypeOf(positive(batch)).toEqualTypeOf<Tensor<[number, 784]>>();
    const center = <S extends Shape>(x: Tensor<S>): Tensor<[]> => x.sub(1).mean();
    expectTypeOf(center(batch)).toEqualTypeOf<Tensor<[]>>();
  });
  test("instances", () => {
    class Scale extends Tensor<[3]> {}
    expectTypeOf(new Scale(zeros([3]).node).mul(2)).toEqualTypeOf<Tensor<[3]>>();
    expectTypeOf(new Scale(zeros([3]).node).matmul(zeros([3, 2]))).toEqualTypeOf<Tensor<[2]>>();
  });
});

// Values, gradients, tangents and Hessian products against those of PyTorch, on every device, each at its own tolerance.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { deviceNames, select, setDefaultDevice, stack, type Tensor, tensor } from "../index.ts";
import { type GoldenAttributes, goldenFunctions, notThereYet, otherPackages } from "../testing/golden-functions.ts";
import { expectNear, type OpCase, readFixture, type Several, type StoredTensor } from "../testing/goldens.ts";
import { hvp } from "./jacobian.ts";
import { jvp, vjp, vmap } from "./transforms.ts";

const { cases } = readFixture("ops.json") as { cases: OpCase[] };

const isList = <T>(x: Several<T>): x is readonly (T | null)[] => Array.isArray(x);
const listOf = <T>(x: Several<T>): readonly (T | null)[] => (isList(x) ? x : [x]);

function load({ shape, data, dtype }: StoredTensor): Tensor {
  const values = data.map(Number);
  return tensor(values, { shape, dtype: dtype === "i64" ? "int32" : (dtype ?? "float32") });
}

/** The results of a case as a function of its differentiable inputs. */
function functionOf(item: OpCase): { f: (...xs: Tensor[]) => Tensor[]; primals: Tensor[]; positions: number[] } {
  const build = goldenFunctions[item.op];
  if (!build) throw new Error(`no function for ${item.op}`);
  const inputs = item.inputs.map(load);
  const positions = item.inputs.flatMap((input, i) => (input.requiresGrad ? [i] : []));
  const f = (...xs: Tensor[]): Tensor[] => {
    const all = inputs.map((x, i) => xs[positions.indexOf(i)] ?? x);
    const y = build(all, item.attrs as object as GoldenAttributes);
    return Array.isArray(y) ? [...y] : [y as Tensor];
  };
  return { f, primals: positions.map((i) => inputs[i]!), positions };
}

function check(item: OpCase, what: string, actual: Tensor, stored: StoredTensor): void {
  expect(actual.shape, `${what}: shape`).toEqual(stored.shape);
  const kind = stored.dtype === "i64" ? "int32" : (stored.dtype ?? "float32");
  expect(actual.dtype, `${what}: dtype`).toBe(kind);
  const options = { round: item.ref === "f32", signedZero: item.tags?.includes("signed-zero") ?? false };
  expectNear(what, actual.dataSync(), stored, item.tol[what.split(" ")[0]!] ?? [0, 0], options);
}

function runCase(item: OpCase): void {
  const { f, primals, positions } = functionOf(item);
  const outputs = listOf(item.output);
  const results = f(...primals);
  expect(results.length).toBe(outputs.length);
  outputs.forEach((stored, i) => {
    if (stored) check(item, `output ${i}`, results[i]!, stored);
  });
  const { cotangent, grads, jvp: forward, hvp: second } = item;
  const pulled = cotangent ? listOf(cotangent) : [];
  /** Only results with a cotangent are differentiable. */
  const differentiable = (...xs: Tensor[]): Tensor[] => f(...xs).filter((_, i) => !cotangent || pulled[i]);
  const weights = pulled.flatMap((stored) => (stored ? [load(stored)] : []));
  if (cotangent && grads) {
    const [, pull] = vjp(differentiable, primals);
    const found = pull(weights);
    positions.forEach((at, i) => {
      const stored = grads[at];
      if (stored) check(item, `grad ${i}`, found[i]!, stored);
    });
  }
  const directions = (stored: readonly (StoredTensor | null)[]): Tensor[] => positions.map((at) => load(stored[at]!));
  if (forward) {
    const tangents = listOf(forward.out_tangent).filter((stored) => stored !== null);
    const [, moved] = jvp(differentiable, primals, directions(forward.tangents));
    tangents.forEach((stored, i) => {
      check(item, `jvp ${i}`, moved[i]!, stored);
    });
  }
  if (second && forward) {
    const weighed = (...xs: Tensor[]): Tensor =>
      differentiable(...xs)
        .map((y, i) => y.mul(weights[i]!).sum() as Tensor)
        .reduce((a, b) => a.add(b));
    const products = hvp(weighed, primals, directions(second.tangents ?? forward.tangents));
    positions.forEach((at, i) => {
      const stored = second.result[at];
      if (stored) check(item, `hvp ${i}`, products[i]!, stored);
    });
  }
}

const known = cases.filter(({ op }) => op in goldenFunctions);

describe.each(deviceNames())("goldens on %s", (device) => {
  let passed = 0;
  const operations = new Set<string>();
  beforeAll(() => setDefaultDevice(device));
  afterEach(({ task }) => {
    if (task.result?.state === "pass" && !task.name.endsWith("loop")) passed++;
  });
  afterAll(() => {
    console.info(
      `goldens on ${device}: ${passed} of ${known.length} cases of ${operations.size} operations pass; ` +
        `${cases.length - known.length} cases are other packages' (${otherPackages.length} operations) or of operations that are not there yet: ${notThereYet.join(", ") || "none"}`,
    );
  });
  test.each(known.filter(({ tags, inputs }) => !tags && inputs.some((x) => x.requiresGrad)))(
    "$id: over a batch, with gradients, equals a loop",
    (item) => {
      const { f, primals } = functionOf(item);
      const examples = [1, 0.97].map((scale) => primals.map((x) => x.mul(scale)));
      const gradients = (...xs: Tensor[]): Tensor[] => {
        const [ys, pull] = vjp((...zs: Tensor[]) => f(...zs).filter((y) => y.dtype === "float32"), xs);
        return [...ys, ...pull(ys)];
      };
      const batched = vmap(gradients)(...primals.map((_, i) => stack(examples.map((xs) => xs[i]!))));
      examples.forEach((xs, k) => {
        gradients(...xs).forEach((one, i) => {
          const part = select(batched[i]!, 0, k);
          const data = [...one.dataSync()];
          const scale = Math.max(1, ...data.filter(Number.isFinite).map(Math.abs));
          expect(part.shape).toEqual(one.shape);
          expectNear(`example ${k}, result ${i}`, part.dataSync(), { shape: [], data }, [1e-5 * scale, 1e-5]);
        });
      });
    },
  );
  test.each(known)("$id: $note", (item) => {
    operations.add(item.op);
    runCase(item);
  });
});

test("every golden operation has a function, belongs to another package, or is listed as missing", () => {
  const named = [...Object.keys(goldenFunctions), ...notThereYet, ...otherPackages];
  expect(named.toSorted()).toEqual([...new Set(cases.map(({ op }) => op))].toSorted());
  expect(new Set(named).size).toBe(named.length);
});

describe("the comparison itself", () => {
  const shifted = ({ data, ...stored }: StoredTensor): StoredTensor => ({
    ...stored,
    data: data.map((x) => Number(x) * 1.01 + 0.01),
  });
  const item = cases.find(({ id }) => id === "matmul.0")!;
  const several = (stored: Several<StoredTensor>): Several<StoredTensor> => shifted(listOf(stored)[0]!);
  const wrong: Record<string, OpCase> = {
    output: { ...item, output: several(item.output) },
    grad: { ...item, grads: item.grads!.map((stored) => stored && shifted(stored)) },
    jvp: { ...item, jvp: { ...item.jvp!, out_tangent: several(item.jvp!.out_tangent) } },
    hvp: { ...item, hvp: { result: item.hvp!.result.map((stored) => stored && shifted(stored)) } },
  };
  test.each(Object.entries(wrong))("notices a wrong %s", (what, broken) => {
    expect(() => runCase(broken)).toThrow(what);
  });
});

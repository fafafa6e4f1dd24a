// Transforms inside of transforms, in random order and depth: whatever is wrapped around a function, its values and
// derivatives of first and second order, in both modes and over a batch, are those of the function.
import { describe, expect, test } from "vitest";
import {
  checkpoint,
  cond,
  customVjp,
  deviceNames,
  grad,
  jvp,
  scan,
  setDefaultDevice,
  stack,
  type Tensor,
  tensor,
  vmap,
} from "../index.ts";

type Map1 = (x: Tensor) => Tensor;

/** Each gives the same function. */
const wrappers: Readonly<Record<string, (f: Map1) => Map1>> = {
  checkpoint: (f) => checkpoint(f),
  scan: (f) => (x) => scan((c: Tensor) => [f(c), null], x, null, { length: 1 })[0],
  "scan over a batch": (f) => (x) =>
    scan((c: Tensor, y: Tensor) => [c, f(y)], tensor(0), stack([x, x]))[1].mean({ axis: 0 }),
  cond: (f) => (x) => cond(tensor(true), f, (y: Tensor) => y, x),
  customVjp: (f) => customVjp(f, (g, _, x) => [g.mul(grad((y: Tensor) => f(y).sum())(x))]),
  vmap: (f) => vmap(f),
  "vmap of cond": (f) => vmap((x: Tensor) => cond(x.gt(-100), f, (y: Tensor) => y, x)),
  halves: (f) => (x) => f(x).mul(0.5).add(f(x).mul(0.5)),
};
const names = Object.keys(wrappers);
const base: Map1 = (x) => x.sin().mul(x).add(1);

const properties: Readonly<Record<string, (f: Map1, x: Tensor) => Tensor>> = {
  value: (f, x) => f(x),
  gradient: (f, x) => grad((y: Tensor) => f(y).pow(2).sum())(x),
  tangent: (f, x) => jvp(f, [x], [x])[1],
  "reverse over reverse": (f, x) => grad((y: Tensor) => properties.gradient?.(f, y).pow(2).sum() ?? y)(x),
  "forward over reverse": (f, x) => jvp((y: Tensor) => properties.gradient?.(f, y) ?? y, [x], [x])[1],
  "reverse over forward": (f, x) => grad((y: Tensor) => jvp(f, [y], [x])[1].pow(2).sum())(x),
  "over a batch": (f, x) => vmap((y: Tensor) => properties.gradient?.(f, y) ?? y)(stack([x, x.mul(2)])),
};

let state = 1;
const pick = (n: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

/** Names of wrappers, from the inside out; one axis can be mapped over once. */
function chain(): string[] {
  const list = Array.from({ length: 1 + pick(4) }, () => names[pick(names.length)] ?? "cond");
  return list.filter((name, i) => !name.startsWith("vmap") || list.findIndex((x) => x.startsWith("vmap")) === i);
}

const chains = [...new Set(Array.from({ length: 40 }, () => chain().join(", ")))].filter((text) => text !== "");

describe.each(deviceNames())("on %s", (device) => {
  test.each(chains)("%s", (text) => {
    setDefaultDevice(device);
    const x = tensor([0.3, 0.7, -0.4], { dtype: "float64" });
    const f = text.split(", ").reduce((inner, name) => wrappers[name]?.(inner) ?? inner, base);
    for (const [what, of] of Object.entries(properties)) {
      const found = of(f, x);
      const expected = of(base, x);
      expect(found.shape, what).toEqual(expected.shape);
      const values = expected.dataSync();
      found.dataSync().forEach((v, i) => {
        expect(v, what).toBeCloseTo(values[i] ?? Number.NaN, 9);
      });
    }
  });
});

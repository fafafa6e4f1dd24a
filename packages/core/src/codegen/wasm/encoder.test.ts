// Every instruction is encoded as the engine expects it, and control flow and locals work.
import { describe, expect, it } from "vitest";
import { call, ModuleBuilder, tee } from "./encoder.ts";
import * as instructions from "./instructions.ts";
import { type F64, f32x4, f64, i32, ifElse, type Value } from "./instructions.ts";
import * as opcodes from "./opcodes.ts";

const run = (module: ModuleBuilder, imports: WebAssembly.Imports = {}): Record<string, CallableFunction> =>
  new WebAssembly.Instance(new WebAssembly.Module(module.finish()), imports).exports as Record<
    string,
    CallableFunction
  >;

describe("encoder", () => {
  const zeros: Record<string, Value> = {
    i32: i32.const(0),
    i64: instructions.i64.const(0n),
    f32: instructions.f32.const(0),
    f64: f64.const(0),
    v128: f32x4.const(0),
  };
  const { f32, i64, v128, i8x16, i16x8, i32x4, i64x2, f64x2 } = instructions;
  const namespaces = { i32, i64, f32, f64, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 };
  for (const [namespace, members] of Object.entries(namespaces))
    for (const [name, make] of Object.entries(members) as [string, (...args: any[]) => Value][])
      it(`${namespace}.${name} validates`, () => {
        if (name === "const" || name === "shuffle") return;
        const operands = Object.values(zeros);
        const attempts: Value[][] = operands.flatMap((a) => [[a], [a, a], [a, zeros.i32!]]);
        const numbered: unknown[][] = operands.flatMap((a) => [
          [a, 0, ...operands],
          [zeros.i32, a, 0],
        ]);
        const three = operands.map((a) => [a, a, a]);
        const replace = operands.map((a) => [zeros.v128, 0, a]);
        const valid = [...attempts, ...numbered, ...three, ...replace].some((args) => {
          const module = new ModuleBuilder();
          module.importMemory({ module: "env", name: "memory", minimumPages: 1 });
          try {
            module.function([], null).drop(make(...args));
          } catch {
            return false;
          }
          return WebAssembly.validate(module.finish());
        });
        expect(valid).toBe(true);
      });

  it("has no number twice", () => {
    const numbers = Object.values(opcodes).flatMap((table) => Object.values(table));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("runs loops, branches, helpers and imports", () => {
    const module = new ModuleBuilder();
    const square = module.helper("square", () => {
      const f = module.function(["f64"], "f64");
      f.value(f64.mul(f.param("f64", 0), f.param("f64", 0)));
      return f;
    });
    expect(module.helper("square", () => module.function([], null))).toBe(square);
    const f = module.function(["i32"], "f64");
    const n = f.param("i32", 0);
    const sum = f.local("f64", f64.const(0));
    const i = f.local("i32");
    f.for(i, 0, n, 1, () => {
      f.scope(() => {
        const x = f.local("f64", call(square, "f64", f64.convertI32(i)));
        f.set(sum, f64.add(sum, ifElse(i32.and(i, i32.const(1)), f64.neg(x), x) as F64));
      });
    });
    f.block((out) => {
      f.brIf(out, i32.lt(n, i32.const(100)));
      f.if(
        i32.const(0),
        () => f.set(sum, f64.const(1)),
        () => f.set(sum, call(module.importFunction("math", "exp", ["f64"], "f64"), "f64", tee(sum, f64.const(1)))),
      );
    });
    f.return(sum);
    module.export("alternating", f);
    const { alternating } = run(module, { math: { exp: Math.exp } });
    expect(alternating?.(5)).toBe(0 - 1 + 4 - 9 + 16);
    expect(alternating?.(0)).toBe(0);
    expect(alternating?.(100)).toBe(Math.E);
  });

  it("imports a shared memory and reuses locals", () => {
    const module = new ModuleBuilder();
    module.importMemory({ module: "env", name: "memory", minimumPages: 1, maximumPages: 65536, shared: true });
    const f = module.function([], null);
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) f.scope(() => seen.push(f.local("v128", f32x4.const(1.5)).local));
    expect(seen).toEqual([0, 0, 0]);
    f.store(i32.const(16), f32x4.add(f32x4.const(1, 2, 3, 4), f32x4.const(0.5)));
    f.storeLane(32, i32.const(0), f32x4.const(1, 2, 3, 4), 2, 4);
    module.export("f", f);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    run(module, { env: { memory } }).f?.();
    expect([...new Float32Array(memory.buffer, 0, 8)]).toEqual([0, 3, 0, 0, 1.5, 2.5, 3.5, 4.5]);
  });

  it("writes what was recorded as often as it is asked to", () => {
    const module = new ModuleBuilder();
    const f = module.function([], "i32");
    const sum = f.local("i32", i32.const(1));
    const doubled = f.record(() => f.set(sum, i32.add(sum, sum)));
    f.increase(sum, 2);
    for (let i = 0; i < 3; i++) f.write(doubled);
    f.return(sum);
    module.export("f", f);
    expect(run(module).f?.()).toBe(24);
  });

  it("takes offsets, locals and constants of any size", () => {
    const module = new ModuleBuilder();
    module.importMemory({ module: "env", name: "memory", minimumPages: 2 });
    const offsets = [0, 4, 63, 64, 127, 128, 1023, 1024, 1025, 16383, 16384, 70000, 131068];
    const memory = new WebAssembly.Memory({ initial: 2 });
    offsets.forEach((offset, i) => {
      // Twice: the second time may find what the first one made.
      for (const round of [1, 2]) {
        const f = module.function([], "i32");
        const locals = Array.from({ length: offset % 1100 }, () => f.local("i32"));
        const last = f.local("i32", i32.const(round * (offset + 1)));
        f.store(i32.const(0), i32.add(last, i32.const(-locals.length)), offset);
        f.return(i32.load(i32.const(0), offset));
        module.export(`f${i} ${round}`, f);
      }
    });
    const exports = run(module, { env: { memory } });
    offsets.forEach((offset, i) => {
      for (const round of [1, 2]) {
        const expected = round * (offset + 1) - (offset % 1100);
        expect(exports[`f${i} ${round}`]?.()).toBe(expected);
        expect(new DataView(memory.buffer).getInt32(offset, true)).toBe(expected);
      }
    });
  });
});

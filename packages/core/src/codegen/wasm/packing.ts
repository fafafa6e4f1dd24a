// Copies blocks of a matrix operand, however it lies in memory, into panels that tiles read from start to end.
import type { Axis } from "./contract-axes.ts";
import type { Callable, FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import { type I32, i32, select, shuffle32, v128 } from "./instructions.ts";

/** Σ stride·index in bytes of the element number `index` of a walk over `axes`. */
export function byteOffset(axes: readonly Axis[], index: Local<"i32">, elementBytes = 4): I32 {
  let sum: I32 | null = null;
  let inner = 1;
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i];
    if (!axis) break;
    const quotient = inner === 1 ? index : i32.divU(index, i32.const(inner));
    const position = i === 0 ? quotient : i32.remU(quotient, i32.const(axis.size));
    inner *= axis.size;
    if (axis.stride === 0) continue;
    const term = i32.mul(position, i32.const(axis.stride * elementBytes));
    sum = sum ? i32.add(sum, term) : term;
  }
  return sum ?? i32.const(0);
}

/** Writes the byte offsets of elements start … start + count − 1. */
export function fillOffsets(f: FunctionBuilder, table: I32, axes: readonly Axis[], start: I32, count: I32): void {
  f.scope(() => {
    const at = f.local("i32", table);
    const index = f.local("i32", start);
    const end = f.local("i32", i32.add(start, count));
    f.while(i32.lt(index, end), () => {
      f.store(at, byteOffset(axes, index));
      f.increase(at, 4);
      f.increase(index, 1);
    });
  });
}

/**
 * Writes the byte offsets of the rows of panels: `pitch` entries for each panel of `rows` rows. Entries beyond the rows
 * of a panel, or beyond `size` rows in all, repeat a row that is there: tiles compute with it and throw the result away.
 */
export function fillPanelOffsets(
  f: FunctionBuilder,
  table: I32,
  axes: readonly Axis[],
  panels: { readonly rows: number; readonly pitch: number; readonly size: number },
  start: I32,
  count: I32,
): void {
  const { rows, pitch, size } = panels;
  f.scope(() => {
    const at = f.local("i32", table);
    const first = f.local("i32", start);
    const end = f.local("i32", i32.add(start, count));
    const j = f.local("i32");
    const index = f.local("i32");
    f.while(i32.lt(first, end), () => {
      f.for(j, 0, pitch, 1, () => {
        f.set(index, i32.add(first, minimum(j, i32.const(rows - 1))));
        f.set(index, minimum(index, i32.const(size - 1)));
        f.store(at, byteOffset(axes, index));
        f.increase(at, 4);
      });
      f.increase(first, rows);
    });
  });
}

const minimum = (a: I32, b: I32): I32 => select(i32.lt(a, b), a, b);

/** How an operand moves with k: `unit` side by side, `even` at one distance, `table` by a table of offsets. */
export type Steps = "unit" | "even" | "table";

/**
 * A function (to, from, rows, step, count, panels, quads, panelBytes) that packs panels of 4·`quads` rows: for each of
 * `count` steps of k, the panel's rows side by side. `rows` points to offsets of the rows, `step` is the distance of
 * steps in bytes, or points to the offsets of steps.
 */
export function packPanels(module: ModuleBuilder, steps: Steps): Callable {
  return module.helper(`pack ${steps}`, () => {
    const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], null);
    const param = (i: number): Local<"i32"> => f.param("i32", i);
    const panel = param(0);
    const from = param(1);
    const rows = param(2);
    const step = param(3);
    const count = param(4);
    const panels = param(5);
    const quads = param(6);
    const panelBytes = param(7);
    const pitch = f.local("i32", i32.shl(quads, i32.const(4)));
    const quad = f.local("i32");
    const to = f.local("i32");
    const left = f.local("i32");
    const table = f.local("i32");
    const sources = [0, 1, 2, 3].map(() => f.local("i32"));
    const [first = rows, ...others] = sources;

    /** Visits the steps one by one; inside, `sources` plus `offset` are the addresses. */
    const eachStep = (moved: readonly Local<"i32">[], visit: (address: (source: I32) => I32) => void): void => {
      f.loop((again) => {
        if (steps === "table") {
          f.scope(() => {
            const offset = f.local("i32", i32.load(table));
            visit((source) => i32.add(source, offset));
          });
          f.increase(table, 4);
        } else {
          visit((source) => source);
          for (const source of moved) f.increase(source, steps === "unit" ? i32.const(4) : step);
        }
        f.increase(to, pitch);
        f.increase(left, -1);
        f.brIf(again, left);
      });
    };
    const copyVectors = (): void => eachStep([first], (address) => f.store(to, v128.load(address(first))));
    const copyLanes = (): void =>
      eachStep(sources, (address) => {
        const value = others.reduce(
          (vector, source, i) => v128.load32Lane(address(source), vector, i + 1),
          v128.load32Zero(address(first)),
        );
        f.store(to, value);
      });

    f.while(panels, () => {
      f.set(quad, i32.const(0));
      f.while(i32.lt(quad, quads), () => {
        f.set(to, i32.add(panel, i32.shl(quad, i32.const(4))));
        sources.forEach((source, i) => {
          f.set(source, i32.add(from, i32.load(rows, 4 * i)));
        });
        f.set(left, count);
        if (steps === "table") f.set(table, step);
        const sideBySide = others
          .map((source, i) => i32.eq(i32.sub(source, first), i32.const(4 * (i + 1))))
          .reduce((both, one) => i32.and(both, one));
        f.if(sideBySide, copyVectors, () => {
          if (steps === "unit") {
            f.while(i32.gt(left, i32.const(3)), () => {
              transpose(f, sources, to, pitch);
              f.increase(left, -4);
            });
            f.if(left, copyLanes);
          } else copyLanes();
        });
        f.increase(rows, 16);
        f.increase(quad, 1);
      });
      f.increase(panel, panelBytes);
      f.increase(panels, -1);
    });
    return f;
  });
}

/** Reads four elements from each of four places, and writes them the other way round; moves all pointers on. */
function transpose(f: FunctionBuilder, sources: readonly Local<"i32">[], to: Local<"i32">, pitch: I32): void {
  f.scope(() => {
    const [a, b, c, d] = sources.map((source) => f.local("v128", v128.load(source)));
    if (!a || !b || !c || !d) return;
    const low = [f.local("v128", shuffle32(a, b, [0, 4, 1, 5])), f.local("v128", shuffle32(c, d, [0, 4, 1, 5]))];
    const high = [f.local("v128", shuffle32(a, b, [2, 6, 3, 7])), f.local("v128", shuffle32(c, d, [2, 6, 3, 7]))];
    for (const [x, y] of [low, high]) {
      if (!x || !y) return;
      f.store(to, shuffle32(x, y, [0, 1, 4, 5]));
      f.increase(to, pitch);
      f.store(to, shuffle32(x, y, [2, 3, 6, 7]));
      f.increase(to, pitch);
    }
    for (const source of sources) f.increase(source, 16);
  });
}

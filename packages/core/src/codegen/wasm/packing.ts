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

/** Writes the byte offsets of elements start … start + count − 1: run by run of the innermost axis. */
export function fillOffsets(f: FunctionBuilder, table: I32, axes: readonly Axis[], start: I32, count: I32): void {
  const { size = 1, stride = 0 } = axes.at(-1) ?? {};
  f.scope(() => {
    const at = f.local("i32", table);
    const index = f.local("i32", start);
    const end = f.local("i32", i32.add(start, count));
    const offset = f.local("i32");
    const stop = f.local("i32");
    f.while(i32.lt(index, end), () => {
      f.set(offset, byteOffset(axes, index));
      f.set(stop, axes.length > 1 ? i32.sub(i32.add(index, i32.const(size)), i32.remU(index, i32.const(size))) : end);
      f.set(stop, minimum(stop, end));
      f.loop((again) => {
        f.store(at, offset);
        f.increase(at, 4);
        f.increase(offset, 4 * stride);
        f.increase(index, 1);
        f.brIf(again, i32.lt(index, stop));
      });
    });
  });
}

/**
 * Writes the byte offsets of the rows of panels: `pitch` entries for each panel of `rows` rows. Entries beyond the rows
 * of a panel are the next panel's, and beyond `size` rows in all repeat the last one: tiles throw their results away.
 */
export function fillPanelOffsets(
  f: FunctionBuilder,
  table: I32,
  axes: readonly Axis[],
  panels: { readonly rows: number; readonly pitch: number; readonly size: I32 },
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
        f.set(index, minimum(i32.add(first, j), i32.sub(size, i32.const(1))));
        f.store(at, byteOffset(axes, index));
        f.increase(at, 4);
      });
      f.increase(first, rows);
    });
  });
}

const minimum = (a: I32, b: I32): I32 => select(i32.lt(a, b), a, b);

/**
 * How an operand moves with k: `unit` side by side, `even` at one distance, `table` by a table of offsets, `runs` by a
 * table too, but often side by side.
 */
export type Steps = "unit" | "even" | "table" | "runs";

export const stepsOf = (axes: readonly Axis[], tabled: boolean): Steps => {
  const unit = axes.at(-1)?.stride === 1;
  return tabled ? (unit ? "runs" : "table") : unit ? "unit" : "even";
};

/**
 * A function (to, from, step, count, panels, panelBytes) that packs panels of 4·`quads` rows which lie side by side, one
 * panel `advance` rows after the other: for each step of k, its part of all panels, so that memory is read in long
 * runs. `from` is where the first row lies, `step` is as for packPanels. Reads up to a panel beyond the last row.
 */
export function packRuns(module: ModuleBuilder, tabled: boolean, quads: number, advance: number): Callable {
  return module.helper(`pack runs ${tabled} ${quads} ${advance}`, () => {
    const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32"], null);
    const [row, from, step] = [f.param("i32", 0), f.param("i32", 1), f.param("i32", 2)];
    const [left, panels, panelBytes] = [f.param("i32", 3), f.param("i32", 4), f.param("i32", 5)];
    const source = f.local("i32");
    const to = f.local("i32");
    const panel = f.local("i32");
    f.if(panels, () => {
      f.while(left, () => {
        f.set(source, tabled ? i32.add(from, i32.load(step)) : from);
        f.set(to, row);
        f.set(panel, panels);
        f.loop((again) => {
          f.scope(() => {
            const vectors = Array.from({ length: quads }, (_, q) => f.local("v128", v128.load(source, 16 * q)));
            // From the last to the first: see storeAll in loops.ts.
            for (const [q, vector] of [...vectors.entries()].reverse()) f.store(to, vector, 16 * q);
          });
          f.increase(source, 4 * advance);
          f.increase(to, panelBytes);
          f.increase(panel, -1);
          f.brIf(again, panel);
        });
        if (tabled) f.increase(step, 4);
        else f.increase(from, step);
        f.increase(row, 16 * quads);
        f.increase(left, -1);
      });
    });
    return f;
  });
}

/** Copies one step; `address` is where a source lies in it. */
type Visit = (address: (source: I32) => I32) => void;

/**
 * A function (to, from, rows, step, count, panels, panelBytes) that packs panels of 4·`quads` rows: for each of `count`
 * steps of k, the panel's rows side by side. `rows` points to offsets of the rows, `step` is the distance of steps in
 * bytes, or points to the offsets of steps.
 */
export function packPanels(module: ModuleBuilder, steps: Steps, quads: number): Callable {
  return module.helper(`pack ${steps} ${quads}`, () => {
    const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32", "i32"], null);
    const param = (i: number): Local<"i32"> => f.param("i32", i);
    const [panel, from, rows, step, count, panels, panelBytes] = [
      param(0),
      param(1),
      param(2),
      param(3),
      param(4),
      param(5),
      param(6),
    ];
    const tabled = steps === "table" || steps === "runs";
    const pitch = 16 * quads;
    const quad = f.local("i32");
    const to = f.local("i32");
    const left = f.local("i32");
    const table = f.local("i32");
    const sources = [0, 1, 2, 3].map(() => f.local("i32"));
    const [first = rows, ...others] = sources;

    const oneStep = (moved: readonly Local<"i32">[], visit: Visit): void => {
      if (tabled) {
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
    };
    const copyVector: Visit = (address) => f.store(to, v128.load(address(first)));
    const copyLanes: Visit = (address) => {
      const value = others.reduce(
        (vector, source, i) => v128.load32Lane(address(source), vector, i + 1),
        v128.load32Zero(address(first)),
      );
      f.store(to, value);
    };

    /** Four steps that lie side by side. */
    const copyTurned = (offset: I32 | null): void => {
      transpose(f, sources, offset, to, pitch);
      f.increase(to, 4 * pitch);
      f.increase(left, -4);
      if (offset) f.increase(table, 16);
      else for (const source of sources) f.increase(source, 16);
    };
    /** Four steps if they lie side by side, or one: runs may begin anywhere. */
    const copyRun = (): void =>
      f.scope(() => {
        const offset = f.local("i32", i32.load(table));
        const isRun = [1, 2, 3]
          .map((q) => i32.eq(i32.sub(i32.load(table, 4 * q), offset), i32.const(4 * q)))
          .reduce((both, one) => i32.and(both, one));
        f.if(
          isRun,
          () => copyTurned(offset),
          () => oneStep(sources, copyLanes),
        );
      });

    f.while(panels, () => {
      f.for(quad, 0, pitch, 16, () => {
        f.set(to, i32.add(panel, quad));
        sources.forEach((source, i) => {
          f.set(source, i32.add(from, i32.load(rows, 4 * i)));
        });
        f.set(left, count);
        if (tabled) f.set(table, step);
        const sideBySide = others
          .map((source, i) => i32.eq(i32.sub(source, first), i32.const(4 * (i + 1))))
          .reduce((both, one) => i32.and(both, one));
        f.if(
          sideBySide,
          () => f.while(left, () => oneStep([first], copyVector)),
          () => {
            const four = i32.ge(left, i32.const(4));
            if (steps === "unit") f.while(four, () => copyTurned(null));
            if (steps === "runs") f.while(four, copyRun);
            f.while(left, () => oneStep(sources, copyLanes));
          },
        );
        f.increase(rows, 16);
      });
      f.increase(panel, panelBytes);
      f.increase(panels, -1);
    });
    return f;
  });
}

/** Reads four elements from each of four places, and writes them the other way round. */
function transpose(
  f: FunctionBuilder,
  sources: readonly Local<"i32">[],
  offset: I32 | null,
  to: Local<"i32">,
  pitch: number,
): void {
  f.scope(() => {
    const [a, b, c, d] = sources.map((source) => f.local("v128", v128.load(offset ? i32.add(source, offset) : source)));
    if (!a || !b || !c || !d) return;
    const low = [f.local("v128", shuffle32(a, b, [0, 4, 1, 5])), f.local("v128", shuffle32(c, d, [0, 4, 1, 5]))];
    const high = [f.local("v128", shuffle32(a, b, [2, 6, 3, 7])), f.local("v128", shuffle32(c, d, [2, 6, 3, 7]))];
    [low, high].forEach(([x, y], i) => {
      if (!x || !y) return;
      f.store(to, shuffle32(x, y, [0, 1, 4, 5]), 2 * i * pitch);
      f.store(to, shuffle32(x, y, [2, 3, 6, 7]), (2 * i + 1) * pitch);
    });
  });
}

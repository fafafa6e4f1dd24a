// Random programs of tensor functions, and their text: what a failing one shrinks to can be pasted into a test.
import { type DType, isFloat } from "../base/dtype.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { moreMoves } from "./more-moves.ts";
import { commonMoves, largest, type Made, type Move, type Names } from "./moves.ts";
import { type SeededOptions, seededArray } from "./seeded-values.ts";
import { wholeMoves } from "./whole-moves.ts";
import { windowMoves } from "./window-moves.ts";

/** One line: which move, its operands among the values so far, and a number that settles the rest. All are taken modulo what there is. */
export type Step = readonly [move: number, x: number, y: number, detail: number];
export type Program = readonly Step[];

/** Where the leaves of a program come from. */
export interface Setting {
  readonly device: string;
  readonly dtype: "float32" | "float64";
  /** Leaves out what has kinks, or changes nothing but dtypes: for gradients. */
  readonly smooth: boolean;
  /** Takes in what jumps where values differ in their last bit: for those that may not. */
  readonly exact?: boolean;
  /** Takes in moves to NaN, infinities and negative zeros. */
  readonly odd?: boolean;
  /** Returns some of the values as well that others use. */
  readonly inner?: boolean;
  /** Leaves to use in place of the program's own. */
  readonly leaves?: readonly Tensor[];
}

export interface Trace {
  readonly leaves: readonly Tensor[];
  /**
   * The last values that nothing else uses, and inner ones where the setting says so; then the last integers, which no
   * gradient flows to, unless the program has to be smooth.
   */
  readonly results: readonly Tensor[];
  readonly text: ProgramText;
}

export interface ProgramText {
  /** Expressions of the leaves, and their names in the program. */
  readonly leaves: readonly (readonly [name: string, expression: string])[];
  readonly lines: readonly string[];
}

const shapes: readonly Shape[] = [
  [],
  [1],
  [3],
  [7],
  [10],
  [17],
  [2, 3],
  [3, 5],
  [4, 1],
  [1, 10],
  [2, 3, 4],
  [2, 1, 5],
  [33],
  [0, 3],
  [5, 65],
  [2, 3, 8],
  [4, 6, 5],
  [1, 1, 1],
  [1, 7, 1],
  [2, 0, 4],
];

const integerTypes: readonly DType[] = ["int32", "int32", "uint8", "bool"];

const moves: readonly Move[] = [...commonMoves, ...moreMoves, ...windowMoves, ...wholeMoves];
const fits = ({ steep = false, odd = false, ...move }: Move, setting: Setting): boolean =>
  setting.smooth ? move.smooth : (!steep || setting.exact === true) && (!odd || setting.odd === true);

/** How many moves there are, for generators of programs. */
export const moveCount: number = moves.length;

const at = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)];

/** Runs a program: builds its graph. The same program in the same setting gives the same values. */
export function trace(program: Program, setting: Setting): Trace {
  const { device, dtype, smooth, inner = false, leaves: given = [] } = setting;
  const fitting = moves.filter((each) => fits(each, setting));
  const lines: string[] = [];
  const leaves: Tensor[] = [];
  const leafTexts: (readonly [string, string])[] = [];
  const values: Tensor[] = [];
  const names: string[] = [];
  const wholes: Made[] = [];
  const used = new Set<number>();
  const returned = new Set<number>();
  const seeded = (shape: Shape, options: SeededOptions): Made => [
    tensor(seededArray(sizeOf(shape), options), { shape, device, dtype: options.dtype ?? dtype }),
    `seededValues(${showShape(shape)}, ${JSON.stringify(options)})`,
  ];
  const constant = (made: Made): Made => {
    const name = `c${lines.length}`;
    lines.push(`const ${name}: Tensor = ${made[1]};`);
    return [made[0], name];
  };
  const tools: Omit<Names, "x" | "y"> = {
    constant: (shape, seed) => constant(seeded(shape, { seed: 1000 + (seed % 100), dtype })),
    integers: (shape, bound, seed, kind = "int32") =>
      constant(seeded(shape, { seed, low: 0, high: bound, dtype: kind })),
    whole: (seed) => {
      const recent = wholes[wholes.length - 1 - (seed % 3)];
      if (recent) return recent;
      return tools.integers(at(shapes, seed) ?? [], 6, seed, at(integerTypes, seed));
    },
  };
  const record = (value: Tensor, name: string): void => {
    values.push(value);
    names.push(name);
  };
  for (const [i, [move, a, b, detail]] of program.entries()) {
    if (values.length < 2 || move % 7 === 6) {
      const [own, text] = seeded(at(shapes, detail) ?? [], { seed: i + 1, dtype });
      const value = given[leaves.length] ?? own;
      leaves.push(value);
      leafTexts.push([`x${leaves.length}`, text]);
      record(value, `x${leaves.length}`);
      continue;
    }
    // The youngest values are the likeliest.
    const [ia, ib] = [values.length - 1 - (a % Math.min(4, values.length)), b % values.length];
    const [x, y] = [values[ia], values[ib]];
    const chosen = at(fitting, Math.floor(move / 7));
    if (!x || !y || !chosen) continue;
    const made = chosen.make(x, y, detail, { x: names[ia] ?? "", y: names[ib] ?? "", ...tools });
    if (made === null || made[0].size > largest) continue;
    const name = `v${lines.length}`;
    lines.push(`const ${name}: Tensor = ${made[1]}; // ${showShape(made[0].shape)}`);
    if (!isFloat(made[0].dtype)) {
      wholes.push([made[0], name]);
      continue;
    }
    used.add(ia);
    used.add(ib);
    if (inner && detail % 3 === 0) returned.add(values.length);
    record(made[0], name);
  }
  const all = values.map((value, i) => ({ value, name: names[i], i }));
  const ends = all.filter(({ i }) => !used.has(i) || i === values.length - 1).slice(-3);
  const last = all.filter((each) => ends.includes(each) || returned.has(each.i));
  const results: Made[] = last.map(({ value, name = "" }) => [value, name]);
  if (!smooth) results.push(...wholes.slice(-3));
  lines.push(`return [${results.map(([, name]) => name).join(", ")}];`);
  return { leaves, results: results.map(([value]) => value), text: { leaves: leafTexts, lines } };
}

/** The body of a program as the expression of a function of its leaves. */
export function functionText({ leaves, lines }: ProgramText): string {
  const parameters = leaves.map(([name]) => `${name}: Tensor`).join(", ");
  return [`(${parameters}): Tensor[] => {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

/**
 * A test to be pasted into a file of this folder.
 * @param exports the names that index.ts exports
 * @param check lines that use `f` and `leaves()`
 */
export function asTest(text: ProgramText, exports: readonly string[], check: readonly string[]): string {
  const f = functionText(text);
  const words = new Set(`${f}\n${check.join("\n")}`.match(/[A-Za-z]\w*(?=\()/g));
  const used = exports.filter((name) => words.has(name)).toSorted();
  const indented = (block: string): string => block.replaceAll(/^/gm, "  ");
  return [
    'import { expect, test } from "vitest";',
    `import { ${[...used, "type Tensor"].join(", ")} } from "../index.ts";`,
    'import { withoutFusion } from "../engine/engine.ts";',
    'import { seededValues } from "./seeded-values.ts";',
    "",
    'test("a random program", () => {',
    indented(`const f = ${f};`),
    `  const leaves = (): Tensor[] => [${text.leaves.map(([, expression]) => expression).join(", ")}];`,
    "  const read = (xs: readonly Tensor[]): number[][] => xs.map((x) => [...x.dataSync()]);",
    ...check.map((line) => `  ${line}`),
    "});",
  ].join("\n");
}

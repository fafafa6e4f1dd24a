// Routines as WebAssembly: what has an algorithm of its own. kernel/routines.ts defines what they do.
import { type DType, elementBytes } from "../../base/dtype.ts";
import { CotangentError } from "../../base/errors.ts";
import { canonicalKernel } from "../../kernel/canonical.ts";
import type { Operand, RoutineKernel } from "../../kernel/ir.ts";
import { anySize, kernelFunction, toldSize } from "./abi.ts";
import { argsortWorkspaceBytes, emitArgsort } from "./argsort.ts";
import { dftWorkspaceBytes, emitDft } from "./dft.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { f32, f32x4, f64, f64x2, type I32, i32, i32x4, type V128, v128 } from "./instructions.ts";
import { emitScan } from "./scan.ts";
import type { Sized } from "./told-sizes.ts";

export function emitRoutine(module: ModuleBuilder, kernel: RoutineKernel, _features: WasmFeatures): FunctionBuilder {
  const f = kernelFunction(module);
  const routine = routines[kernel.name];
  if (!routine) throw new CotangentError(`emitRoutine: expected a known routine, got ${kernel.name}`);
  routine.emit(f, kernel, module);
  return f;
}

/** Bytes of memory that the routine needs at `work`. */
export const routineWorkspaceBytes = (kernel: RoutineKernel): number =>
  routines[kernel.name]?.workspaceBytes?.(kernel) ?? 0;

/** How many units of work the routine can be cut into. */
export const routineUnits = (kernel: RoutineKernel, size = 0): number => {
  const units = routines[kernel.name]?.units?.(kernel) ?? 1;
  return units === anySize ? size : units;
};

/** The routine with a number of rows that it is told, if it has one that only bounds a loop. */
export function sizedRoutine(kernel: RoutineKernel, key: string): Sized {
  const place = routines[kernel.name]?.told?.(kernel) ?? -1;
  const size = kernel.numbers[place] ?? 0;
  if (size === 0) return { kernel, sizes: [], key };
  const { inputs, output, numbers } = kernel;
  const free: RoutineKernel = {
    ...kernel,
    inputs: inputs.map((input) => ({ ...input, size: anySize })),
    output: kernel.name === "put" ? output : { ...output, size: anySize },
    numbers: numbers.map((number, i) => (i === place ? anySize : number)),
  };
  return { kernel: free, sizes: [size], key: canonicalKernel(free).key };
}

interface Routine {
  emit(f: FunctionBuilder, kernel: RoutineKernel, module: ModuleBuilder): void;
  workspaceBytes?(kernel: RoutineKernel): number;
  /** Which of its numbers it is told where that is any size: one that nothing else depends on. -1 for none. */
  told?(kernel: RoutineKernel): number;
  /** 1 where it is missing: `emit` then takes no notice of `from` and `to`. */
  units?(kernel: RoutineKernel): number;
}

const routines: Readonly<Record<string, Routine>> = {
  take: {
    emit: (f, kernel) => rows(f, kernel, "take"),
    units: ({ numbers }) => (hasOneRun(numbers) ? (numbers[4] ?? 0) : 1),
    told: ({ numbers }) => (hasOneRun(numbers) ? 4 : -1),
  },
  put: {
    emit: (f, kernel) => rows(f, kernel, "put"),
    told: ({ numbers }) => (hasOneRun(numbers) ? 4 : -1),
  },
  takeAlong: { emit: (f, kernel) => elements(f, kernel, "take") },
  putAlong: { emit: (f, kernel) => elements(f, kernel, "put") },
  scatter: { emit: (f, kernel) => elements(f, kernel, "scatter") },
  scan: {
    emit: (f, kernel) => {
      const [x, y = x] = kernel.inputs;
      if (!x || !y) return;
      const [first, second] = [f.local("i32", address(f, x)), f.local("i32", address(f, y))];
      emitScan(f, kernel, first, second, f.local("i32", address(f, kernel.output)));
    },
    units: ({ numbers: [outer = 0] }) => outer,
    told: () => 0,
  },
  argsort: {
    emit: (f, { inputs: [x], output, numbers: [rows = 0, n = 0, descending = 0] }, module) => {
      if (!x || rows * n === 0) return;
      emitArgsort(module, f, f.local("i32", address(f, x)), x.dtype, f.local("i32", address(f, output)), {
        n,
        descending: descending !== 0,
      });
    },
    workspaceBytes: ({ numbers: [, n = 0] }) => argsortWorkspaceBytes(n),
    units: ({ numbers: [rows = 0] }) => rows,
    told: () => 0,
  },
  dft: {
    emit: (f, kernel) => {
      const [x, roots] = kernel.inputs;
      if (!x || !roots) return;
      const [from, table] = [f.local("i32", address(f, x)), f.local("i32", address(f, roots))];
      emitDft(f, kernel, from, table, f.local("i32", address(f, kernel.output)));
    },
    workspaceBytes: dftWorkspaceBytes,
    units: ({ numbers: [groups = 0, rows = 0] }) => groups * rows,
  },
};

const address = (f: FunctionBuilder, operand: Operand): I32 => i32.load(f.param("i32", 0), 4 * operand.slot);
const constant = (value: number): I32 => i32.const(value);

/** Runs `body` with the index at `from`, if it is below n; else notes the first such index in the status. */
function withIndex(
  f: FunctionBuilder,
  kernel: RoutineKernel,
  from: { readonly operand: Operand; readonly pointer: Local<"i32"> },
  n: number,
  body: (index: Local<"i32">) => void,
  otherwise: () => void,
): void {
  f.scope(() => {
    const byte = elementBytes(from.operand.dtype) === 1;
    const index = f.local("i32", byte ? i32.load8U(from.pointer) : i32.load(from.pointer));
    f.increase(from.pointer, byte ? 1 : 4);
    f.if(
      i32.ltU(index, constant(n)),
      () => body(index),
      () => {
        otherwise();
        if (kernel.check < 0) return;
        const status = f.param("i32", 2);
        f.if(i32.eqz(i32.load(status)), () => {
          f.store(status, constant(kernel.check + 1));
          f.store(status, index, 4);
        });
      },
    );
  });
}

/** Whether take walks its indices once, so that they can be cut into units. */
const hasOneRun = ([batch = 0, outer = 0]: readonly number[]): boolean => batch * outer === 1;

/** take and put: whole rows of `inner` elements move. */
function rows(f: FunctionBuilder, kernel: RoutineKernel, direction: "take" | "put"): void {
  const [batch = 0, outer = 0, n = 0, inner = 0, m = 0] = kernel.numbers;
  const [data, indices] = kernel.inputs;
  const rowBytes = inner * elementBytes(kernel.output.dtype);
  if (direction === "put") clear(f, kernel.output);
  if (!data || !indices || batch * outer * inner * m === 0) return;
  /** The side with n rows, and the one with m rows, which is walked from start to end. */
  const chosen = f.local("i32", address(f, direction === "take" ? data : kernel.output));
  const walked = f.local("i32", address(f, direction === "take" ? kernel.output : data));
  const indexRow = f.local("i32", address(f, indices));
  const pointer = f.local("i32");
  const row = f.local("i32");
  const [b, o, j] = [f.local("i32"), f.local("i32"), f.local("i32")];
  const isCut = direction === "take" && hasOneRun(kernel.numbers);
  const [from, to] = isCut ? [f.param("i32", 4), f.param("i32", 5)] : [0, m === anySize ? toldSize(f, 0) : m];
  if (typeof from !== "number") {
    f.increase(indexRow, i32.mul(from, constant(elementBytes(indices.dtype))));
    f.increase(walked, i32.mul(from, constant(rowBytes)));
  }
  f.for(b, 0, batch, 1, () => {
    f.for(o, 0, outer, 1, () => {
      f.set(pointer, indexRow);
      f.for(j, from, to, 1, () => {
        withIndex(
          f,
          kernel,
          { operand: indices, pointer },
          n,
          (index) => {
            f.set(row, i32.add(chosen, i32.mul(index, constant(rowBytes))));
            if (direction === "take") copyRow(f, walked, row, rowBytes);
            else addRow(f, row, walked, inner, kernel.output.dtype);
          },
          () => {
            if (direction === "take") f.memoryFill(walked, constant(0), constant(rowBytes));
          },
        );
        f.increase(walked, rowBytes);
      });
      f.increase(chosen, n * rowBytes);
    });
    f.set(indexRow, pointer);
  });
}

/** takeAlong, putAlong and scatter: each element has an index of its own. */
function elements(f: FunctionBuilder, kernel: RoutineKernel, direction: "take" | "put" | "scatter"): void {
  const [outer = 0, n = 0, inner = 0, m = 0, mode = 0] = kernel.numbers;
  const [data, indices, original] = kernel.inputs;
  const { dtype } = kernel.output;
  const bytes = elementBytes(dtype);
  if (direction === "put") clear(f, kernel.output);
  if (original) f.memoryCopy(address(f, kernel.output), address(f, original), constant(original.size * bytes));
  if (!data || !indices || outer * inner * m === 0) return;
  const chosen = f.local("i32", address(f, direction === "take" ? data : kernel.output));
  const walked = f.local("i32", address(f, direction === "take" ? kernel.output : data));
  const pointer = f.local("i32", address(f, indices));
  const element = f.local("i32");
  const [o, j, c] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.for(o, 0, outer, 1, () => {
    f.for(j, 0, m, 1, () => {
      f.for(c, 0, inner, 1, () => {
        withIndex(
          f,
          kernel,
          { operand: indices, pointer },
          n,
          (index) => {
            const position = i32.add(i32.mul(index, constant(inner * bytes)), i32.mul(c, constant(bytes)));
            f.set(element, i32.add(chosen, position));
            if (direction === "take") copyRow(f, walked, element, bytes);
            else if (direction === "put") addRow(f, element, walked, 1, dtype);
            else if (mode === 0) copyRow(f, element, walked, bytes);
            else keepExtreme(f, dtype, element, walked, mode === 1);
          },
          () => {
            if (direction === "take") f.memoryFill(walked, constant(0), constant(bytes));
          },
        );
        f.increase(walked, bytes);
      });
    });
    f.increase(chosen, n * inner * bytes);
  });
}

const clear = (f: FunctionBuilder, { size, dtype, slot }: Operand): void =>
  f.memoryFill(address(f, { size, dtype, slot }), constant(0), constant(size * elementBytes(dtype)));

/** Longer rows are copied by the engine; a call to it costs more than a short copy. */
const shortBytes = 256;

function copyRow(f: FunctionBuilder, to: Local<"i32">, from: Local<"i32">, sizeBytes: number): void {
  if (sizeBytes > shortBytes) {
    f.memoryCopy(to, from, constant(sizeBytes));
    return;
  }
  let at = 0;
  for (; at + 16 <= sizeBytes; at += 16) f.store(to, v128.load(from, at), at);
  if (at + 8 <= sizeBytes) {
    f.storeLane(64, to, v128.load64Zero(from, at), 0, at);
    at += 8;
  }
  if (at + 4 <= sizeBytes) {
    f.store(to, i32.load(from, at), at);
    at += 4;
  }
  for (; at < sizeBytes; at++) f.store8(to, i32.load8U(from, at), at);
}

const vectorAdd: { readonly [K in DType]: ((a: V128, b: V128) => V128) | null } = {
  float32: f32x4.add,
  float64: f64x2.add,
  int32: i32x4.add,
  uint8: null,
  bool: null,
};

/** to += from, over `count` elements. */
function addRow(f: FunctionBuilder, to: Local<"i32">, from: Local<"i32">, count: number, dtype: DType): void {
  const bytes = elementBytes(dtype);
  const size = count * bytes;
  const add = vectorAdd[dtype];
  const vectorBytes = add ? size - (size % 16) : 0;
  f.scope(() => {
    const [target, source] = [f.local("i32", to), f.local("i32", from)];
    const chunk = (step: number, total: number, body: (at: number) => void): void => {
      const rounds = total / step;
      if (rounds <= 4) {
        for (let i = 0; i < rounds; i++) body(i * step);
        if (rounds > 0) {
          f.increase(target, total);
          f.increase(source, total);
        }
        return;
      }
      const end = f.local("i32", i32.add(target, constant(total)));
      f.while(i32.ltU(target, end), () => {
        body(0);
        f.increase(target, step);
        f.increase(source, step);
      });
    };
    if (add)
      chunk(16, vectorBytes, (at) => {
        f.store(target, add(v128.load(target, at), v128.load(source, at)), at);
      });
    chunk(bytes, size - vectorBytes, (at) => addElement(f, dtype, target, source, at));
  });
}

function addElement(f: FunctionBuilder, dtype: DType, to: I32, from: I32, at: number): void {
  switch (dtype) {
    case "float32":
      f.store(to, f32.add(f32.load(to, at), f32.load(from, at)), at);
      return;
    case "float64":
      f.store(to, f64.add(f64.load(to, at), f64.load(from, at)), at);
      return;
    case "int32":
      f.store(to, i32.add(i32.load(to, at), i32.load(from, at)), at);
      return;
    default:
      f.store8(to, i32.add(i32.load8U(to, at), i32.load8U(from, at)), at);
  }
}

/** to = the larger or smaller of both; NaN stays. */
function keepExtreme(f: FunctionBuilder, dtype: DType, to: Local<"i32">, from: Local<"i32">, isMax: boolean): void {
  switch (dtype) {
    case "float32":
      f.store(to, (isMax ? f32.max : f32.min)(f32.load(to), f32.load(from)));
      return;
    case "float64":
      f.store(to, (isMax ? f64.max : f64.min)(f64.load(to), f64.load(from)));
      return;
    default: {
      const load = (address: I32): I32 => (dtype === "int32" ? i32.load(address) : i32.load8U(address));
      const wins = isMax ? i32.lt(load(to), load(from)) : i32.lt(load(from), load(to));
      f.if(wins, () => copyRow(f, to, from, elementBytes(dtype)));
    }
  }
}

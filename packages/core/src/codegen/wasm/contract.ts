// Contractions as WebAssembly: blocked matrix products whose tiles stay in registers (Goto and van de Geijn, "Anatomy
// of high-performance matrix multiplication", 2008). contract-plan.ts decides, this file writes the loops.
import type { ContractKernel } from "../../kernel/ir.ts";
import { anySize, goesOn, kernelFunction, toldSize } from "./abi.ts";
import { type Axis, isRun } from "./contract-axes.ts";
import type { BlockEpilogue, Shift } from "./contract-epilogue.ts";
import type { Lines } from "./contract-lines.ts";
import { planContract } from "./contract-plan.ts";
import { codeGemm, type GemmCode, type Size } from "./contract-sizes.ts";
import { hoists, holds } from "./contract-units.ts";
import { dotRow } from "./dot-tile.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";
import type { WasmFeatures } from "./features.ts";
import { tileRow } from "./gemm-tile.ts";
import { f64, type I32, i32, select } from "./instructions.ts";
import { addLines, endLines } from "./line-tile.ts";
import { emitLoops } from "./loops.ts";
import { byteOffset, fillOffsets, fillPanelOffsets, packPanels, packRuns, stepsOf } from "./packing.ts";
import { type Sized, sizedLoops } from "./told-sizes.ts";

/** Bytes of memory that the kernel needs at `work`. */
export function contractWorkspaceBytes(kernel: ContractKernel, features: WasmFeatures): number {
  const plan = planContract(kernel, features.wideVectors === true);
  return plan.kind === "gemm" ? plan.work.bytes : 0;
}

/** Code for products that differ in their batch alone, where that costs nothing. */
export function sizedContract(kernel: ContractKernel, key: string, features: WasmFeatures): Sized {
  const plan = planContract(kernel, features.wideVectors === true);
  if (plan.kind === "loops") return sizedLoops(plan.kernel, key, features);
  if (plan.kind === "empty") return { kernel, sizes: [], key };
  const { sizes, key: codeKey } = codeGemm(plan);
  // The first line holds the extents.
  return { kernel, sizes, key: `${codeKey}${key.slice(key.indexOf("\n"))}` };
}

export function emitContract(module: ModuleBuilder, kernel: ContractKernel, features: WasmFeatures): FunctionBuilder {
  const plan = planContract(kernel, features.wideVectors === true);
  switch (plan.kind) {
    case "empty":
      return kernelFunction(module);
    case "loops":
      throw new TypeError("emitContract: expected the loops of this kernel in its place");
    case "gemm":
      return new GemmEmitter(module, codeGemm(plan).code, features).emit();
  }
}

const constant = (value: number): I32 => i32.const(value);
const minimum = (a: I32, b: I32): I32 => select(i32.lt(a, b), a, b);
/** From one to the next, in runs of the innermost axis. */
const strideBytes = (axes: readonly Axis[]): number => 4 * (axes.at(-1)?.stride ?? 0);

class GemmEmitter {
  private readonly module: ModuleBuilder;
  private readonly plan: GemmCode;
  private readonly features: WasmFeatures;
  private readonly f: FunctionBuilder;
  private readonly operands: Local<"i32">;
  private readonly params: Local<"i32">;
  private readonly status: Local<"i32">;
  private readonly work: Local<"i32">;
  /** Indices of the loops, and what they leave for their blocks. */
  private readonly at: Record<"batch" | "column" | "chunk" | "step" | "row", Local<"i32">>;
  private readonly counts: Record<"columns" | "rows" | "steps", Local<"i32">>;
  /** Addresses for the batch index at hand. */
  private readonly base: Record<"a" | "b" | "target", Local<"i32">>;

  constructor(module: ModuleBuilder, plan: GemmCode, features: WasmFeatures) {
    this.module = module;
    this.plan = plan;
    this.features = features;
    const f = kernelFunction(module);
    this.f = f;
    this.operands = f.param("i32", 0);
    this.params = f.param("i32", 1);
    this.status = f.param("i32", 2);
    this.work = f.param("i32", 3);
    const zero = (): Local<"i32"> => f.local("i32", i32.const(0));
    this.at = { batch: zero(), column: zero(), chunk: zero(), step: zero(), row: zero() };
    this.counts = { columns: zero(), rows: zero(), steps: zero() };
    this.base = { a: zero(), b: zero(), target: zero() };
  }

  /** A size of the plan, which the kernel may have to be told. */
  private size(size: Size): I32 {
    if (typeof size === "number") return i32.const(size);
    return this.f.hoist(`size ${size.told}`, "i32", () => toldSize(this.f, size.told));
  }

  emit(): FunctionBuilder {
    const { f, plan, at, counts } = this;
    const { a, b, columnBlock, isOneStep, epilogue } = plan;
    if (epilogue.kind !== "none" && epilogue.indices.length > 0 && epilogue.params > 0)
      f.memoryCopy(this.epilogueParams(epilogue), this.params, constant(8 * epilogue.params));
    this.setBases();
    if (hoists(plan) || holds(plan)) {
      if (!plan.isOneUnit && epilogue.kind !== "whole")
        f.if(i32.le(constant(0), f.param("i32", 4)), () => this.packAll());
      else this.packAll();
    }
    if (a.tabled) fillOffsets(f, this.place("aRows"), a.lanes, constant(0), this.size(plan.m));
    if (a.tabled && isOneStep) fillOffsets(f, this.place("aSteps"), a.k, constant(0), this.size(plan.k));
    if (b.tabled) fillOffsets(f, this.place("bSteps"), b.k, constant(0), this.size(plan.k));
    this.eachUnit(
      (number) => {
        f.set(counts.columns, minimum(constant(columnBlock), i32.sub(constant(plan.lanes), at.column)));
        if (plan.isBatched) this.setBases();
        if (holds(plan))
          f.if(i32.ne(i32.load(this.place("held")), number), () => {
            f.store(this.place("held"), number);
            this.eachStep(() => this.packB());
          });
      },
      () => {
        this.eachStep(() => {
          if (b.packed && !plan.holdsB) this.packB();
          if (a.tabled && !isOneStep) fillOffsets(f, this.place("aSteps"), a.k, at.step, counts.steps);
          this.rowBlocks();
        });
        if (plan.inLines) this.sumLines(plan.inLines, true);
        if (epilogue.kind === "blocks") this.finishBlock(epilogue);
      },
    );
    if (epilogue.kind === "whole") {
      f.set(at.batch, constant(0));
      f.set(at.column, constant(0));
      f.set(at.chunk, constant(0));
      this.callLoops(epilogue, plan.m, plan.n);
    }
    return f;
  }

  private eachStep(body: () => void): void {
    const { f, plan, at, counts } = this;
    const kBlock = this.size(plan.kBlock);
    this.each(at.step, constant(0), this.size(plan.k), kBlock, plan.isOneStep, () => {
      f.set(counts.steps, minimum(kBlock, i32.sub(this.size(plan.k), at.step)));
      body();
    });
  }

  /** What no unit changes; and that nothing is held so far. */
  private packAll(): void {
    const { f, plan, counts } = this;
    f.set(counts.steps, this.size(plan.k));
    if (plan.a.packed && plan.a.hoisted) {
      f.set(counts.rows, this.size(plan.m));
      this.packA();
    }
    if (plan.b.packed && plan.b.hoisted) {
      f.set(counts.columns, constant(plan.lanes));
      this.eachStep(() => this.packB());
    }
    if (holds(plan)) f.store(this.place("held"), constant(-1));
  }

  /** Where b's packed panels of the steps at hand begin. */
  private panels(): I32 {
    const { plan, at } = this;
    const start = this.place("bPacked");
    if (plan.isOneStep || !plan.holdsB) return start;
    return i32.add(start, i32.mul(i32.divU(at.step, this.size(plan.kBlock)), this.size(plan.stepBytes)));
  }

  /**
   * Visits the blocks of rows of each block of columns of each batch: those from … to − 1, or all where they cannot be
   * told apart. `columns` comes before the first block of rows of a block of columns, whose number it is given.
   */
  private eachUnit(columns: (number: I32) => void, block: () => void): void {
    const { f, plan, at } = this;
    const { isBatched, columnBlock, columnBlocks, epilogue } = plan;
    if (plan.isOneUnit) {
      columns(constant(0));
      block();
      return;
    }
    const isWhole = epilogue.kind === "whole";
    const first = f.param("i32", 4);
    if (!isWhole && (hoists(plan) || holds(plan))) f.set(first, i32.and(first, constant(~goesOn)));
    const from = isWhole ? constant(0) : first;
    const to = isWhole ? this.size(plan.units) : f.param("i32", 5);
    const rowChunks = this.size(plan.rowChunks);
    const unit = f.local("i32", from);
    const chunk = f.local("i32");
    const [number, column] = [f.local("i32"), f.local("i32")];
    f.while(i32.lt(unit, to), () => {
      f.set(chunk, i32.remU(unit, rowChunks));
      f.if(i32.or(i32.eqz(chunk), i32.eq(unit, from)), () => {
        f.set(number, i32.divU(unit, rowChunks));
        f.set(column, isBatched ? i32.remU(number, constant(columnBlocks)) : number);
        if (isBatched) f.set(at.batch, i32.divU(number, constant(columnBlocks)));
        f.set(at.column, i32.mul(column, constant(columnBlock)));
        columns(number);
      });
      f.set(at.chunk, i32.mul(chunk, this.size(plan.rowChunk)));
      block();
      f.increase(unit, 1);
    });
  }

  private rowBlocks(): void {
    const { f, plan, at, counts } = this;
    const rowBlock = this.size(plan.rowBlock);
    f.scope(() => {
      const end = f.local("i32", minimum(i32.add(at.chunk, this.size(plan.rowChunk)), this.size(plan.m)));
      this.each(at.row, at.chunk, end, rowBlock, plan.isOneRowBlock, () => {
        f.set(counts.rows, minimum(rowBlock, i32.sub(end, at.row)));
        if (plan.a.packed && !plan.a.hoisted) this.packA();
        if (plan.target.rows.length > 1)
          fillOffsets(f, this.place("targetRows"), plan.target.rows, at.row, counts.rows);
        if (plan.inLines) this.sumLines(plan.inLines, false);
        else this.tiles();
      });
    });
  }

  /** A loop, or its body alone where there is a single round. */
  private each(index: Local<"i32">, from: I32, to: I32, by: I32, once: boolean, body: () => void): void {
    this.f.set(index, from);
    if (once) {
      body();
      return;
    }
    this.f.while(i32.lt(index, to), () => {
      body();
      this.f.increase(index, by);
    });
  }

  private place(name: keyof GemmCode["work"]): I32 {
    return i32.add(this.work, this.size(this.plan.work[name]));
  }

  private setBases(): void {
    const { f, plan, at, base } = this;
    const address = ({ slot, offset, batch }: { slot: number; offset: number; batch: readonly Axis[] }): I32 =>
      i32.add(
        i32.add(slot < 0 ? this.place("target") : i32.load(this.operands, 4 * slot), constant(4 * offset)),
        byteOffset(batch, at.batch),
      );
    f.set(base.a, address(plan.a));
    f.set(base.b, address(plan.b));
    f.set(base.target, address(plan.target));
  }

  /** Packs counts.rows × counts.steps of a, from at.row and at.step. */
  private packA(): void {
    const { f, plan, at, counts } = this;
    const { rows } = plan.tile;
    const pitch = Math.ceil(rows / 4) * 4;
    if (!isRun(plan.a.lanes))
      fillPanelOffsets(
        f,
        this.place("aRows"),
        plan.a.lanes,
        { rows, pitch, size: this.size(plan.m) },
        at.row,
        counts.rows,
      );
    const panels = i32.divU(i32.add(counts.rows, constant(rows - 1)), constant(rows));
    this.pack("a", at.row, { first: 0, panels, pitch, advance: rows });
  }

  /** Packs counts.steps × counts.columns of b, from at.step and at.column. */
  private packB(): void {
    const { f, plan, at, counts } = this;
    const width = plan.tile.columns;
    if (plan.kLanes > 1) {
      this.packAlongK();
      return;
    }
    const rest = plan.lanes % width;
    const restPitch = Math.ceil(rest / 4) * 4;
    const panels = { rows: width, pitch: width, size: constant(plan.n) };
    if (!isRun(plan.b.lanes)) fillPanelOffsets(f, this.place("bRows"), plan.b.lanes, panels, at.column, counts.columns);
    const full = i32.divU(counts.columns, constant(width));
    this.pack("b", at.column, { first: 0, panels: full, pitch: width, advance: width });
    if (rest > 0) {
      // The last, narrower panel follows the full ones of the last block.
      f.if(i32.eq(i32.add(at.column, counts.columns), constant(plan.lanes)), () => {
        const first = Math.floor(((plan.lanes - 1) % plan.columnBlock) / width);
        this.pack("b", at.column, { first, panels: constant(1), pitch: restPitch, advance: width });
      });
    }
  }

  /** Packs the same where sums have k in their lanes: panels of as many steps, of all columns of the block. */
  private packAlongK(): void {
    const { f, plan, at, counts, module } = this;
    const { kLanes, b } = plan;
    const panels = { rows: kLanes, pitch: kLanes, size: this.size(plan.k) };
    fillPanelOffsets(f, this.place("bRows"), b.k, panels, at.step, counts.steps);
    f.call(
      packPanels(module, stepsOf(b.lanes, false), kLanes / 4),
      this.panels(),
      i32.add(this.base.b, byteOffset(b.lanes, at.column)),
      this.place("bRows"),
      constant(strideBytes(b.lanes)),
      counts.columns,
      i32.divU(i32.add(counts.steps, constant(kLanes - 1)), constant(kLanes)),
      constant(4 * kLanes * plan.columnBlock),
    );
  }

  /** Packs panels from number `first` on, of which the first begins at `lane`; each `advance` lanes after the other. */
  private pack(
    name: "a" | "b",
    lane: I32,
    { first, panels, pitch, advance }: { first: number; panels: I32; pitch: number; advance: number },
  ): void {
    const { f, plan, at, counts, module } = this;
    const operand = plan[name];
    const tabled = !operand.isEven;
    const fullPitch = name === "a" ? pitch : plan.tile.columns;
    const panelBytes = this.size(plan.panelBytes[name]);
    if (tabled && first === 0)
      fillOffsets(f, this.place(name === "a" ? "aSteps" : "bSteps"), operand.k, at.step, counts.steps);
    const start = name === "a" ? this.place("aPacked") : this.panels();
    const to = i32.add(start, i32.mul(constant(first), panelBytes));
    const from = tabled ? this.base[name] : i32.add(this.base[name], byteOffset(operand.k, at.step));
    const step = tabled ? this.place(name === "a" ? "aSteps" : "bSteps") : constant(strideBytes(operand.k));
    if (isRun(operand.lanes)) {
      const lanes = i32.mul(i32.add(lane, constant(first * advance)), constant(4));
      const pack = packRuns(module, tabled, pitch / 4, advance);
      f.call(pack, to, i32.add(from, lanes), step, counts.steps, panels, panelBytes);
      return;
    }
    const rows = i32.add(this.place(name === "a" ? "aRows" : "bRows"), constant(4 * first * fullPitch));
    const pack = packPanels(module, stepsOf(operand.k, tabled), pitch / 4);
    f.call(pack, to, from, rows, step, counts.steps, panels, panelBytes);
  }

  /** The tiles of counts.rows × counts.columns results over counts.steps. */
  private tiles(): void {
    const { f, plan, at, counts } = this;
    const { a, b, target, tile, kLanes, epilogue } = plan;
    const width = tile.columns;
    const pitch = Math.ceil(tile.rows / 4) * 4;
    const aRow = a.tabled ? null : a.packed ? 4 : strideBytes(a.lanes);
    const targetRow = target.rows.length > 1 ? null : strideBytes(target.rows);
    const columns = { columns: width, restColumns: plan.lanes % width };
    const shape = {
      ...columns,
      aRow,
      aStep: a.packed ? 4 * pitch : strideBytes(a.k),
      bStep: b.tabled ? "table" : b.packed ? "packed" : strideBytes(b.k),
      bTile: b.packed ? null : 4 * width,
      targetRow,
      restSteps: plan.restSteps,
      accumulates: !plan.isOneStep,
    } as const;
    const aTile = a.packed ? this.size(plan.panelBytes.a) : constant(tile.rows * (aRow ?? 0));
    const inA = i32.add(i32.mul(at.row, constant(strideBytes(a.lanes))), byteOffset(a.k, at.step));
    const dots = {
      ...columns,
      aRow: aRow ?? 0,
      bColumn: b.packed ? 4 * kLanes : strideBytes(b.lanes),
      bStep: 4 * kLanes * (b.packed ? plan.columnBlock : 1),
      targetRow,
      hasRest: plan.restSteps > 0,
      accumulates: !plan.isOneStep,
    };
    const inB = b.tabled ? constant(0) : byteOffset(b.k, at.step);
    f.scope(() => {
      const fromA = f.local(
        "i32",
        a.packed ? this.place("aPacked") : a.tabled ? this.base.a : i32.add(this.base.a, inA),
      );
      const fromB = f.local(
        "i32",
        b.packed
          ? this.panels()
          : i32.add(this.base.b, i32.add(i32.mul(at.column, constant(strideBytes(b.lanes))), inB)),
      );
      const row = epilogue.kind === "blocks" ? i32.sub(at.row, at.chunk) : at.row;
      const rows = target.rows.length > 1 ? constant(0) : i32.mul(row, constant(strideBytes(target.rows)));
      const to = f.local("i32", i32.add(this.base.target, rows));
      if (epilogue.kind !== "blocks") f.increase(to, i32.mul(at.column, constant(4)));
      const table = f.local("i32", this.place("targetRows"));
      const aRows = f.local("i32", i32.add(this.place("aRows"), i32.shl(at.row, constant(2))));
      const bSteps = f.local("i32", i32.add(this.place("bSteps"), i32.shl(at.step, constant(2))));
      const call = (rows: number): void => {
        const places = [fromA, fromB, to, counts.steps, counts.columns, at.step, table];
        if (kLanes > 1) f.call(dotRow(this.module, { ...dots, rows }, this.features), ...places, this.place("sums"));
        else
          f.call(
            tileRow(this.module, { ...shape, rows }, this.features),
            ...places,
            this.size(plan.panelBytes.b),
            aRows,
            this.place("aSteps"),
            bSteps,
          );
      };
      this.eachRow(call, () => {
        if (a.tabled) f.increase(aRows, 4 * tile.rows);
        else f.increase(fromA, aTile);
        if (targetRow === null) f.increase(table, 4 * tile.rows);
        else f.increase(to, targetRow * tile.rows);
      });
    });
  }

  /** Visits the rows of tiles of counts.rows; `advance` comes after each but the last one, which may have fewer rows. */
  private eachRow(visit: (rows: number) => void, advance: () => void): void {
    const { f, plan, counts } = this;
    const { rows } = plan.tile;
    const left = f.local("i32", counts.rows);
    f.while(i32.ge(left, constant(rows)), () => {
      visit(rows);
      advance();
      f.increase(left, -rows);
    });
    const visitRest = ([rest, ...others]: readonly number[]): void => {
      if (rest === undefined) return;
      if (others.length === 0) f.if(left, () => visit(rest));
      else
        f.if(
          i32.eq(left, constant(rest)),
          () => visit(rest),
          () => visitRest(others),
        );
    };
    visitRest(plan.restRows);
  }

  /** Sums along lines: those of a block of steps, or at last what their lanes come to. */
  private sumLines({ columns, ...steps }: Lines, isLast: boolean): void {
    const { f, plan, at, base, module } = this;
    const aRow = strideBytes(plan.a.lanes);
    const each = (visit: (rows: number) => void, advance: () => void): void => this.eachRow(visit, advance);
    const tiles = { columns, width: plan.tile.columns, rows: plan.tile.rows, vectors: steps.vectors, each };
    const sums = this.place("sums");
    if (isLast) endLines(f, module, tiles, { sums, target: base.target, pitch: 4 * plan.n });
    else {
      const a = i32.add(i32.add(base.a, i32.mul(at.chunk, constant(aRow))), byteOffset(plan.a.k, at.step));
      const b = i32.add(base.b, byteOffset(plan.b.k, at.step));
      addLines(f, module, tiles, { ...steps, aRow }, { a, b, sums, add: at.step }, this.features);
    }
  }

  private epilogueParams(epilogue: BlockEpilogue): I32 {
    return i32.add(this.place("epilogue"), constant(Math.ceil((4 * epilogue.slots.length) / 8) * 8));
  }

  /** Runs the stores for the block at at.chunk and at.column, by the loops made for its size. */
  private finishBlock(epilogue: BlockEpilogue): void {
    const { plan, at } = this;
    const branch = (index: Local<"i32">, size: number, block: number, body: (size: number) => void): void => {
      if (size <= block || size % block === 0) body(Math.min(size, block));
      else
        this.f.if(
          i32.le(i32.add(index, constant(block)), constant(size)),
          () => body(block),
          () => body(size % block),
        );
    };
    const { m, rowChunk } = plan;
    const eachColumns = (rows: Size): void =>
      branch(at.column, plan.n, plan.columnBlock, (columns) => this.callLoops(epilogue, rows, columns));
    if (typeof m === "number" && typeof rowChunk === "number") branch(at.chunk, m, rowChunk, eachColumns);
    else eachColumns(m);
  }

  /** `rows`: where they are told, the loops run over what is left of a block. */
  private callLoops(epilogue: BlockEpilogue, rows: Size, columns: number): void {
    const { f, plan, at } = this;
    const pitch = plan.target.rows[0]?.stride ?? plan.n;
    const isTold = typeof rows !== "number";
    const kernel = epilogue.loops(isTold ? anySize : rows, columns, pitch);
    const shifted = ({ batch, row, column }: Shift, scale: number): I32 =>
      i32.add(
        byteOffset(batch, at.batch, scale),
        i32.add(i32.mul(at.chunk, constant(row * scale)), i32.mul(at.column, constant(column * scale))),
      );
    epilogue.slots.forEach((slot, i) => {
      const start = slot.slot < 0 ? this.place("target") : i32.load(this.operands, 4 * slot.slot);
      f.store(this.place("epilogue"), i32.add(start, shifted(slot, slot.bytes)), 4 * i);
    });
    epilogue.indices.forEach((index, i) => {
      f.store(this.epilogueParams(epilogue), f64.convertI32(shifted(index, 1)), 8 * (epilogue.params + i));
    });
    const tables = Math.ceil((4 * epilogue.slots.length) / 8) * 8 + 8 * (epilogue.params + epilogue.indices.length);
    f.call(
      emitLoops(this.module, kernel, this.features, "whole"),
      this.place("epilogue"),
      epilogue.indices.length > 0 ? this.epilogueParams(epilogue) : this.params,
      this.status,
      i32.add(this.place("epilogue"), constant(Math.ceil(tables / 64) * 64)),
      isTold ? minimum(this.size(plan.rowChunk), i32.sub(this.size(rows), at.chunk)) : constant(0),
    );
  }
}

// Builds a WebAssembly module: types, imports, functions with locals and control flow, exports.
// Instructions that make values are in instructions.ts; here is what has an effect.
import { ByteBuffer, unsignedLeb } from "./bytes.ts";
import {
  accessing,
  type Callable,
  type I32,
  i32,
  numbered,
  opcodeBytes,
  type V128,
  type Value,
  type ValueType,
} from "./instructions.ts";

export type { Callable } from "./instructions.ts";

const typeBytes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const satisfies Record<
  ValueType,
  number
>;

/** A local variable; as a value it is read. */
export interface Local<T extends ValueType = ValueType> extends Value<T> {
  readonly local: number;
}

/** A block or loop to branch to. */
export interface Label {
  readonly depth: number;
}

const getLocal = numbered([0x20]);
const setLocal = numbered([0x21]);
const teeLocal = numbered([0x22]);
const branch = numbered([0x0c]);
const branchIf = numbered([0x0d]);
const elseCode: readonly number[] = [0x05];
const endCode: readonly number[] = [0x0b];
const dropCode: readonly number[] = [0x1a];
const stores = {
  i32: accessing(0x36),
  i64: accessing(0x37),
  f32: accessing(0x38),
  f64: accessing(0x39),
  v128: accessing(0xfd0b),
} as const satisfies Record<ValueType, unknown>;
const laneStores = { 8: 0xfd58, 16: 0xfd59, 32: 0xfd5a, 64: 0xfd5b } as const;
const none: readonly Value[] = [];

const makeLocal = <T extends ValueType>(type: T, local: number): Local<T> => ({
  type,
  code: getLocal(local),
  args: none,
  local,
});

/** Sets a local and is its value. */
export const tee = <T extends ValueType>(local: Local<T>, value: Value<T>): Value<T> => ({
  type: value.type,
  code: teeLocal(local.local),
  args: [value],
});

/** Calls a function that returns a value of the type given. */
export const call = <T extends ValueType>(callee: Callable, type: T, ...args: readonly Value[]): Value<T> => {
  if (
    callee.result !== type ||
    args.length !== callee.params.length ||
    args.some((x, i) => x.type !== callee.params[i])
  )
    throw new TypeError(
      `call: expected (${callee.params}) -> ${callee.result}, got (${args.map((x) => x.type)}) -> ${type}`,
    );
  return { type, code: [0x10], args, callee };
};

/** The body of one function. Statements are written in order; values are trees from instructions.ts. */
export class FunctionBuilder implements Callable {
  readonly params: readonly ValueType[];
  readonly result: ValueType | null;
  /** Code in pieces. */
  private readonly prologue: (readonly number[])[] = [];
  private readonly hoisted = new Map<string, Local>();
  private code: (readonly number[])[] = [];
  /** The piece number `at` is to be the number of a function. */
  private readonly calls: { at: number; callee: Callable }[] = [];
  private readonly localTypes: ValueType[] = [];
  private readonly free: Record<ValueType, Local[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  private scopes: Local[][] = [[]];
  private depth = 0;

  constructor(params: readonly ValueType[], result: ValueType | null) {
    this.params = params;
    this.result = result;
  }

  param<T extends ValueType>(type: T, index: number): Local<T> {
    if (this.params[index] !== type) throw new TypeError(`param: expected ${this.params[index]}, got ${type}`);
    return makeLocal(type, index);
  }

  /** A local that is free again at the end of the `scope` around. It holds anything at first: set it before use. */
  local<T extends ValueType>(type: T, initial?: Value<T>): Local<T> {
    const reused = this.free[type].pop();
    const local = makeLocal(type, reused ? reused.local : this.params.length + this.localTypes.push(type) - 1);
    this.scopes.at(-1)?.push(local);
    if (initial) this.set(local, initial);
    return local;
  }

  /**
   * A local that is set before all other code of the function, once for each key: constants that loops use, base
   * addresses. The value may depend on params and on what was hoisted before; it may not call.
   */
  hoist<T extends ValueType>(key: string, type: T, make: () => Value<T>): Local<T> {
    const known = this.hoisted.get(key);
    if (known) return { ...known, type };
    const value = make();
    const local = makeLocal(type, this.params.length + this.localTypes.push(type) - 1);
    this.hoisted.set(key, local);
    this.value(tee(local, value), this.prologue);
    this.prologue.push(dropCode);
    return local;
  }

  /** Locals made inside are reused afterwards. */
  scope(body: () => void): void {
    this.scopes.push([]);
    body();
    for (const local of this.scopes.pop() ?? []) this.free[local.type].push(local);
  }

  set<T extends ValueType>(local: Local<T>, value: Value<T>): void {
    this.value(value);
    this.code.push(setLocal(local.local));
  }

  /** local += amount */
  increase(local: Local<"i32">, amount: I32 | number): void {
    this.set(local, i32.add(local, typeof amount === "number" ? i32.const(amount) : amount));
  }

  /** Stores by the type of the value. */
  store(address: I32, value: Value, offset = 0): void {
    this.value(address);
    this.value(value);
    this.code.push(stores[value.type](offset));
  }

  /** The low byte of an i32. */
  store8(address: I32, value: I32, offset = 0): void {
    this.effect(0x3a, [0, ...unsignedLeb(offset)], address, value);
  }

  storeLane(bits: 8 | 16 | 32 | 64, address: I32, value: V128, lane: number, offset = 0): void {
    this.effect(laneStores[bits], [0, ...unsignedLeb(offset), lane], address, value);
  }

  memoryCopy(to: I32, from: I32, sizeBytes: I32): void {
    this.effect(0xfc0a, [0, 0], to, from, sizeBytes);
  }

  memoryFill(to: I32, byte: I32, sizeBytes: I32): void {
    this.effect(0xfc0b, [0], to, byte, sizeBytes);
  }

  /** Calls a function that returns nothing. */
  call(callee: Callable, ...args: readonly Value[]): void {
    if (
      callee.result !== null ||
      args.some((x, i) => x.type !== callee.params[i]) ||
      args.length !== callee.params.length
    )
      throw new TypeError(`call: expected (${callee.params}) -> ${callee.result}, got (${args.map((x) => x.type)})`);
    this.value({ type: "i32", code: [0x10], args, callee });
  }

  drop(value: Value): void {
    this.effect(0x1a, [], value);
  }

  return(value?: Value): void {
    this.effect(0x0f, [], ...(value ? [value] : []));
  }

  /** `br(label)` inside leaves the block. */
  block(body: (label: Label) => void): void {
    this.nested(0x02, body);
  }

  /** `br(label)` inside begins the loop again; at its end it is left. */
  loop(body: (label: Label) => void): void {
    this.nested(0x03, body);
  }

  br(label: Label): void {
    this.code.push(branch(this.depth - label.depth));
  }

  brIf(label: Label, condition: I32): void {
    this.value(condition);
    this.code.push(branchIf(this.depth - label.depth));
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.value(condition);
    this.nested(0x04, () => {
      then();
      if (otherwise) {
        this.code.push(elseCode);
        otherwise();
      }
    });
  }

  while(condition: I32, body: () => void): void {
    this.block((out) => {
      this.loop((again) => {
        this.brIf(out, i32.eqz(condition));
        body();
        this.br(again);
      });
    });
  }

  /** for (index = from; index < to; index += step): `to` is computed each time, so hand over a local or a constant. */
  for(index: Local<"i32">, from: I32 | number, to: I32 | number, step: I32 | number, body: () => void): void {
    const constant = (x: I32 | number): I32 => (typeof x === "number" ? i32.const(x) : x);
    this.set(index, constant(from));
    const count = () => {
      this.loop((again) => {
        body();
        this.increase(index, step);
        this.brIf(again, i32.lt(index, constant(to)));
      });
    };
    if (typeof from !== "number" || typeof to !== "number") this.if(i32.lt(index, constant(to)), count);
    else if (from < to) count();
  }

  /** The code of `body`, which may neither call nor branch: written where it is handed to `write`, as often as one likes. */
  record(body: () => void): readonly number[] {
    const before = this.code;
    const pieces: (readonly number[])[] = [];
    this.code = pieces;
    body();
    this.code = before;
    return pieces.flat();
  }

  /** What was recorded. */
  write(recorded: readonly number[]): void {
    this.code.push(recorded);
  }

  /** Writes the body, with the numbers of the functions that it calls. */
  encode(numberOf: (callee: Callable) => number): Uint8Array {
    for (const { at, callee } of this.calls) this.code[at] = unsignedLeb(numberOf(callee));
    const groups: { type: ValueType; count: number }[] = [];
    for (const type of this.localTypes) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    const out = new ByteBuffer();
    out.unsigned(groups.length);
    for (const { type, count } of groups) {
      out.unsigned(count);
      out.byte(typeBytes[type]);
    }
    out.appendAll(this.prologue);
    out.appendAll(this.code);
    out.byte(0x0b);
    return out.finish();
  }

  /** Leaves a value on the stack: for the result of the function, as its last statement. */
  value(value: Value, code: (readonly number[])[] = this.code): void {
    const { args } = value;
    if (value.branches) {
      const [condition, then, otherwise] = args;
      if (condition && then && otherwise) {
        this.value(condition, code);
        code.push([0x04, typeBytes[value.type]]);
        this.value(then, code);
        code.push(elseCode);
        this.value(otherwise, code);
        code.push(endCode);
      }
      return;
    }
    // A plain loop: most of the time that a new process spends on writing kernels goes by here.
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      if (argument) this.value(argument, code);
    }
    code.push(value.code);
    if (value.callee) this.calls.push({ at: code.push([]) - 1, callee: value.callee });
  }

  private effect(opcode: number, immediates: readonly number[], ...args: readonly Value[]): void {
    for (const argument of args) this.value(argument);
    this.code.push([...opcodeBytes(opcode), ...immediates]);
  }

  private nested(opcode: number, body: (label: Label) => void): void {
    this.code.push([opcode, 0x40]);
    this.depth++;
    body({ depth: this.depth });
    this.depth--;
    this.code.push(endCode);
  }
}

export interface ImportedFunction extends Callable {
  readonly module: string;
  readonly name: string;
}

export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  readonly minimumPages: number;
  /** A shared memory has to state its maximum, and be imported as shared. */
  readonly maximumPages?: number;
  readonly shared?: boolean;
}

export class ModuleBuilder {
  private readonly imports: ImportedFunction[] = [];
  private readonly functions: FunctionBuilder[] = [];
  private readonly exports: { name: string; callee: Callable }[] = [];
  private readonly shared = new Map<string, Callable>();
  private memory: MemoryImport | null = null;

  importMemory(memory: MemoryImport): void {
    this.memory = memory;
  }

  /** The same import twice is one; imports may follow functions. */
  importFunction(module: string, name: string, params: readonly ValueType[], result: ValueType | null): Callable {
    const known = this.imports.find((one) => one.module === module && one.name === name);
    if (known) return known;
    const made: ImportedFunction = { module, name, params, result };
    this.imports.push(made);
    return made;
  }

  function(params: readonly ValueType[], result: ValueType | null): FunctionBuilder {
    const made = new FunctionBuilder(params, result);
    this.functions.push(made);
    return made;
  }

  /** A helper function that several kernels share: made at the first request for `key`. */
  helper(key: string, make: () => Callable): Callable {
    const known = this.shared.get(key);
    if (known) return known;
    const made = make();
    this.shared.set(key, made);
    return made;
  }

  export(name: string, callee: Callable): void {
    this.exports.push({ name, callee });
  }

  finish(): Uint8Array<ArrayBuffer> {
    const numbers = new Map<Callable, number>();
    for (const callee of [...this.imports, ...this.functions]) numbers.set(callee, numbers.size);
    const numberOf = (callee: Callable): number => {
      const number = numbers.get(callee);
      if (number === undefined) throw new TypeError("finish: a function that is called is not part of the module");
      return number;
    };
    const signatures: string[] = [];
    const signatureOf = ({ params, result }: Callable): number => {
      const key = `${params}->${result ?? ""}`;
      const known = signatures.indexOf(key);
      return known < 0 ? signatures.push(key) - 1 : known;
    };
    for (const callee of numbers.keys()) signatureOf(callee);
    const out = new ByteBuffer();
    out.append([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, count: number, write: (content: ByteBuffer) => void): void => {
      if (count === 0) return;
      const content = new ByteBuffer();
      content.unsigned(count);
      write(content);
      out.byte(id);
      out.vector(content.finish());
    };
    section(1, signatures.length, (content) => {
      const written = new Set<number>();
      for (const callee of numbers.keys()) {
        if (written.has(signatureOf(callee))) continue;
        written.add(signatureOf(callee));
        content.byte(0x60);
        content.vector(callee.params.map((type) => typeBytes[type]));
        content.vector(callee.result === null ? [] : [typeBytes[callee.result]]);
      }
    });
    section(2, this.imports.length + (this.memory ? 1 : 0), (content) => {
      for (const one of this.imports) {
        content.name(one.module);
        content.name(one.name);
        content.byte(0);
        content.unsigned(signatureOf(one));
      }
      if (this.memory) {
        const { module, name, minimumPages, maximumPages, shared } = this.memory;
        content.name(module);
        content.name(name);
        content.append([2, (maximumPages === undefined ? 0 : 1) + (shared ? 2 : 0)]);
        content.unsigned(minimumPages);
        if (maximumPages !== undefined) content.unsigned(maximumPages);
      }
    });
    section(3, this.functions.length, (content) => {
      for (const one of this.functions) content.unsigned(signatureOf(one));
    });
    section(7, this.exports.length, (content) => {
      for (const { name, callee } of this.exports) {
        content.name(name);
        content.byte(0);
        content.unsigned(numberOf(callee));
      }
    });
    section(10, this.functions.length, (content) => {
      for (const one of this.functions) content.vector(one.encode(numberOf));
    });
    return out.finish();
  }
}

// A byte buffer that grows, with WebAssembly's variable-length integers.

export class ByteBuffer {
  private bytes = new Uint8Array(64);
  private used = 0;

  get length(): number {
    return this.used;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.used++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.reserve(values.length);
    this.bytes.set(values, this.used);
    this.used += values.length;
  }

  /** One piece after the other. */
  appendAll(pieces: readonly (readonly number[])[]): void {
    let size = 0;
    for (let i = 0; i < pieces.length; i++) size += pieces[i]?.length ?? 0;
    this.reserve(size);
    const { bytes } = this;
    let at = this.used;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i] ?? [];
      for (let j = 0; j < piece.length; j++) bytes[at++] = piece[j] ?? 0;
    }
    this.used = at;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A length, then UTF-8. */
  name(text: string): void {
    const encoded = new TextEncoder().encode(text);
    this.unsigned(encoded.length);
    this.append(encoded);
  }

  /** A length, then the bytes. */
  vector(values: ArrayLike<number>): void {
    this.unsigned(values.length);
    this.append(values);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.used);
  }

  private reserve(count: number): void {
    const needed = this.used + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }
}

export function unsignedLeb(value: number): number[] {
  if (value >= 0 && value < 0x80) return [value];
  const out: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return out;
}

export function signedLeb(value: bigint): number[] {
  const out: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      out.push(low);
      return out;
    }
    out.push(low | 0x80);
  }
}

/** Signed LEB128 of a 32-bit integer. */
export function signedLeb32(value: number): number[] {
  if (value >= -0x40 && value < 0x40) return [value & 0x7f];
  const out: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      out.push(low);
      return out;
    }
    out.push(low | 0x80);
  }
}

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** The four bytes of a float32, little-endian. */
export function float32Bytes(value: number): number[] {
  scratch.setFloat32(0, value, true);
  return [...scratchBytes.subarray(0, 4)];
}

/** The eight bytes of a float64, little-endian. */
export function float64Bytes(value: number): number[] {
  scratch.setFloat64(0, value, true);
  return [...scratchBytes.subarray(0, 8)];
}

/** The four bytes of an int32, little-endian. */
export function int32Bytes(value: number): number[] {
  scratch.setInt32(0, value, true);
  return [...scratchBytes.subarray(0, 4)];
}

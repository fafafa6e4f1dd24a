// Element types: their sizes, typed arrays and promotion.

export type DType = "float32" | "float64" | "int32" | "uint8" | "bool";

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const dtypes: readonly DType[] = ["float32", "float64", "int32", "uint8", "bool"];

const bytesPerElement = { float32: 4, float64: 8, int32: 4, uint8: 1, bool: 1 } as const satisfies Record<
  DType,
  number
>;

/** Bytes that one element takes in a buffer; bool is one byte, 0 or 1. */
export const elementBytes = (dtype: DType): number => bytesPerElement[dtype];

export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float64";

/** Where a mixed pair meets: bool < uint8 < int32 < float32 < float64. */
const promotionOrder = { bool: 0, uint8: 1, int32: 2, float32: 3, float64: 4 } as const satisfies Record<DType, number>;

export const promote = (a: DType, b: DType): DType => (promotionOrder[a] >= promotionOrder[b] ? a : b);

/** A typed array of `length` zeros that stores `dtype`. */
export function emptyArray(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    default:
      return new Uint8Array(length);
  }
}

/** A typed view of `length` elements at `offsetBytes` in `buffer`; no copy. */
export function viewArray(dtype: DType, buffer: ArrayBufferLike, offsetBytes: number, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, offsetBytes, length);
    case "float64":
      return new Float64Array(buffer, offsetBytes, length);
    case "int32":
      return new Int32Array(buffer, offsetBytes, length);
    default:
      return new Uint8Array(buffer, offsetBytes, length);
  }
}

// biome-ignore-all format: the tables read better in rows
// The numbers of WebAssembly's instructions. 0xfd00 + n is SIMD instruction n, 0xfc00 + n is n of the other prefixed ones.

export const i32Unary = { eqz: 0x45, clz: 0x67, ctz: 0x68, popcnt: 0x69 } as const;

export const i32Binary = {
  eq: 0x46, ne: 0x47, lt: 0x48, ltU: 0x49, gt: 0x4a, gtU: 0x4b, le: 0x4c, leU: 0x4d, ge: 0x4e, geU: 0x4f,
  add: 0x6a, sub: 0x6b, mul: 0x6c, div: 0x6d, divU: 0x6e, rem: 0x6f, remU: 0x70, and: 0x71, or: 0x72, xor: 0x73,
  shl: 0x74, shr: 0x75, shrU: 0x76, rotl: 0x77, rotr: 0x78,
} as const;

export const i32Load = { load: 0x28, load8: 0x2c, load8U: 0x2d, load16: 0x2e, load16U: 0x2f } as const;

export const i32FromF32 = { truncF32: 0xfc00, truncF32U: 0xfc01, reinterpretF32: 0xbc } as const;

export const i32FromF64 = { truncF64: 0xfc02, truncF64U: 0xfc03 } as const;

export const i32FromI64 = { wrapI64: 0xa7 } as const;

export const i32FromV128 = {
  anyTrue: 0xfd53, allTrueI8: 0xfd63, allTrueI32: 0xfda3, allTrueI64: 0xfdc3,
  bitmaskI8: 0xfd64, bitmaskI16: 0xfd84, bitmaskI32: 0xfda4, bitmaskI64: 0xfdc4,
} as const;

export const i64Compare = { eq: 0x51, ne: 0x52, lt: 0x53, ltU: 0x54, gt: 0x55, gtU: 0x56, le: 0x57, ge: 0x59 } as const;

export const i64Binary = {
  add: 0x7c, sub: 0x7d, mul: 0x7e, div: 0x7f, divU: 0x80, rem: 0x81, remU: 0x82, and: 0x83, or: 0x84, xor: 0x85,
  shl: 0x86, shr: 0x87, shrU: 0x88,
} as const;

export const i64Load = { load: 0x29 } as const;

export const i64FromI32 = { extendI32: 0xac, extendI32U: 0xad } as const;

export const i64FromF64 = { truncF64: 0xfc06, reinterpretF64: 0xbd } as const;

export const f32Compare = { eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, le: 0x5f, ge: 0x60 } as const;

export const f32Unary = { abs: 0x8b, neg: 0x8c, ceil: 0x8d, floor: 0x8e, trunc: 0x8f, nearest: 0x90, sqrt: 0x91 } as const;

export const f32Binary = { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97, copysign: 0x98 } as const;

export const f32Load = { load: 0x2a } as const;

export const f32FromI32 = { convertI32: 0xb2, convertI32U: 0xb3, reinterpretI32: 0xbe } as const;

export const f32FromF64 = { demoteF64: 0xb6 } as const;

export const f64Compare = { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 } as const;

export const f64Unary = { abs: 0x99, neg: 0x9a, ceil: 0x9b, floor: 0x9c, trunc: 0x9d, nearest: 0x9e, sqrt: 0x9f } as const;

export const f64Binary = { add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3, min: 0xa4, max: 0xa5, copysign: 0xa6 } as const;

export const f64Load = { load: 0x2b } as const;

export const f64FromI32 = { convertI32: 0xb7, convertI32U: 0xb8 } as const;

export const f64FromI64 = { convertI64: 0xb9, reinterpretI64: 0xbf } as const;

export const f64FromF32 = { promoteF32: 0xbb } as const;

export const v128Load = {
  load: 0xfd00, load8x8: 0xfd01, load8x8U: 0xfd02, load16x4: 0xfd03, load16x4U: 0xfd04, load32x2: 0xfd05, load32x2U: 0xfd06,
  load8Splat: 0xfd07, load16Splat: 0xfd08, load32Splat: 0xfd09, load64Splat: 0xfd0a, load32Zero: 0xfd5c, load64Zero: 0xfd5d,
} as const;

export const v128LoadLane = { load8Lane: 0xfd54, load16Lane: 0xfd55, load32Lane: 0xfd56, load64Lane: 0xfd57 } as const;

export const v128Unary = { not: 0xfd4d } as const;

export const v128Binary = { and: 0xfd4e, andnot: 0xfd4f, or: 0xfd50, xor: 0xfd51 } as const;

export const i8x16Unary = { abs: 0xfd60, neg: 0xfd61, popcnt: 0xfd62 } as const;

export const i8x16Binary = {
  swizzle: 0xfd0e, eq: 0xfd23, ne: 0xfd24, lt: 0xfd25, ltU: 0xfd26, gt: 0xfd27, gtU: 0xfd28, le: 0xfd29, leU: 0xfd2a,
  ge: 0xfd2b, geU: 0xfd2c, narrowI16x8: 0xfd65, narrowI16x8U: 0xfd66, add: 0xfd6e, sub: 0xfd71,
  min: 0xfd76, minU: 0xfd77, max: 0xfd78, maxU: 0xfd79,
} as const;

export const i8x16Shift = { shl: 0xfd6b, shr: 0xfd6c, shrU: 0xfd6d } as const;

export const i8x16Extract = { extractLane: 0xfd15, extractLaneU: 0xfd16 } as const;

export const i8x16Splat = { splat: 0xfd0f } as const;

export const i16x8Unary = {
  abs: 0xfd80, neg: 0xfd81, extendLowI8x16: 0xfd87, extendHighI8x16: 0xfd88, extendLowI8x16U: 0xfd89, extendHighI8x16U: 0xfd8a,
} as const;

export const i16x8Binary = { narrowI32x4: 0xfd85, narrowI32x4U: 0xfd86, add: 0xfd8e, sub: 0xfd91, mul: 0xfd95 } as const;

export const i16x8Shift = { shl: 0xfd8b, shr: 0xfd8c, shrU: 0xfd8d } as const;

export const i16x8Extract = { extractLane: 0xfd18, extractLaneU: 0xfd19 } as const;

export const i16x8Splat = { splat: 0xfd10 } as const;

export const i32x4Unary = {
  abs: 0xfda0, neg: 0xfda1, extendLowI16x8: 0xfda7, extendHighI16x8: 0xfda8, extendLowI16x8U: 0xfda9, extendHighI16x8U: 0xfdaa,
  truncF32x4: 0xfdf8, truncF32x4U: 0xfdf9, truncF64x2Zero: 0xfdfc, truncF64x2ZeroU: 0xfdfd,
} as const;

export const i32x4Binary = {
  eq: 0xfd37, ne: 0xfd38, lt: 0xfd39, ltU: 0xfd3a, gt: 0xfd3b, gtU: 0xfd3c, le: 0xfd3d, leU: 0xfd3e, ge: 0xfd3f, geU: 0xfd40,
  add: 0xfdae, sub: 0xfdb1, mul: 0xfdb5, min: 0xfdb6, minU: 0xfdb7, max: 0xfdb8, maxU: 0xfdb9,
} as const;

export const i32x4Shift = { shl: 0xfdab, shr: 0xfdac, shrU: 0xfdad } as const;

export const i32x4Extract = { extractLane: 0xfd1b } as const;

export const i32x4Splat = { splat: 0xfd11 } as const;

export const i64x2Unary = { neg: 0xfdc1, extendLowI32x4: 0xfdc7, extendHighI32x4: 0xfdc8, extendLowI32x4U: 0xfdc9, extendHighI32x4U: 0xfdca } as const;

export const i64x2Binary = { eq: 0xfdd6, ne: 0xfdd7, lt: 0xfdd8, gt: 0xfdd9, add: 0xfdce, sub: 0xfdd1, mul: 0xfdd5 } as const;

export const i64x2Shift = { shl: 0xfdcb, shr: 0xfdcc, shrU: 0xfdcd } as const;

export const i64x2Extract = { extractLane: 0xfd1d } as const;

export const i64x2Splat = { splat: 0xfd12 } as const;

export const f32x4Unary = {
  abs: 0xfde0, neg: 0xfde1, sqrt: 0xfde3, ceil: 0xfd67, floor: 0xfd68, trunc: 0xfd69, nearest: 0xfd6a,
  convertI32x4: 0xfdfa, convertI32x4U: 0xfdfb, demoteF64x2Zero: 0xfd5e,
} as const;

export const f32x4Binary = {
  eq: 0xfd41, ne: 0xfd42, lt: 0xfd43, gt: 0xfd44, le: 0xfd45, ge: 0xfd46,
  add: 0xfde4, sub: 0xfde5, mul: 0xfde6, div: 0xfde7, min: 0xfde8, max: 0xfde9, pmin: 0xfdea, pmax: 0xfdeb,
  relaxedMin: 0xfe0d, relaxedMax: 0xfe0e,
} as const;

export const f32x4Extract = { extractLane: 0xfd1f } as const;

export const f32x4Splat = { splat: 0xfd13 } as const;

export const f64x2Unary = {
  abs: 0xfdec, neg: 0xfded, sqrt: 0xfdef, ceil: 0xfd74, floor: 0xfd75, trunc: 0xfd7a, nearest: 0xfd94,
  convertLowI32x4: 0xfdfe, convertLowI32x4U: 0xfdff, promoteLowF32x4: 0xfd5f,
} as const;

export const f64x2Binary = {
  eq: 0xfd47, ne: 0xfd48, lt: 0xfd49, gt: 0xfd4a, le: 0xfd4b, ge: 0xfd4c,
  add: 0xfdf0, sub: 0xfdf1, mul: 0xfdf2, div: 0xfdf3, min: 0xfdf4, max: 0xfdf5, pmin: 0xfdf6, pmax: 0xfdf7,
} as const;

export const f64x2Extract = { extractLane: 0xfd21 } as const;

export const f64x2Splat = { splat: 0xfd14 } as const;

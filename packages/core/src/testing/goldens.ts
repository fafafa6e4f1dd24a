// Stored results of PyTorch, and how close ours come to them.
import { readFileSync } from "node:fs";

export type Numbers = readonly (number | string)[];

export interface StoredTensor {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: Numbers;
  readonly dtype?: "i64" | "bool";
  readonly requiresGrad?: boolean;
}

export type Tolerance = readonly [atol: number, rtol: number];
export type Several<T> = T | readonly (T | null)[];

export interface OpCase {
  readonly id: string;
  readonly op: string;
  readonly note: string;
  readonly tags?: readonly string[];
  readonly ref: "f32" | "f64";
  readonly inputs: readonly StoredTensor[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly output: Several<StoredTensor>;
  readonly cotangent?: Several<StoredTensor> | null;
  readonly grads?: readonly (StoredTensor | null)[];
  readonly jvp?: { readonly tangents: readonly (StoredTensor | null)[]; readonly out_tangent: Several<StoredTensor> };
  readonly hvp?: {
    readonly tangents?: readonly (StoredTensor | null)[];
    readonly result: readonly (StoredTensor | null)[];
  };
  readonly tol: Readonly<Record<string, Tolerance>>;
}

export const readFixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8"));

/** Throws where a number is further from the stored one than atol + rtol·|stored|. NaN matches NaN. */
export function expectNear(
  what: string,
  actual: ArrayLike<number>,
  { data }: StoredTensor,
  [atol, rtol]: Tolerance,
  options: { readonly round?: boolean; readonly signedZero?: boolean } = {},
): void {
  if (actual.length !== data.length) throw new Error(`${what}: ${actual.length} values, not ${data.length}`);
  data.forEach((stored, i) => {
    const wanted = options.round ? Math.fround(Number(stored)) : Number(stored);
    const value = actual[i] ?? Number.NaN;
    const same = value === wanted || (Number.isNaN(value) && Number.isNaN(wanted));
    const isNear = Number.isFinite(wanted) && Math.abs(value - wanted) <= atol + rtol * Math.abs(wanted);
    const signIsWrong = options.signedZero && value === 0 && wanted === 0 && !Object.is(value, wanted);
    if ((!same && !isNear) || signIsWrong) throw new Error(`${what}[${i}]: ${show(value)}, not ${show(wanted)}`);
  });
}

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

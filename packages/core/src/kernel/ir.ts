// The kernel forms, with scalar expression graphs in their holes. The schedule writes them, every device lowers them,
// and interpret.ts defines what they mean.
import type { DType, TypedArray } from "../base/dtype.ts";
import type { FoldOp, Instruction } from "../base/instruction.ts";
import type { Guard, View } from "../base/view.ts";

/**
 * A scalar expression over the loop indices of its kernel. Expressions are shared by identity: the same object twice
 * is one value, computed once per iteration.
 */
export type Expr =
  | { readonly kind: "literal"; readonly dtype: DType; readonly value: number }
  /** A number handed to the run: params[index]. */
  | { readonly kind: "param"; readonly dtype: DType; readonly index: number }
  /** offset + Σ coefficients·i as int32. */
  | {
      readonly kind: "index";
      readonly dtype: "int32";
      readonly offset: number;
      readonly coefficients: readonly number[];
    }
  /** An element of a slot, 0 where a guard of the view fails. The view's shape is the kernel's dims. */
  | { readonly kind: "load"; readonly dtype: DType; readonly slot: number; readonly view: View }
  /** Whether all guards hold. */
  | { readonly kind: "inside"; readonly dtype: "bool"; readonly guards: readonly Guard[] }
  /** The result of the kernel's fold number `index` (in order of the fold stages), or of its contraction (0). */
  | { readonly kind: "acc"; readonly dtype: DType; readonly index: number }
  | {
      readonly kind: "apply";
      readonly dtype: DType;
      readonly op: Instruction;
      readonly args: readonly Expr[];
      /** For `check`: which of the plan's checks it is. */
      readonly check?: number;
    };

/**
 * Writes value to a slot at the view's address, for every iteration of the loops that it stands in. Views of stores
 * have no guards. A slot may have the buffer of another, a donated input or scratch, that the same iteration loads from the
 * same address and no later stage loads: all loads of an iteration come before its stores.
 */
export interface Store {
  readonly slot: number;
  readonly dtype: DType;
  readonly view: View;
  readonly value: Expr;
}

/**
 * `fold` folds its value over the inner dims into acc number k; `each` stores run over outer and inner dims;
 * `once` stores run over the outer dims alone (their strides over inner dims are 0). Stages run in order for each
 * outer index, so later stages may use earlier accumulators. An `each` or `once` store is never loaded again in the same kernel.
 */
export type Stage =
  | { readonly kind: "fold"; readonly op: FoldOp; readonly dtype: DType; readonly value: Expr }
  | { readonly kind: "each"; readonly store: Store }
  | { readonly kind: "once"; readonly store: Store };

/** map: no inner dims and only `once` stores; reduce: one pass of folds; rowwise: several passes over the same rows. */
export interface LoopKernel {
  readonly form: "map" | "reduce" | "rowwise";
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly stages: readonly Stage[];
}

/**
 * acc(0)[b, m, n] = Σₖ a[b, m, k] · c[b, k, n]; then the stores. Loop indices: all of batch, m, n, k, in this order.
 * `a` does not depend on n, `b` not on m, the stores not on k.
 */
export interface ContractKernel {
  readonly form: "contract";
  readonly batch: readonly number[];
  readonly m: readonly number[];
  readonly n: readonly number[];
  readonly k: readonly number[];
  readonly dtype: DType;
  readonly a: Expr;
  readonly b: Expr;
  readonly stores: readonly Store[];
}

/**
 * An algorithm of its own over whole contiguous buffers. By name, inputs → output, numbers (all row-major):
 * - take: x[batch, outer, n, inner], index[batch, m] → [batch, outer, m, inner]; [batch, outer, n, inner, m]
 * - put: g[batch, outer, m, inner], index[batch, m] → [batch, outer, n, inner], the sum of what lands on each cell;
 *   [batch, outer, n, inner, m]
 * - takeAlong: x[outer, n, inner], index[outer, m, inner] → [outer, m, inner]; [outer, n, inner, m]
 * - putAlong: g[outer, m, inner], index[outer, m, inner] → [outer, n, inner], sums; [outer, n, inner, m]
 * - scatter: g[outer, m, inner], index[outer, m, inner], x[outer, n, inner] → x with g put on its cells, the last where
 *   several meet, or the largest or smallest of all; [outer, n, inner, m, 0 for the last | 1 for the largest | 2 for the smallest]
 * - argsort: x[rows, n] → int32[rows, n], stable, NaN the largest; [rows, n, descending ? 1 : 0]
 * - scan: x[outer, n, inner] → [outer, n, inner], along n the sum so far, or int32 positions of the largest or smallest so far, the
 *   latest of equals, NaN before all; [outer, n, inner, 0 for sums | 1 for the largest | 2 for the smallest, backwards ? 1 : 0].
 *   With 3 products; with 4 and a second input b of x's shape, y[i] = x[i]·y[i − 1] + b[i] from y[0] = b[0] on
 * - dft: x[groups, rows, n, 2], roots[groups, n, 2] → Fourier transforms of the rows of pairs (re, im), times a factor, by the group's
 *   table (cos 2πk/n, sin 2πk/n); [groups, rows, n, inverse ? 1 : 0, factor]
 *
 * Linear algebra, computed in double precision; several results lie one after another for each matrix (kernel/linalg):
 * - cholesky: a[batch, n, n] → L of a's symmetric part; [batch, n]
 * - lu: a[batch, m, n] → L below and U on and above the diagonal, then which row of a each row is, and, where m = n, the
 *   determinant, its sign and the logarithm of its size; [batch, m, n]
 * - luSolve: what lu gives, b[batch, n, k] → the solution; [batch, n, k, transposed ? 1 : 0]
 * - triangularSolve: t[batch, n, n], b[batch, n, k] → the solution; [batch, n, k, upper ? 1 : 0, ones on the diagonal ? 1 : 0, transposed ? 1 : 0]
 * - qr: a[batch, m, n] → Q[m, k], R[k, n]; k is min(m, n), or m where complete; [batch, m, n, complete ? 1 : 0]
 * - eigh: a[batch, n, n] → eigenvalues [n] and eigenvectors, in columns, of a's symmetric part; [batch, n]
 * - svd: a[batch, m, n] → U[m, k], singular values [k], Vᵀ[k, n]; [batch, m, n]
 * - pinv: a[batch, m, n] → [batch, n, m], without singular values of at most rtol times the largest; [batch, m, n, rtol]
 * - cofactor: a[batch, n, n] → the determinant's derivative; [batch, n]
 * - matrixExp: a[batch, n, n] → the exponential; [batch, n]
 */
export interface RoutineKernel {
  readonly form: "routine";
  readonly name: string;
  readonly inputs: readonly Operand[];
  readonly output: Operand;
  readonly numbers: readonly number[];
  /** The plan's check that guards the routine's indices, or says what a matrix lacks; or -1. */
  readonly check: number;
}

/** What a routine does. Returns an index that was out of range (cells that it would have filled stay 0), another failure as `Check` has it, or null. */
export type Routine = (inputs: readonly TypedArray[], output: TypedArray, numbers: readonly number[]) => number | null;

export interface Operand {
  readonly slot: number;
  readonly dtype: DType;
  readonly size: number;
}

export type Kernel = (LoopKernel | ContractKernel | RoutineKernel) & {
  /** The names of the operations whose values it computes, for people to read. Not a part of what it does. */
  readonly operations?: readonly string[];
};

/**
 * A buffer that a plan touches. `input` and `output` are handed over at each run, in order; `scratch` lies at an
 * offset of the arena. An output with `alias` takes over the buffer of that input slot (it was donated).
 */
export type Slot =
  | { readonly kind: "input"; readonly dtype: DType; readonly size: number; readonly index: number }
  | {
      readonly kind: "output";
      readonly dtype: DType;
      readonly size: number;
      readonly index: number;
      readonly alias: number;
    }
  | { readonly kind: "scratch"; readonly dtype: DType; readonly size: number; readonly offsetBytes: number };

export interface Check {
  /** What the check is called in its message. */
  readonly what: string;
  readonly bound: number;
  /**
   * Of a matrix that a routine of linear algebra does not take: what is wrong with it. The value is the {number} of the
   * matrix in the batch times `bound`, and the {order} up to which it was right; the text may name both. Without a problem,
   * the value is an index that is not below `bound`.
   */
  readonly problem?: string;
}

export interface Plan {
  readonly kernels: readonly Kernel[];
  readonly slots: readonly Slot[];
  /** dtypes of the run-time numbers. */
  readonly params: readonly DType[];
  readonly checks: readonly Check[];
  readonly scratchBytes: number;
  /** Kernels from this one on write donated buffers: they run only once all checks have passed. */
  readonly commitFrom: number;
}

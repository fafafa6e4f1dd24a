// A loop as a node: its gradient is a loop the other way, its tangent a loop beside it.
import { forward } from "../autodiff/forward.ts";
import { reverse } from "../autodiff/reverse.ts";
import { isFloat } from "../base/dtype.ts";
import type { Loop } from "../graph/control.ts";
import type { Node } from "../graph/node.ts";
import type { Result } from "../graph/rules.ts";
import { builder as b } from "../ops/builder.ts";
import { type ControlRule, controlResults } from "../ops/control.ts";
import {
  batchedBody,
  byRules,
  isNode,
  type Nodes,
  orZeros,
  parameter,
  type Sparse,
  sharedBy,
  zerosLike,
} from "./body.ts";
import { moved } from "./shape.ts";

/** The last carries, what the steps yield, and what the carries were before each step. */
export function loopResults(loop: Loop, inputs: Nodes): readonly Node[] {
  const { body, carries, length } = loop;
  const stacked = ({ shape, dtype }: Node): Result => ({ shape: [length, ...shape], dtype });
  const kinds: Result[] = [
    ...body.roots.slice(0, carries),
    ...body.roots.slice(carries).map(stacked),
    ...body.params.slice(0, carries).map(stacked),
  ];
  return controlResults(inputs, kinds, loop, ruleOf(loop));
}

/** The parameters, or what stands for them, by what they are. */
function parts<T>({ carries, sequences }: Loop, list: readonly T[]): { carry: T[]; slice: T[]; constant: T[] } {
  const from = carries + sequences;
  return { carry: list.slice(0, carries), slice: list.slice(carries, from), constant: list.slice(from) };
}

const floats = (nodes: Nodes): number[] => nodes.flatMap((node, i) => (isFloat(node.dtype) ? [i] : []));
const pick = <T>(list: readonly T[], positions: readonly number[]): T[] =>
  positions.flatMap((i) => {
    const x = list[i];
    return x === undefined ? [] : [x];
  });

/** A list of `count` with `values` at `positions`. */
function spread(count: number, positions: readonly number[], values: Sparse): (Node | null)[] {
  const list = new Array<Node | null>(count).fill(null);
  positions.forEach((at, i) => {
    list[at] = values[i] ?? null;
  });
  return list;
}

const ruleOf = (loop: Loop): ControlRule => ({
  vjp: (gs, inputs, results) => backwards(loop, gs, inputs, results),
  jvp: (tangents, inputs) => beside(loop, tangents, inputs),
  batch: (inputs) => overBatch(loop, inputs),
});

/**
 * From the last step to the first, with the carries as they were: the cotangent of the carries goes from step to
 * step, those of the constants add up, and each step yields those of its slices.
 */
function backwards(loop: Loop, gs: Sparse, inputs: Nodes, results: Nodes): Sparse {
  const { body, carries, length, sequences } = loop;
  const { roots } = body;
  const { carry, slice, constant } = parts(loop, body.params);
  const given = parts(loop, inputs);
  const yields = roots.slice(carries);
  const atYields = floats(yields).filter((i) => gs[carries + i]);
  const atHistory = floats(carry).filter((i) => gs[roots.length + i]);
  const [atCarry, atSlice, atConstant] = [floats(carry), floats(slice), floats(constant)];
  const like = (nodes: Nodes, positions: readonly number[]): Node[] => pick(nodes, positions).map((x) => parameter(x));
  const gCarry = like(carry, atCarry);
  const gConstant = like(constant, atConstant);
  const gYields = like(yields, atYields);
  const gHistory = like(carry, atHistory);
  const wrt = [...pick(carry, atCarry), ...pick(slice, atSlice), ...pick(constant, atConstant)];
  const yielding = [...pick(roots, atCarry), ...pick(yields, atYields)];
  const pulled = byRules(() => reverse(b, yielding, [...gCarry, ...gYields], wrt));
  const before = atCarry.map((at, i) => {
    const own = gHistory[atHistory.indexOf(at)];
    const found = pulled[i];
    return found && own ? b.add(found, own) : (found ?? own ?? null);
  });
  const slices = orZeros(pick(slice, atSlice), pulled.slice(atCarry.length));
  const totals = gConstant.map((total, i) => {
    const found = pulled[atCarry.length + atSlice.length + i];
    return found ? b.add(total, found) : total;
  });
  const histories = results.slice(roots.length);
  const next = loopResults(
    {
      kind: "loop",
      body: {
        params: [...gCarry, ...gConstant, ...carry, ...slice, ...gYields, ...gHistory, ...constant],
        roots: [...orZeros(gCarry, before), ...totals, ...slices],
      },
      length,
      carries: gCarry.length + gConstant.length,
      sequences: carries + sequences + gYields.length + gHistory.length,
      reverse: !loop.reverse,
    },
    [
      ...orZeros(pick(roots, atCarry), pick(gs, atCarry)),
      ...pick(given.constant, atConstant).map(zerosLike),
      ...histories,
      ...given.slice,
      ...atYields.flatMap((i) => gs[carries + i] ?? []),
      ...atHistory.flatMap((i) => gs[roots.length + i] ?? []),
      ...given.constant,
    ],
  );
  const from = atCarry.length + atConstant.length;
  return [
    ...spread(carries, atCarry, next.slice(0, atCarry.length)),
    ...spread(sequences, atSlice, next.slice(from, from + atSlice.length)),
    ...spread(constant.length, atConstant, next.slice(atCarry.length, from)),
  ];
}

/** The same steps with a tangent beside each float. */
function beside(loop: Loop, tangents: Sparse, inputs: Nodes): Sparse {
  const { body, carries, length, sequences } = loop;
  const { roots } = body;
  const { carry, slice, constant } = parts(loop, body.params);
  const given = parts(loop, inputs);
  const dx = parts(loop, tangents);
  const atCarry = floats(carry);
  const atSlice = floats(slice).filter((i) => dx.slice[i]);
  const atConstant = floats(constant).filter((i) => dx.constant[i]);
  const yields = roots.slice(carries);
  const atYields = floats(yields);
  const wrt = [...pick(carry, atCarry), ...pick(slice, atSlice), ...pick(constant, atConstant)];
  const directions = wrt.map((x) => parameter(x));
  const [dCarry, dRest] = [directions.slice(0, atCarry.length), directions.slice(atCarry.length)];
  const [dSlice, dConstant] = [dRest.slice(0, atSlice.length), dRest.slice(atSlice.length)];
  const targets = [...pick(roots, atCarry), ...pick(yields, atYields)];
  const pushed = orZeros(
    targets,
    byRules(() => forward(b, targets, wrt, directions)),
  );
  const next = loopResults(
    {
      kind: "loop",
      body: {
        params: [...carry, ...dCarry, ...slice, ...dSlice, ...constant, ...dConstant],
        roots: [...roots.slice(0, carries), ...pushed],
      },
      length,
      carries: carries + atCarry.length,
      sequences: sequences + atSlice.length,
      reverse: loop.reverse,
    },
    [
      ...given.carry,
      ...orZeros(pick(carry, atCarry), pick(dx.carry, atCarry)),
      ...given.slice,
      ...pick(dx.slice, atSlice).filter(isNode),
      ...given.constant,
      ...pick(dx.constant, atConstant).filter(isNode),
    ],
  );
  const fromYields = carries + atCarry.length;
  const fromHistory = fromYields + atYields.length + carries;
  return [
    ...spread(carries, atCarry, next.slice(carries, fromYields)),
    ...spread(yields.length, atYields, next.slice(fromYields, fromYields + atYields.length)),
    ...spread(carries, atCarry, next.slice(fromHistory)),
  ];
}

/** One loop whose every step is over a batch. */
function overBatch(loop: Loop, inputs: Nodes): Nodes {
  const { carries, sequences, body } = loop;
  const size = inputs[0]?.shape[0] ?? 1;
  const shared = inputs.map((x, i) => (i < carries ? null : sharedBy(x)));
  const next = batchedBody(body, (i) => isNode(shared[i]), size);
  const arranged = inputs.map((x, i) => {
    const one = shared[i];
    if (one) return one;
    return i >= carries && i < carries + sequences ? moved(x, 1, 0) : x;
  });
  return loopResults({ ...loop, body: next }, arranged).map((x, i) => (i < carries ? x : moved(x, 1, 0)));
}

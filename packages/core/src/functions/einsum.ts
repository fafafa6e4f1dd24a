// Einstein summation: sums of products over named axes.
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { alike } from "../tensor/promote.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nodeOf, range } from "./arguments.ts";
import { diagonalNode } from "./shape.ts";

/** A node whose axes have names. */
interface Labelled {
  readonly node: Node;
  readonly labels: readonly string[];
}

/**
 * The sum of products of the operands over the axes that the equation does not keep. Axes are letters: those that occur
 * in several operands are matched, those that are missing on the right are summed; `...` stands for the remaining axes.
 * @param equation such as `"bij,bjk->bik"`; without `->`, the letters that occur once, in alphabetical order
 * @throws {ShapeError} `einsum: expected one size for i in "i,i", got 2 and 3`
 * @throws {ArgumentError} `einsum: expected an equation of letters, commas, ... and one ->, got "i1"`
 * @example (await einsum("ij,jk->ik", tensor([[1, 2]]), tensor([[3], [4]])).toArray()) // [[11]]
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(
    equation,
    operands.map((x) => nodeOf("einsum", x).shape.length),
  );
  const terms = operands.map((x, i) => takeDiagonals({ node: nodeOf("einsum", x), labels: inputs[i] ?? [] }));
  const sizes = sizesOf(equation, terms);
  const dropped = terms.map(dropOnes);
  let [result, ...rest] = dropped;
  if (!result) throw new ArgumentError("einsum: expected at least one operand, got none");
  while (rest.length > 0) {
    const [next, ...later] = rest;
    if (!next) break;
    const kept = new Set([...output, ...later.flatMap((term) => term.labels)]);
    result = multiply(result, next, kept);
    rest = later;
  }
  const summed = sumOut(result, new Set(output));
  const present = output.filter((label) => summed.labels.includes(label));
  const ordered = b.permute(
    summed.node,
    present.map((label) => summed.labels.indexOf(label)),
  );
  // Axes of size 1 in all operands were dropped on the way.
  return new Tensor(
    b.reshape(
      ordered,
      output.map((label) => sizes.get(label) ?? 1),
    ),
  );
}

/** The labels of each operand and of the result. The axes of `...` are named by numbers, counted from the end. */
function parse(equation: string, ranks: readonly number[]): { inputs: string[][]; output: string[] } {
  const text = equation.replaceAll(" ", "");
  const [left = "", right, ...more] = text.split("->");
  const parts = left.split(",");
  if (more.length > 0 || parts.length !== ranks.length || !/^[A-Za-z.,]*$/.test(left + (right ?? "")))
    throw new ArgumentError(
      parts.length !== ranks.length
        ? `einsum: expected ${parts.length} operands for "${equation}", got ${ranks.length}`
        : `einsum: expected an equation of letters, commas, ... and one ->, got "${equation}"`,
    );
  const inputs = parts.map((part, i) => {
    const named = part.replace("...", "").length;
    const free = (ranks[i] ?? 0) - named;
    if (free < 0 || (free > 0 && !part.includes("...")))
      throw new ShapeError(`einsum: expected ${named} axes for "${part}", got ${ranks[i]}`);
    return expandDots(part, free);
  });
  const widest = Math.max(0, ...inputs.map((labels) => labels.filter((label) => /\d/.test(label)).length));
  if (right !== undefined) return { inputs, output: checkOutput(equation, inputs, expandDots(right, widest)) };
  const all = inputs.flat();
  const single = all.filter((label) => /[A-Za-z]/.test(label) && all.indexOf(label) === all.lastIndexOf(label));
  return { inputs, output: [...expandDots("...", widest), ...single.sort()] };
}

/** Labels of the result, each once and from an operand. */
function checkOutput(equation: string, inputs: readonly string[][], output: string[]): string[] {
  const wrong = output.find((label, i) => output.indexOf(label) !== i || !inputs.some((list) => list.includes(label)));
  if (wrong !== undefined)
    throw new ArgumentError(
      `einsum: expected each letter on the right once, and on the left as well, got ${wrong} in "${equation}"`,
    );
  return output;
}

const expandDots = (part: string, count: number): string[] => {
  const [before = "", after] = part.split("...");
  if (after === undefined) return [...before];
  return [...before, ...range(count).map((i) => `${count - i}`), ...after];
};

/** An axis that is named twice stands for the diagonal. */
function takeDiagonals(term: Labelled): Labelled {
  const { node, labels } = term;
  const second = labels.findIndex((label, i) => labels.indexOf(label) !== i);
  if (second < 0) return term;
  const first = labels.indexOf(labels[second] ?? "");
  const n = node.shape[first] ?? 0;
  if (node.shape[second] !== n)
    throw new ShapeError(`einsum: expected one size for ${labels[first]}, got ${n} and ${node.shape[second]}`);
  const others = range(node.shape.length).filter((axis) => axis !== first && axis !== second);
  const rest = others.map((axis) => node.shape[axis] ?? 1);
  const turned = b.permute(node, [first, second, ...others]);
  const flat = b.reshape(turned, [n * n, ...rest]);
  const zeros = flat.shape.map(() => 0);
  const diagonal =
    rest.length === 0 ? diagonalNode(turned, 0) : b.slice(flat, zeros, zeros.map(() => 1).with(0, n + 1), [n, ...rest]);
  return takeDiagonals({ node: diagonal, labels: [labels[first] ?? "", ...others.map((axis) => labels[axis] ?? "")] });
}

/** The size of each label; 1 gives way to any other. */
function sizesOf(equation: string, terms: readonly Labelled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { node, labels } of terms)
    labels.forEach((label, axis) => {
      const n = node.shape[axis] ?? 1;
      const known = sizes.get(label) ?? 1;
      if (n !== 1 && known !== 1 && n !== known)
        throw new ShapeError(`einsum: expected one size for ${label} in "${equation}", got ${known} and ${n}`);
      sizes.set(label, known === 1 ? n : known);
    });
  return sizes;
}

/** Without the axes of size 1: they neither sum nor keep anything. */
function dropOnes({ node, labels }: Labelled): Labelled {
  const kept = range(labels.length).filter((axis) => node.shape[axis] !== 1);
  if (kept.length === labels.length) return { node, labels };
  return {
    node: b.reshape(
      node,
      kept.map((axis) => node.shape[axis] ?? 1),
    ),
    labels: kept.map((axis) => labels[axis] ?? ""),
  };
}

/** The product of two operands, with labels that nobody else wants summed. */
function multiply(left: Labelled, right: Labelled, kept: ReadonlySet<string>): Labelled {
  const x = sumOut(left, new Set([...kept, ...right.labels]));
  const y = sumOut(right, new Set([...kept, ...left.labels]));
  const shared = x.labels.filter((label) => y.labels.includes(label));
  const batch = shared.filter((label) => kept.has(label));
  const sum = shared.filter((label) => !kept.has(label));
  const [a, c] = alike(x.node, y.node);
  const at = (labels: readonly string[], of: Labelled): number[] => labels.map((label) => of.labels.indexOf(label));
  const node = b.contract(a, c, {
    batchA: at(batch, x),
    batchB: at(batch, y),
    contractA: at(sum, x),
    contractB: at(sum, y),
  });
  const free = (of: Labelled): string[] => of.labels.filter((label) => !shared.includes(label));
  return { node, labels: [...batch, ...free(x), ...free(y)] };
}

function sumOut({ node, labels }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = range(labels.length).filter((axis) => !kept.has(labels[axis] ?? ""));
  return { node: b.sum(node, axes), labels: labels.filter((label) => kept.has(label)) };
}

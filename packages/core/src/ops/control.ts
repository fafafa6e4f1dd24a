// What gives a function a derivative of its own: its results as parts of one node, and values that wait for others.
import { GraphError } from "../base/errors.ts";
import { type Control, controlOf, setControl } from "../graph/control.ts";
import { type Attrs, makeNode, type Node } from "../graph/node.ts";
import type { Linear, Part, Result, Several } from "../graph/rules.ts";
import { only } from "./expect.ts";

/** How a function that was built from `inputs` is differentiated. `results` are the nodes that stand for its results. */
export interface CustomRule {
  /** The cotangents of the inputs; `gs` has null for results that nobody uses. */
  vjp(gs: readonly (Node | null)[], inputs: readonly Node[], results: readonly Node[]): readonly (Node | null)[];
  /** The tangents of the results; `own` has those that follow from the function's own operations. */
  jvp(
    tangents: readonly (Node | null)[],
    inputs: readonly Node[],
    results: readonly Node[],
    own: readonly (Node | null)[],
  ): readonly (Node | null)[];
  /** The same over a leading axis. */
  batch(size: number): CustomRule;
}

interface Custom {
  readonly rule: CustomRule;
  readonly results: readonly Node[];
}

/** Rules are functions, and attributes are plain data that plans are told apart by: they are kept beside each other. */
const customs = new WeakMap<Attrs, Custom>();

function customOf(attrs: Attrs): Custom {
  const found = customs.get(attrs);
  if (!found) throw new GraphError("custom: expected a node with a rule, got one without");
  return found;
}

const split = ({ attrs, inputs }: Node): { inputs: readonly Node[]; values: readonly Node[] } => {
  const count = inputs.length - Number(attrs.count);
  return { inputs: inputs.slice(0, count), values: inputs.slice(count) };
};

/** A function's inputs, then its results as its own operations compute them; `count` of those. */
const custom: Several = {
  kind: "several",
  name: "custom",
  dtype: () => "float32",
  shape: () => [],
  results: (inputs, attrs): readonly Result[] => inputs.slice(inputs.length - Number(attrs.count)),
  vjp(_, gs, node) {
    const { rule, results } = customOf(node.attrs);
    return rule.vjp(gs, split(node).inputs, results);
  },
  jvp(_, tangents, node) {
    const { rule, results } = customOf(node.attrs);
    const { inputs, values } = split(node);
    return rule.jvp(tangents.slice(0, inputs.length), inputs, results, tangents.slice(-values.length));
  },
  batch(_, attrs, inputs) {
    return rebuilt(attrs, inputs, customOf(attrs).rule.batch(only(inputs[0]).shape[0] ?? 1));
  },
  again: (attrs, inputs) => rebuilt(attrs, inputs, customOf(attrs).rule),
};

function rebuilt(attrs: Attrs, inputs: readonly Node[], rule: CustomRule): Node {
  const from = inputs.length - Number(attrs.count);
  const [part] = customResults(inputs.slice(0, from), inputs.slice(from), rule);
  return only(part?.inputs[0]);
}

const customPart: Part = {
  kind: "part",
  name: "result",
  dtype: ([, value]) => only(value).dtype,
  shape: ([, value]) => only(value).shape,
  again: (attrs, [whole]) => only(customOf(only(whole).attrs).results[Number(attrs.index)]),
};

/** The results of a function of `inputs`, differentiated by a rule of its own. */
export function customResults(inputs: readonly Node[], values: readonly Node[], rule: CustomRule): readonly Node[] {
  const attrs = { count: values.length };
  const whole = makeNode(custom, [...inputs, ...values], attrs);
  const results = values.map((value, index) => makeNode(customPart, [whole, value], { index }));
  customs.set(attrs, { rule, results });
  return results;
}

/** How a loop or a branch, which the engine runs, is differentiated and mapped over a batch. */
export interface ControlRule {
  vjp(gs: readonly (Node | null)[], inputs: readonly Node[], results: readonly Node[]): readonly (Node | null)[];
  jvp(tangents: readonly (Node | null)[], inputs: readonly Node[], results: readonly Node[]): readonly (Node | null)[];
  /** The results over a leading axis of all inputs. */
  batch(inputs: readonly Node[]): readonly Node[];
}

interface Controlled {
  readonly rule: ControlRule;
  readonly kinds: readonly Result[];
  readonly results: readonly Node[];
}

const controlled = new WeakMap<Attrs, Controlled>();

function controlledOf(attrs: Attrs): Controlled {
  const found = controlled.get(attrs);
  if (!found) throw new GraphError("control: expected a node with a rule, got one without");
  return found;
}

const control: Several = {
  kind: "several",
  name: "control",
  dtype: () => "float32",
  shape: () => [],
  results: (_, attrs) => controlledOf(attrs).kinds,
  vjp: (_, gs, { attrs, inputs }) => controlledOf(attrs).rule.vjp(gs, inputs, controlledOf(attrs).results),
  jvp: (_, tangents, { attrs, inputs }) => controlledOf(attrs).rule.jvp(tangents, inputs, controlledOf(attrs).results),
  batch(_, attrs, inputs) {
    const { rule } = controlledOf(attrs);
    const results = rule.batch(inputs);
    // Only to find the results by: the nodes that compute them are behind them.
    const found = {};
    controlled.set(found, { rule, kinds: [], results });
    return makeNode(control, inputs, found);
  },
  again(attrs, inputs) {
    const { rule, kinds } = controlledOf(attrs);
    const [part] = controlResults(inputs, kinds, controlOf(attrs), rule);
    return only(part?.inputs[0]);
  },
};

const controlPart: Part = {
  kind: "part",
  name: "result",
  dtype: (inputs, { index }) => only(partKind(inputs, index)).dtype,
  shape: (inputs, { index }) => only(partKind(inputs, index)).shape,
  again: ({ index }, [whole]) => only(controlledOf(only(whole).attrs).results[Number(index)]),
};

const partKind = ([whole]: readonly Node[], index: unknown): Result | undefined =>
  controlledOf(only(whole).attrs).kinds[Number(index)];

/** The results of a loop or a branch on `inputs`. */
export function controlResults(
  inputs: readonly Node[],
  kinds: readonly Result[],
  body: Control | undefined,
  rule: ControlRule,
): readonly Node[] {
  const attrs = {};
  const results: Node[] = [];
  controlled.set(attrs, { rule, kinds, results });
  setControl(attrs, only(body));
  const whole = makeNode(control, inputs, attrs);
  for (const index of kinds.keys()) results.push(makeNode(controlPart, [whole], { index }));
  return results;
}

/** x, computed once the others are: what is built from it is computed again, although it was computed before. */
export const after: Linear = {
  kind: "linear",
  name: "after",
  linearInputs: 1,
  dtype: ([x]) => only(x).dtype,
  shape: ([x]) => only(x).shape,
  transpose: (_, g, _attrs, _inputs, index) => (index === 0 ? g : null),
  batch: (_, _attrs, inputs) => makeNode(after, inputs),
  lower: (k, [x, ...others]) => k.after(only(x), others),
};

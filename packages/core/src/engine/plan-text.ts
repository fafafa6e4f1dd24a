// What computing nodes would run, as text: one plan, or several where loops and branches come between.
import { type Body, type Control, controlOf } from "../graph/control.ts";
import type { Node } from "../graph/node.ts";
import { printPlan } from "../kernel/print.ts";
import { schedule } from "../schedule/schedule.ts";
import { collect } from "./collect.ts";
import { placeholder } from "./control.ts";
import { wantedWith } from "./engine.ts";

/** In the order in which they run; bodies of loops and branches stand where they run first. */
export const planText = (roots: readonly Node[], keep: readonly Node[] = []): string =>
  textsOf(wantedWith(roots, keep)).join("\n\n");

function textsOf(roots: readonly Node[]): string[] {
  const texts: string[] = [];
  /** Values that are there once what was written so far has run. */
  const lent: Node[] = [];
  const lend = (nodes: readonly Node[]): void => {
    for (const node of nodes) node.storage = placeholder;
    lent.push(...nodes);
  };
  try {
    for (let { controls } = collect(roots); controls.length > 0; { controls } = collect(pendingOf(roots))) {
      // The first in canonical order: nothing that it reads waits for another.
      const whole = controls[0]?.inputs[0];
      const control = whole && controlOf(whole.attrs);
      if (!control) break;
      const read = [...new Set(pendingOf(whole.inputs))];
      if (read.length > 0) texts.push(`what a ${control.kind} reads: ${onePlan(read)}`);
      lend(read);
      texts.push(...bodiesOf(control));
      lend(controls.filter((part) => part.inputs[0] === whole));
    }
    const rest = pendingOf(roots);
    if (rest.length > 0) texts.push(onePlan(rest));
  } finally {
    for (const node of lent) node.storage = null;
  }
  return texts;
}

const pendingOf = (nodes: readonly Node[]): Node[] => nodes.filter((node) => node.storage === null);

const onePlan = (roots: readonly Node[]): string => printPlan(schedule({ ...collect(roots), roots }));

function bodiesOf(control: Control): string[] {
  if (control.kind === "loop") return bodyOf(`loop, ${control.length} times`, control.body);
  const [first, second] = control.bodies;
  return [...bodyOf("branch, if so", first), ...bodyOf("branch, if not", second)];
}

function bodyOf(title: string, { params, roots }: Body): string[] {
  const unknown = params.filter((param) => param.storage === null);
  for (const param of unknown) param.storage = placeholder;
  try {
    const texts = textsOf([...new Set(pendingOf(roots))]);
    return texts.length > 0 ? texts.map((text) => `${title}: ${text}`) : [`${title}: nothing to compute`];
  } finally {
    for (const param of unknown) param.storage = null;
  }
}

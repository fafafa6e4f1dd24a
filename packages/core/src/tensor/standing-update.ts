// An update that a training loop does again and again. Its graph is built once: later ones are nodes that stand for it.
import { realize } from "../engine/engine.ts";
import { trace } from "../engine/trace.ts";
import { isRecording, type Node, withoutGradients } from "../graph/node.ts";
import { type Deferred, followsFrom, inputsOf, type Promised, promised, realNode, StandIn } from "../graph/stand-in.ts";
import { checkAssignable } from "./assign.ts";
import { Tensor } from "./tensor.ts";
import { type Update, update } from "./update.ts";

/** The values of an update, built when somebody asks for them. */
class Values implements Deferred {
  private built: readonly Node[] | null;
  private readonly build: () => readonly Update[];

  constructor(build: () => readonly Update[], built: readonly Node[] | null) {
    this.build = build;
    this.built = built;
  }

  nodes(): readonly Node[] {
    this.built ??= withoutGradients(() => valuesOf(this.build()));
    return this.built;
  }
}

const valuesOf = (updates: readonly Update[]): Node[] => updates.map(({ value }) => value.node);

/**
 * An update of the same tensors from the same tensors, always by the same operations: for optimizers, which know when that
 * is so. Nothing is built from the second time on, unless the engine has not met what the update's inputs come from.
 */
export class StandingUpdate {
  private readonly targets: readonly Pick<Update, "target" | "inPlace">[];
  private readonly promised: readonly Promised[];

  private constructor(updates: readonly Update[], values: readonly Node[]) {
    this.targets = updates.map(({ target, inPlace = false }) => ({ target, inPlace }));
    this.promised = promised(values);
  }

  /** Whether one can be made or done now: a compiled or differentiated function has to see the graph itself. */
  static get isPossible(): boolean {
    return trace === null && !isRecording();
  }

  /** A gradient to build the first update from, so that the next ones look like it: a handle of the node itself. */
  static gradientOf(parameter: Tensor): Tensor | null {
    const { grad } = parameter;
    if (grad === null || !StandingUpdate.isPossible) return grad;
    const node = grad.nodeOrStandIn;
    return node.opKind === "standIn" && node.storage === null ? new Tensor(realNode(node)) : grad;
  }

  /**
   * Does `updates` as `update` does. Returns what does them again; null where they are made of more than `reads`.
   * @param reads all tensors that the values were built from, numbers among them as scalars
   */
  static begin(updates: readonly Update[], reads: readonly Tensor[]): StandingUpdate | null {
    const values = valuesOf(updates);
    const inputs = reads.map((x) => x.nodeOrStandIn);
    const real = new Set(inputs.map(realNode));
    const isDistinct = new Set(values).size === values.length && !values.some((node) => real.has(node));
    if (!StandingUpdate.isPossible || !isDistinct || !followsFrom(real, values)) {
      update(updates);
      return null;
    }
    for (const { target, value } of updates) checkAssignable("assign", target.kind, value.kind);
    const standing = new StandingUpdate(updates, values);
    standing.run(inputs, new Values(() => updates, values));
    return standing;
  }

  /** Does it again. `build` is called where the graph is needed after all. */
  again(reads: readonly Tensor[], build: () => readonly Update[]): void {
    const inputs: Node[] = [];
    for (const x of reads) inputs.push(x.nodeOrStandIn);
    this.run(inputs, new Values(build, null));
  }

  private run(inputs: readonly Node[], deferred: Deferred): void {
    const { targets } = this;
    const values: Node[] = [];
    const donate: { old: Node; value: Node }[] = [];
    let whole: Node[] | null = null;
    for (let i = 0; i < targets.length; i++) {
      const like = this.promised[i];
      const to = targets[i];
      if (!like || !to) continue;
      const { device } = to.target.kind;
      whole ??= [inputsOf(inputs, device)];
      const value = new StandIn(whole, like, device, deferred);
      values.push(value);
      if (to.inPlace === true) donate.push({ old: to.target.node, value });
    }
    realize(values, { donate });
    for (let i = 0; i < targets.length; i++) {
      const [to, value] = [targets[i], values[i]];
      if (to && value) to.target.settle(value, to.inPlace);
    }
  }
}

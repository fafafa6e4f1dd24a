// What a tensor holds: a node or, where compiled functions alone have updated it, a storage that gets a node when
// somebody asks for one. So a compiled step replaces parameters and gradients without making anything.
import { elementBytes } from "../base/dtype.ts";
import { GraphError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { joinNextRun, leaveNextRun, realize } from "../engine/engine.ts";
import { trace, tracing } from "../engine/trace.ts";
import { storageOf } from "../engine/values.ts";
import { whyGone } from "../graph/gone.ts";
import type { Kind, Node } from "../graph/node.ts";
import { realNode } from "../graph/stand-in.ts";
import { leaf } from "../ops/source.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { DeviceStorage } from "../runtime/storage.ts";
import { expectNotApart, forgetHeld, noteMade } from "./apart.ts";
import { shareHooks } from "./hooks.ts";

/** A value that has no node, and where the next one may be written. */
class Held {
  value: DeviceStorage | null = null;
  spare: DeviceStorage | null = null;

  /** The new value takes the old one's place. Returns what is not needed any more. */
  turn(next: DeviceStorage, former: DeviceStorage | null): DeviceStorage | null {
    const left = this.spare === next ? null : this.spare;
    this.value = next;
    this.spare = former;
    return left;
  }

  release(): void {
    this.value?.release();
    this.spare?.release();
    this.value = null;
    this.spare = null;
  }
}

export class Handle {
  /** The node that was asked for last. */
  private current: Node;
  private held: Held | null = null;
  private heldGradient: Held | null = null;
  protected gradient: Handle | null = null;
  /** The value before the last update: kept for one more update, since pending results may still read it. */
  private former: Node | null = null;
  /** How often the gradient has been given up. */
  protected resets = 0;
  /** While the handle stands for another node: whether it requires a gradient by itself. */
  private ownRequiresGrad: boolean | null = null;

  constructor(node: Node) {
    this.current = node;
    if (node.requiresGrad && node.opKind === "leaf") node.owner ??= this;
    if (trace !== null) trace.made.add(this);
    noteMade(this);
  }

  /** The graph node behind the handle. Replaced by updates; not for applications. */
  get node(): Node {
    if (this.held !== null && this.held.value !== null) this.show(this.held.value);
    if (this.current.opKind === "standIn") this.lookInto();
    if (trace !== null) this.noteRead();
    return this.current;
  }
  set node(node: Node) {
    this.held?.release();
    this.current = node;
    if (trace !== null) trace.changed.add(this);
  }

  get requiresGrad(): boolean {
    return this.ownRequiresGrad ?? this.current.requiresGrad;
  }

  /**
   * Computes with `node` until the function that comes back is called. That gives what was assigned meanwhile, which is
   * not the handle's own; null for nothing.
   */
  standFor(node: Node): () => Node | null {
    const [own, before] = [this.node, this.ownRequiresGrad];
    this.ownRequiresGrad = this.requiresGrad;
    this.node = node;
    return () => {
      const last = this.node;
      forgetHeld(this, node);
      this.node = own;
      this.ownRequiresGrad = before;
      return last === node ? null : last;
    };
  }

  /** A node of the handle's shape, dtype and device; its value may be an older one. */
  get kind(): Node {
    return this.current;
  }

  /** Puts the node in the place of one that stands for it. */
  private lookInto(): void {
    const { current } = this;
    const { shape, dtype, device, storage, gone } = current;
    if (storage !== null) this.current = leaf(shape, dtype, device, storage);
    else {
      this.current = realNode(current);
      if (current.joinsNextRun) {
        leaveNextRun(current);
        joinNextRun(this.current);
      }
    }
    this.current.gone ??= gone;
  }

  /** The node, or one that stands for it: for those who read the value and not where it comes from. */
  get nodeOrStandIn(): Node {
    return this.current.opKind === "standIn" ? this.current : this.node;
  }

  private show(value: DeviceStorage): void {
    if (this.held !== null) this.held.value = null;
    this.replace(leaf(this.current.shape, this.current.dtype, this.current.device, value, this.current.requiresGrad));
  }

  /** Another leaf in the current one's place. */
  private replace(next: Node): void {
    if (next.requiresGrad) {
      next.owner = this;
      shareHooks(this.current, next);
    }
    this.current = next;
  }

  private noteRead(): void {
    const { current } = this;
    if (trace === null || trace.made.has(this) || trace.changed.has(this)) return;
    // What waits from before does not belong to the function.
    if (current.storage === null && current.gone === null) tracing(null, () => realize([current]));
    if (!trace.origins.has(current)) trace.origins.set(current, this);
  }

  /** Takes over the storage of a computed node. The value before last goes for good. */
  settle(computed: Node, donated = false): void {
    const former = this.node;
    const { shape, dtype, device, requiresGrad } = former;
    if (!computed.storage) throw new GraphError("assign: expected a computed value");
    computed.gone ??= whyGone.handed;
    this.dropFormer()?.release();
    this.former = donated ? null : former;
    // Where the plan could not write over it, the old value is as gone, and its memory need not wait for the collector.
    if (donated && former.storage instanceof DeviceStorage && !former.storage.isReleased) {
      former.gone = whyGone.overwritten;
      former.storage.release();
    }
    this.held?.release();
    this.replace(leaf(shape, dtype, device, computed.storage, requiresGrad));
    if (trace === null) return;
    trace.changed.add(this);
    trace.actions.push({ kind: "settling", handle: this, computed, leaf: this.current, keeps: !donated });
  }

  /** Lets go of the value before the last update. */
  private dropFormer(): DeviceStorage | null {
    const { former } = this;
    if (former === null) return null;
    this.former = null;
    former.gone = whyGone.former;
    return former.storage instanceof DeviceStorage && !former.storage.isReleased ? former.storage : null;
  }

  /** Forgets the gradient and gives its memory back. A handle to it that you kept cannot be read afterwards: keep a copy, `realize(x.grad.detach())`. */
  zeroGrad(): void {
    expectNotApart("zeroGrad", this);
    if (trace !== null) this.noteReset();
    this.heldGradient?.release();
    this.forgetGradient();
  }

  private forgetGradient(): void {
    if (!this.gradient) return;
    this.resets++;
    const { gradient } = this;
    // What stands for another need not be built to be given up.
    const node = gradient.current.opKind === "standIn" ? gradient.current : gradient.node;
    leaveNextRun(node);
    if (node.storage) {
      node.gone = whyGone.gradient;
      node.storage.release();
    }
    this.gradient = null;
  }

  private noteReset(): void {
    if (trace === null || trace.made.has(this)) return;
    trace.reset.add(this);
    if (!trace.gradients.has(this)) trace.gradients.set(this, null);
  }

  /** The gradient's storage, if it has no handle yet: it gets one now. */
  protected showGradient(): DeviceStorage | null {
    const { heldGradient } = this;
    if (heldGradient === null || heldGradient.value === null) return null;
    const { value } = heldGradient;
    heldGradient.value = null;
    return value;
  }

  protected setGradient(gradient: Handle | null): void {
    this.heldGradient?.release();
    this.gradient = gradient;
    if (trace !== null && !trace.made.has(this) && !trace.gradients.has(this)) trace.gradients.set(this, null);
  }

  protected noteGradient(): void {
    if (trace === null || trace.made.has(this)) return;
    if (!trace.gradients.has(this)) trace.gradients.set(this, this.gradient !== null);
    if (this.gradient && !trace.made.has(this.gradient)) trace.gradientOf.set(this.gradient, this);
  }

  /** Gives back memory that only waits for further values. */
  protected releaseSpare(): void {
    this.held?.release();
    this.dropFormer()?.release();
  }

  // For compiled functions

  /** The storage of the value. Throws where it is not computed. */
  valueStorage(): DeviceStorage {
    return this.held?.value ?? storageOf(this.current);
  }

  /** A storage that nobody sees, for the next value. */
  spareStorage(): DeviceStorage {
    this.held ??= new Held();
    this.held.spare ??= storageLike(this.current);
    return this.held.spare;
  }

  /**
   * Makes `next` the value; null for the storage of the old one, written in place. `keeps`: the old value stays
   * readable until the next update, as after `update`. Returns a storage that is not needed any more.
   */
  turn(next: DeviceStorage | null, keeps: boolean): DeviceStorage | null {
    this.held ??= new Held();
    const { held, current } = this;
    const hidden = held.value;
    const left = keeps ? this.dropFormer() : null;
    if (next === null) {
      if (hidden === null) {
        held.value = new DeviceStorage(deviceNamed(current.device), storageOf(current).take());
        current.gone = whyGone.overwritten;
      }
      return null;
    }
    if (hidden === null && keeps) this.former = current;
    if (hidden !== null) {
      left?.release();
      return held.turn(next, hidden);
    }
    // What the value before last leaves serves as the next spare storage.
    return held.turn(next, left && new DeviceStorage(deviceNamed(current.device), left.take()));
  }

  /** The handle of the gradient, if it has one. */
  get lastGradient(): Handle | null {
    if (this.gradient?.current.opKind === "standIn") this.gradient.lookInto();
    return this.gradient;
  }

  /** Whether there is a gradient. */
  get hasGradient(): boolean {
    return this.gradient !== null || (this.heldGradient !== null && this.heldGradient.value !== null);
  }

  /** The storage of the gradient. Throws where there is none, or it is not computed. */
  gradientStorage(): DeviceStorage {
    const value = this.heldGradient?.value;
    if (value) return value;
    if (this.gradient) return this.gradient.valueStorage();
    throw new GraphError("compile: expected a gradient, got none");
  }

  spareGradientStorage(): DeviceStorage {
    this.heldGradient ??= new Held();
    this.heldGradient.spare ??= storageLike(this.current);
    return this.heldGradient.spare;
  }

  /** Makes `next` the gradient, in place of one that may have been given up before. */
  turnGradient(next: DeviceStorage, wasReset: boolean): void {
    this.heldGradient ??= new Held();
    if (wasReset) this.forgetGradient();
    this.gradient = null;
    this.heldGradient.turn(next, this.heldGradient.value)?.release();
  }

  /** Lets go of the gradient; its storage is kept to write the next one to. */
  giveUpGradient(): void {
    this.forgetGradient();
    const value = this.showGradient();
    if (value === null || this.heldGradient === null) return;
    this.heldGradient.spare?.release();
    this.heldGradient.spare = value;
  }
}

/** Uninitialized memory for such a value. */
export function storageLike({ shape, dtype, device }: Kind): DeviceStorage {
  const owner = deviceNamed(device);
  return new DeviceStorage(owner, owner.allocate(sizeOf(shape) * elementBytes(dtype)));
}

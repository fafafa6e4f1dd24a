// Computes pending nodes: finds or compiles the plan for their structure, runs it, and hands out the results.
import { elementBytes } from "../base/dtype.ts";
import { DeviceError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { whyGone } from "../graph/gone.ts";
import { beginWalk, type Node } from "../graph/node.ts";
import { realNode } from "../graph/stand-in.ts";
import type { Plan } from "../kernel/ir.ts";
import type { Buffer, Device, Executable } from "../runtime/device.ts";
import { deviceNamed } from "../runtime/devices.ts";
import { DeviceStorage, Lease } from "../runtime/storage.ts";
import { collectAll } from "../runtime/young.ts";
import type { Donation } from "../schedule/donations.ts";
import { schedule } from "../schedule/schedule.ts";
import { type Collected, collect, mark } from "./collect.ts";
import { type Machine, runControls } from "./control.ts";
import { enterPhase, execute } from "./profiling.ts";
import { trace } from "./trace.ts";
import { bufferOf } from "./values.ts";

/** A plan that is ready to run, under the signature of its graph. */
export interface Compiled {
  readonly key: Int32Array;
  readonly device: string;
  readonly plan: Plan;
  readonly executable: Executable;
  readonly outputs: readonly Output[];
  lastUse: number;
}

interface Output {
  readonly index: number;
  readonly sizeBytes: number;
  /** The input whose buffer it takes over, or -1. */
  readonly over: number;
}

function outputsOf({ slots }: Plan): Output[] {
  const outputs: Output[] = [];
  for (const slot of slots) {
    if (slot.kind !== "output") continue;
    const alias = slot.alias >= 0 ? slots[slot.alias] : undefined;
    const over = alias?.kind === "input" ? alias.index : -1;
    outputs.push({ index: slot.index, sizeBytes: slot.size * elementBytes(slot.dtype), over });
  }
  return outputs;
}

/** Plans that are kept before the oldest ones are dropped, and kernels in them: each takes about 30 KiB of the process. */
const maxPlans = 512;
const maxKernels = 4096;

const plans = new Map<number, Compiled[]>();

/** The plan of a graph with stand-ins, and where its inputs and numbers are among those of that graph. */
interface Route {
  readonly key: Int32Array;
  readonly compiled: Compiled;
  readonly inputs: readonly number[];
  readonly scalars: readonly number[];
}

const routes = new Map<number, Route[]>();
let routeCount = 0;
let planCount = 0;
let kernelCount = 0;
let clock = 0;

let apart = false;

/** Runs `body` without fusion: every operation its own kernel. For tests, which compare the two. */
export function withoutFusion<T>(body: () => T): T {
  const before = apart;
  apart = true;
  try {
    return body();
  } finally {
    apart = before;
  }
}

/** Counts of what the engine has done since the process began. */
export interface EngineStatistics {
  readonly plansCompiled: number;
  readonly plansCached: number;
  readonly runs: number;
  readonly kernels: number;
}

let plansCompiled = 0;
let runs = 0;
let kernels = 0;

/** How many plans were compiled and are kept, and how many runs and kernels there were, since the process began. */
export const engineStatistics = (): EngineStatistics => ({ plansCompiled, plansCached: planCount, runs, kernels });

interface Companion {
  readonly node: Node;
  /** Asked when the run begins; without it, the node joins. */
  readonly isWanted: (() => boolean) | undefined;
  /** Called if the run fails. */
  readonly undo: (() => void) | undefined;
}

/** Nodes that the next run computes as well: losses whose gradients are wanted, state that a layer updates. */
let companions: Companion[] = [];

// A list and a mark, not a set: a long-lived set that churns leaves a chain of outgrown tables behind, and V8's young
// collections then keep every graph that one of them still names.
export function joinNextRun(node: Node, { isWanted, undo }: Partial<Companion> = {}): void {
  if (node.storage !== null) return;
  node.joinsNextRun = true;
  companions.push({ node, isWanted, undo });
}

export function leaveNextRun(node: Node): void {
  node.joinsNextRun = false;
}

/** Values that the next run reads for the last time: kept for a backward pass, which is in that run. */
let expiring: Node[] = [];

export function releaseAfterNextRun(nodes: readonly Node[]): void {
  expiring.push(...nodes);
}

function releaseExpired(): void {
  for (const node of expiring) {
    node.storage?.release();
    node.storage = null;
  }
  expiring = [];
}

/** A computed node whose buffer a result may take over: its old value is not needed after the run. */
export interface Replacement {
  readonly old: Node;
  readonly value: Node;
}

export interface RunOptions {
  readonly donate?: readonly Replacement[];
  /** Further nodes to compute in the same run, which stay ready to be computed again. */
  readonly keep?: readonly Node[];
}

/** Computes `roots` in one plan. Nodes that are computed already cost nothing. */
export function realize(roots: readonly Node[], options: RunOptions = {}): void {
  const wanted: Node[] = [];
  const walk = beginWalk();
  for (const root of roots) want(root, wanted, walk);
  if (wanted.length === 0) return;
  const { device } = roots[0] ?? { device: "" };
  for (const node of options.keep ?? none) want(node, wanted, walk);
  const joining = companions;
  companions = [];
  const undos: (() => void)[] = [];
  for (const companion of joining) {
    const { node, isWanted, undo } = companion;
    if (!node.joinsNextRun) continue;
    if (node.storage === null && node.device !== device) {
      companions.push(companion);
      continue;
    }
    node.joinsNextRun = false;
    if (node.storage !== null || node.gone !== null || isWanted?.() === false) continue;
    want(node, wanted, walk);
    if (undo) undos.push(undo);
  }
  const before = enterPhase("signature");
  try {
    run(wanted, deviceNamed(device), options.donate ?? none, options.keep ?? none);
  } catch (error) {
    for (const undo of undos) undo();
    throw error;
  } finally {
    enterPhase(before);
  }
  if (expiring.length > 0) releaseExpired();
}

const none: readonly never[] = [];

/** Puts a pending node on the list, once. */
function want(node: Node, wanted: Node[], walk: number): void {
  if (node.storage !== null || node.walk === walk) return;
  node.walk = walk;
  wanted.push(node);
}

/** Computes all that waits for the next run, on every device. */
export function flush(): void {
  while (companions.length > 0) {
    const wanted = companions.find(
      ({ node, isWanted }) =>
        node.joinsNextRun && node.storage === null && node.gone === null && isWanted?.() !== false,
    );
    if (wanted) realize([wanted.node]);
    else companions = [];
  }
}

function run(
  roots: readonly Node[],
  device: Device,
  replacements: readonly Replacement[],
  keep: readonly Node[],
): void {
  for (const root of roots)
    if (root.device !== device.name)
      throw new DeviceError(`realize: expected one device, got ${device.name} and ${root.device}. Realize them apart`);
  const pending = collect(roots);
  if (pending.controls.length === 0) runPlan(pending, roots, device, replacements, keep);
  else if (!pending.hasStandIns) runInStages(roots, device, replacements, keep);
  else {
    const real = roots.map(realNode);
    runInStages(real, device, realReplacements(replacements), keep);
    roots.forEach((root, i) => {
      root.storage = real[i]?.storage ?? null;
      if (!root.requiresGrad) root.forget();
    });
  }
}

const realReplacements = (replacements: readonly Replacement[]): Replacement[] =>
  replacements.map(({ old, value }) => ({ old, value: realNode(value) }));

/** Loops and branches first, each with what it reads; then the rest. */
function runInStages(
  roots: readonly Node[],
  device: Device,
  replacements: readonly Replacement[],
  keep: readonly Node[],
): void {
  if (trace !== null) trace.obstacle = "a loop or a branch";
  const temporary: Node[] = [];
  const machine: Machine = {
    device,
    compute: (nodes) => run(nodes, device, [], nodes),
    prepare(pending, results) {
      const compiled = find(pending, results, device, []);
      const numbers = pending.scalars.map((node) => node.scalar);
      return (inputs, outputs) => execute(compiled, inputs, outputs, numbers);
    },
  };
  try {
    runControls(roots, machine, temporary);
    const rest = roots.filter((root) => root.storage === null);
    for (const root of roots) if (root.storage !== null && !root.requiresGrad && !keep.includes(root)) root.forget();
    if (rest.length > 0) runPlan(collect(rest), rest, device, replacements, keep);
  } finally {
    for (const node of temporary) {
      node.storage?.release();
      node.storage = null;
    }
  }
}

function runPlan(
  pending: Collected,
  roots: readonly Node[],
  device: Device,
  replacements: readonly Replacement[],
  keep: readonly Node[],
): void {
  const ready = pending.hasStandIns
    ? findByRoute(pending, roots, device, replacements)
    : findWith(pending, roots, device, replacements);
  const { compiled } = ready;
  enterPhase("launch");
  const inputs: Buffer[] = [];
  for (const node of ready.inputs) inputs.push(bufferOf(node));
  const numbers: number[] = [];
  for (const node of ready.scalars) numbers.push(node.scalar);
  const outputs: Buffer[] = [];
  const fresh: Buffer[] = [];
  for (const { index, sizeBytes, over } of compiled.outputs) {
    const taken = over >= 0 ? inputs[over] : undefined;
    const buffer = taken ?? device.allocate(sizeBytes);
    if (!taken) fresh.push(buffer);
    outputs[index] = buffer;
  }
  try {
    execute(compiled, inputs, outputs, numbers);
  } catch (error) {
    for (const buffer of fresh) device.free(buffer);
    throw error;
  }
  countRun(compiled);
  trace?.actions.push({ kind: "launch", compiled, inputs: ready.inputs, scalars: ready.scalars, roots });
  settle(roots, outputs, device, ready, keep);
}

export function countRun({ plan }: Compiled): void {
  runs++;
  kernels += plan.kernels.length;
}

/** Gives the roots their storages and lets go of what is not needed any more. */
function settle(
  roots: readonly Node[],
  outputs: readonly Buffer[],
  device: Device,
  { compiled, inputs }: Ready,
  keep: readonly Node[],
): void {
  for (const { over } of compiled.outputs) {
    const old = over >= 0 ? inputs[over] : undefined;
    if (old?.storage instanceof DeviceStorage) {
      old.storage.take();
      old.gone = whyGone.overwritten;
    }
  }
  const lease = new Lease();
  for (let i = 0; i < roots.length; i++) {
    const [root, buffer] = [roots[i], outputs[i]];
    if (!root) continue;
    if (buffer) root.storage = new DeviceStorage(device, buffer, lease);
    if (!root.requiresGrad && !keep.includes(root)) root.forget();
  }
}

function findDonations(roots: readonly Node[], pending: Collected, replacements: readonly Replacement[]): Donation[] {
  const donations: Donation[] = [];
  for (const { old, value } of replacements) {
    const output = roots.indexOf(value);
    const input = old.storage === null ? -1 : pending.inputs.indexOf(old);
    const fits = old.dtype === value.dtype && sizeOf(old.shape) === sizeOf(value.shape);
    if (output >= 0 && input >= 0 && fits) donations.push({ output, input });
  }
  for (const { output, input } of donations) {
    pending.signature.push(output);
    pending.signature.push(input);
  }
  return donations;
}

/** A plan, and what it runs on, in its order. */
interface Ready {
  readonly compiled: Compiled;
  readonly inputs: readonly Node[];
  readonly scalars: readonly Node[];
}

function findWith(
  pending: Collected,
  roots: readonly Node[],
  device: Device,
  replacements: readonly Replacement[],
): Ready {
  const donations = findDonations(roots, pending, replacements);
  const { inputs, scalars } = pending;
  return { compiled: find(pending, roots, device, donations), inputs, scalars };
}

/** For a graph with stand-ins: their nodes are built if the engine has not met such a graph before. */
function findByRoute(
  pending: Collected,
  roots: readonly Node[],
  device: Device,
  replacements: readonly Replacement[],
): Ready {
  const { signature, inputs, scalars } = pending;
  findDonations(roots, pending, replacements);
  if (apart) signature.push(mark.apart);
  const { hash } = signature;
  for (const known of pending.isCut ? none : (routes.get(hash) ?? none))
    if (known.compiled.device === device.name && signature.equals(known.key)) {
      known.compiled.lastUse = ++clock;
      return {
        compiled: known.compiled,
        inputs: picked(inputs, known.inputs),
        scalars: picked(scalars, known.scalars),
      };
    }
  const key = signature.copy();
  const real = roots.map(realNode);
  const ready = findWith(collect(real), real, device, realReplacements(replacements));
  const route = {
    key,
    compiled: ready.compiled,
    inputs: ready.inputs.map((node) => inputs.indexOf(node)),
    scalars: ready.scalars.map((node) => scalars.indexOf(node)),
  };
  // What stands below inputs may be anything: no route there.
  if (!pending.isCut && !route.inputs.includes(-1) && !route.scalars.includes(-1)) {
    if (routeCount >= maxPlans) forgetRoutes();
    routes.set(hash, [...(routes.get(hash) ?? []), route]);
    routeCount++;
  }
  return ready;
}

function forgetRoutes(): void {
  routes.clear();
  routeCount = 0;
}

function picked(nodes: readonly Node[], places: readonly number[]): Node[] {
  const found: Node[] = [];
  for (const place of places) {
    const node = nodes[place];
    if (node) found.push(node);
  }
  return found;
}

function find(pending: Collected, roots: readonly Node[], device: Device, donations: readonly Donation[]): Compiled {
  const { signature } = pending;
  if (apart) signature.push(mark.apart);
  const { hash } = signature;
  const bucket = plans.get(hash) ?? [];
  clock++;
  for (const entry of bucket)
    if (entry.device === device.name && signature.equals(entry.key)) {
      entry.lastUse = clock;
      return entry;
    }
  const before = enterPhase("compile");
  const key = signature.copy();
  const plan = schedule({ ...pending, roots }, donations, apart);
  const executable = device.compile(plan);
  const compiled: Compiled = { key, device: device.name, plan, executable, outputs: outputsOf(plan), lastUse: clock };
  plansCompiled++;
  if (planCount >= maxPlans || kernelCount + plan.kernels.length > maxKernels) dropOldest();
  plans.set(hash, [...(plans.get(hash) ?? []), compiled]);
  planCount++;
  kernelCount += plan.kernels.length;
  enterPhase(before);
  return compiled;
}

/** Keeps those that were used last, up to half of what may be kept. */
function dropOldest(): void {
  forgetRoutes();
  const entries = [...plans].flatMap(([hash, bucket]) => bucket.map((entry) => ({ hash, entry })));
  entries.sort((a, b) => b.entry.lastUse - a.entry.lastUse);
  plans.clear();
  planCount = 0;
  kernelCount = 0;
  for (const { hash, entry } of entries) {
    const total = kernelCount + entry.plan.kernels.length;
    if (planCount >= maxPlans / 2 || total > maxKernels / 2) break;
    plans.set(hash, [...(plans.get(hash) ?? []), entry]);
    planCount++;
    kernelCount = total;
  }
  // V8 knows little of the memory that hangs on a module.
  collectAll();
}

/** What computing `roots` would compute in the same run: them, and what joins it. */
export function wantedWith(roots: readonly Node[], keep: readonly Node[] = []): Node[] {
  const device = roots[0]?.device;
  const joining = companions
    .filter(({ node, isWanted }) => node.joinsNextRun && isWanted?.() !== false)
    .map(({ node }) => node)
    .filter((node) => node.gone === null && node.device === device);
  return [...new Set([...roots, ...keep, ...joining].filter((node) => node.storage === null).map(realNode))];
}

/** The plan that computing `roots` would run, without running it. */
export function planFor(roots: readonly Node[]): Plan {
  const pending = wantedWith(roots);
  return schedule({ ...collect(pending), roots: pending });
}

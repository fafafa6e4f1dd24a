// What all optimizers share: parameter groups, one update for all parameters, and state that can be saved and resumed.
import {
  ArgumentError,
  effect,
  type Live,
  live,
  noGrad,
  StandingUpdate,
  Tensor,
  type Update,
  update,
} from "@cotangent/core";
import { fromStateKey, toStateKey } from "./keys.ts";
import { Slots } from "./slots.ts";

/** Settings that every optimizer has. */
export interface OptimizerSettings {
  /** Learning rate. */
  lr: number;
}

/** Parameters that share settings. Change a setting at any time; it counts from the next step on. */
export type ParameterGroup<Settings> = Settings & {
  readonly params: readonly Tensor[];
  /** The learning rate that schedules start from; set by the first schedule. */
  initialLr?: number;
};

/** Parameters with settings of their own; what is left out comes from the optimizer's options. */
export type ParameterGroupOptions<Settings> = Partial<Settings> & { readonly params: Iterable<Tensor> };

/** What to optimize: parameters, or groups of them. */
export type Parameters<Settings> = Iterable<Tensor> | Iterable<ParameterGroupOptions<Settings>>;

/** PyTorch's form: parameters are numbered through all groups, and names are PyTorch's (`exp_avg`, `weight_decay`). */
export interface OptimizerState {
  readonly state: Readonly<Record<string, Readonly<Record<string, Tensor | number>>>>;
  readonly param_groups: readonly Readonly<Record<string, unknown>>[];
}

/** Parameters of a group whose updates read the same values, as they have counted the same. */
interface Cohort<Settings, Values> {
  readonly group: ParameterGroup<Settings>;
  readonly members: Slots[];
  /** The first member: what it counts, all do. */
  readonly leader: Slots;
  values: Live<Values>;
  /** What `values` stand for, where that was noted down. */
  read: Values | null;
  /** When that was last so. */
  age: number;
}

/** A parameter as it was in the last step. */
interface Moved<Settings, Values> {
  readonly parameter: Tensor;
  /** Null where it had no gradient. */
  readonly slots: Slots | null;
  readonly cohort: Cohort<Settings, Values> | null;
}

/** What the last step did, to be done again as long as nothing has changed but numbers. */
interface Standing<Settings, Values> {
  readonly update: StandingUpdate;
  readonly moved: readonly Moved<Settings, Values>[];
  readonly cohorts: readonly Cohort<Settings, Values>[];
  age: number;
}

/**
 * Base of all optimizers. A subclass says in `reads` which values its update is made of, and in `advance` how one
 * parameter moves by them; `step` computes the new values of all parameters, and of all that is remembered about
 * them, in one plan. Numbers are inputs of that plan, so that changing a setting compiles nothing.
 */
export abstract class Optimizer<
  Settings extends OptimizerSettings = OptimizerSettings,
  Values extends Readonly<Record<string, number | boolean>> = Readonly<Record<string, number | boolean>>,
> {
  readonly paramGroups: readonly ParameterGroup<Settings>[];
  private readonly slots = new Map<Tensor, Slots>();
  /** Another number whenever something has been counted. */
  private age = 0;
  private standing: Standing<Settings, Values> | null = null;

  protected constructor(params: Parameters<Settings>, settings: Settings) {
    this.paramGroups = readGroups(this.name, params, settings);
    for (const group of this.paramGroups) this.check(group);
  }

  /** The class's name, for messages. */
  get name(): string {
    return this.constructor.name;
  }

  /** Throws an ArgumentError for settings that make no sense. */
  protected abstract check(settings: Settings): void;

  /**
   * What an update reads besides tensors: numbers, and decisions that it depends on. A compiled step asks for it at each
   * call. Next values of numbers that are remembered are given to `slots`.
   * @param step 1 for the parameter's first update, then 2, …
   */
  protected abstract reads(settings: ParameterGroup<Settings>, slots: Slots, step: number): Values;

  /**
   * The parameter's next value. State is read from `slots`, and its next value given back to them. Runs under noGrad.
   * Where it depends on nothing but its arguments, a class may say so by a static field `repeats` of its own: later steps
   * then repeat what the first one has built.
   * @param parameter the parameter
   * @param gradient its gradient
   * @param values what `reads` has returned, with a scalar for each number
   */
  protected abstract advance(parameter: Tensor, gradient: Tensor, slots: Slots, values: Live<Values>): Tensor;

  /** The learning rate of the first group; setting it sets that of all groups. */
  get lr(): number {
    return this.paramGroups[0]?.lr ?? Number.NaN;
  }
  set lr(lr: number) {
    for (const group of this.paramGroups) group.lr = lr;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const parameter of params) parameter.zeroGrad();
  }

  /**
   * Moves every parameter that has a gradient; the others, and their step counts, stay as they are. Forward pass,
   * gradients and updates that still wait to be computed run here, as one plan. If it fails, nothing has changed.
   */
  step(): void {
    if (this.repeat()) return;
    const moved: Moved<Settings, Values>[] = [];
    const cohorts: Cohort<Settings, Values>[] = [];
    const updates = noGrad(() => {
      for (const group of this.paramGroups)
        for (const parameter of group.params) moved.push(this.join(cohorts, group, parameter));
      return this.updates(moved);
    });
    if (updates.length === 0) return;
    if (Object.hasOwn(this.constructor, "repeats") && StandingUpdate.isPossible) {
      const standing = StandingUpdate.begin(updates, readBy(moved, cohorts));
      this.standing = standing && { update: standing, moved, cohorts, age: this.age + 1 };
    } else update(updates);
    effect(() => this.commit(cohorts));
  }

  /** Does what the last step did. False where something else is to be done. */
  private repeat(): boolean {
    const { standing } = this;
    if (standing === null || standing.age !== this.age || !StandingUpdate.isPossible) return false;
    const { moved, cohorts } = standing;
    let i = 0;
    for (const { params } of this.paramGroups)
      for (const parameter of params) {
        const before = moved[i++];
        if (before?.parameter !== parameter || parameter.hasGradient !== (before.slots !== null)) return false;
        before.slots?.begin();
      }
    if (i !== moved.length) return false;
    for (const cohort of cohorts) if (!this.readAgain(cohort)) return false;
    standing.update.again(readBy(moved, cohorts), () => this.updates(moved));
    this.commit(cohorts);
    standing.age = this.age;
    return true;
  }

  /** New values for all parameters that have a gradient, and for what is remembered about them. Computes nothing. */
  private updates(moved: readonly Moved<Settings, Values>[]): Update[] {
    const updates: Update[] = [];
    for (const { parameter, slots, cohort } of moved) {
      const gradient = StandingUpdate.gradientOf(parameter);
      if (!gradient || !slots || !cohort) continue;
      const value = this.advance(parameter, gradient, slots, cohort.values);
      updates.push({ target: parameter, value }, ...slots.updates());
    }
    return updates;
  }

  /** Finds the cohort of a parameter, if it has a gradient. */
  private join(
    cohorts: Cohort<Settings, Values>[],
    group: ParameterGroup<Settings>,
    parameter: Tensor,
  ): Moved<Settings, Values> {
    if (parameter.grad === null) return { parameter, slots: null, cohort: null };
    const slots = this.slotsOf(parameter);
    slots.begin();
    return { parameter, slots, cohort: this.cohortOf(cohorts, group, slots) };
  }

  private cohortOf(
    cohorts: Cohort<Settings, Values>[],
    group: ParameterGroup<Settings>,
    slots: Slots,
  ): Cohort<Settings, Values> {
    const known = cohorts.find((cohort) => cohort.group === group && slots.isLike(cohort.leader));
    if (known) {
      known.members.push(slots);
      return known;
    }
    const values = live(() => this.readsOf(group, slots), slots.parameter);
    const cohort = { group, members: [slots], leader: slots, values, read: null, age: this.age };
    live(() => this.isTogether(cohort));
    cohorts.push(cohort);
    return cohort;
  }

  private readsOf(group: ParameterGroup<Settings>, leader: Slots): Values {
    leader.begin();
    return this.reads(group, leader, leader.nextNumber("step", leader.number("step") + 1));
  }

  /** Makes scalars of numbers that have changed since the last step. False where anything else has. */
  private readAgain(cohort: Cohort<Settings, Values>): boolean {
    const { leader, read } = cohort;
    const next = this.readsOf(cohort.group, leader);
    let changed: Record<string, number> | null = null;
    for (const key in next) {
      const value = next[key];
      if (typeof value === "number") {
        if (read !== null && Object.is(value, read[key])) continue;
        changed ??= {};
        changed[key] = value;
      } else if (value !== (cohort.values as Values)[key]) return false;
    }
    const numbers = changed;
    if (numbers !== null) cohort.values = { ...cohort.values, ...live(() => numbers, leader.parameter) };
    cohort.read = next;
    return true;
  }

  /** Whether all members of a cohort still count the same. */
  private isTogether(cohort: Cohort<Settings, Values>): boolean {
    if (cohort.age === this.age) return true;
    const isMember = (slots: Slots): boolean =>
      this.slots.get(slots.parameter) === slots && slots.isLike(cohort.leader);
    if (!cohort.members.every(isMember)) return false;
    cohort.age = this.age;
    return true;
  }

  /** Counts what a step that is done has counted. */
  private commit(cohorts: readonly Cohort<Settings, Values>[]): void {
    this.age++;
    for (const cohort of cohorts) {
      for (const slots of cohort.members) slots.commit(cohort.leader);
      cohort.leader.begin();
      cohort.age = this.age;
    }
  }

  /** Settings and state, to resume from. The tensors are the optimizer's own: a later step changes them. */
  stateDict(): OptimizerState {
    const numbers = new Map<Tensor, number>();
    for (const { params } of this.paramGroups) for (const parameter of params) numbers.set(parameter, numbers.size);
    const state: Record<string, Record<string, Tensor | number>> = {};
    for (const [parameter, number] of numbers) {
      const entries = this.slots.get(parameter)?.entries();
      if (entries) state[number] = entries;
    }
    const groups = this.paramGroups.map((group) => {
      const entries = Object.entries(group).map(([key, value]) => [toStateKey(key), value] as const);
      return { ...Object.fromEntries(entries), params: group.params.map((parameter) => numbers.get(parameter)) };
    });
    return { state, param_groups: groups };
  }

  /** Takes over settings and copies of the state from `stateDict()`, for the same parameters in the same order. */
  loadStateDict(dict: OptimizerState): void {
    const given = dict.param_groups;
    if (given.length !== this.paramGroups.length)
      throw new ArgumentError(
        `${this.name}.loadStateDict: expected ${this.paramGroups.length} parameter groups, got ${given.length}`,
      );
    const settings = this.paramGroups.map((group, i) => readSettings(this.name, group, given[i] ?? {}, i));
    for (const group of settings) this.check(group);
    const parameters = this.paramGroups.flatMap((group) => group.params);
    const updates: Update[] = [];
    const loaded: Slots[] = [];
    for (const [number, entries] of Object.entries(dict.state)) {
      const parameter = parameters[Number(number)];
      if (!parameter)
        throw new ArgumentError(
          `${this.name}.loadStateDict: expected state for ${parameters.length} parameters, got some for number ${number}`,
        );
      loaded.push(Slots.from(parameter, entries, updates));
    }
    if (updates.length > 0) update(updates);
    this.age++;
    this.slots.clear();
    for (const slots of loaded) this.slots.set(slots.parameter, slots);
    this.paramGroups.forEach((group, i) => {
      Object.assign(group, settings[i]);
    });
  }

  private slotsOf(parameter: Tensor): Slots {
    const known = this.slots.get(parameter);
    if (known) return known;
    const made = new Slots(parameter);
    this.slots.set(parameter, made);
    return made;
  }
}

/** All tensors that an update is made of. */
function readBy<Settings, Values>(
  moved: readonly Moved<Settings, Values>[],
  cohorts: readonly Cohort<Settings, Values>[],
): Tensor[] {
  const read: Tensor[] = [];
  for (const { values } of cohorts) for (const key in values) if (values[key] instanceof Tensor) read.push(values[key]);
  for (const { parameter, slots } of moved) {
    const { grad } = parameter;
    if (!grad || !slots) continue;
    read.push(parameter, grad);
    slots.addTo(read);
  }
  return read;
}

function readGroups<Settings extends OptimizerSettings>(
  name: string,
  params: Parameters<Settings>,
  settings: Settings,
): ParameterGroup<Settings>[] {
  const loose: Tensor[] = [];
  const groups: ParameterGroup<Settings>[] = [];
  for (const item of params)
    if (item instanceof Tensor) loose.push(item);
    else groups.push({ ...settings, ...item, params: [...item.params] });
  if (loose.length > 0) groups.unshift({ ...settings, params: loose });
  const seen = new Set<Tensor>();
  for (const group of groups)
    for (const parameter of group.params) {
      if (!(parameter instanceof Tensor))
        throw new ArgumentError(`${name}: expected tensors as parameters, got ${typeof parameter}`);
      if (seen.has(parameter))
        throw new ArgumentError(
          `${name}: expected each parameter once, got one of shape [${parameter.shape.join(", ")}] twice`,
        );
      seen.add(parameter);
    }
  if (seen.size === 0) throw new ArgumentError(`${name}: expected at least one parameter, got none`);
  return groups;
}

/** The group with the settings of a state dict, which must hold as many parameters. */
function readSettings<Settings extends OptimizerSettings>(
  name: string,
  group: ParameterGroup<Settings>,
  given: Readonly<Record<string, unknown>>,
  number: number,
): ParameterGroup<Settings> {
  const count = Array.isArray(given.params) ? given.params.length : 0;
  if (count !== group.params.length)
    throw new ArgumentError(
      `${name}.loadStateDict: expected ${group.params.length} parameters in group ${number}, got ${count}`,
    );
  const settings = Object.entries(given).map(([key, value]) => [fromStateKey(key), value] as const);
  return { ...group, ...Object.fromEntries(settings), params: group.params };
}

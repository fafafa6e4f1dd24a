// The base of all layers and models: finds parameters, buffers and submodules in its own fields.
import { ArgumentError, live, type NamedTensors, type Shape, Tensor } from "@cotangent/core";
import { isParameter } from "./parameter.ts";
import { copyState, type KeyDifference, loadState, type StateDict, toStateKey } from "./state.ts";
import { type Summary, type SummaryOptions, summarize } from "./summary.ts";

/** What a module is made of, as far as state goes. */
export type Member = Tensor | Module;

/**
 * Base of all layers and models. Tensors and modules in a subclass's fields, and in arrays and plain objects there, are
 * found by themselves, under PyTorch's names: field names in snake_case joined by dots (`layers.0.weight`,
 * `running_mean`). A tensor is a parameter where it is a `Parameter` or requires a gradient, and a buffer otherwise.
 * Fields that begin with `#` are not looked at: use them for what does not belong into a state dict.
 * @example
 * class Classifier extends Module {
 *   readonly hidden = new Linear(784, 128);
 *   readonly output = new Linear(128, 10);
 *   override forward(x: Tensor): Tensor {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 * Object.keys(new Classifier().stateDict()) // ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]
 */
export abstract class Module implements NamedTensors {
  /** Whether layers that differ between the two (dropout, batch norm) train or predict. Set by `train()` and `eval()`. */
  get training(): boolean {
    return live(() => this.#training);
  }
  set training(training: boolean) {
    this.#training = training;
  }
  #training = true;

  abstract forward(...inputs: never[]): unknown;

  /** Tensors and modules with their names. Override it to name them otherwise. */
  protected members(): Iterable<readonly [name: string, member: Member]> {
    return Object.entries(this).flatMap(([field, value]) => [...membersOf(toStateKey(field), value, new Set())]);
  }

  /** The direct submodules. */
  children(): Module[] {
    const found = new Set<Module>();
    for (const [, member] of this.members()) if (member instanceof Module) found.add(member);
    return [...found];
  }

  /** This module and all below it, each once, with the prefix of their names. */
  namedModules(): [name: string, module: Module][] {
    const names = new Map<Module, string>();
    const visit = (module: Module, name: string): void => {
      if (names.has(module)) return;
      names.set(module, name);
      for (const [key, member] of module.members()) if (member instanceof Module) visit(member, join(name, key));
    };
    visit(this, "");
    return [...names].map(([module, name]) => [name, module]);
  }

  /** This module and all below it, each once. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** What the model learns, each tensor once, with its name. */
  namedParameters(): [name: string, parameter: Tensor][] {
    return this.namedTensors().filter(([, tensor]) => isParameter(tensor));
  }

  /** What the model learns, each tensor once. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** What `grad` and its like differentiate by where they are given a module: the parameters that are not frozen. */
  tensorsByName(): Record<string, Tensor> {
    return Object.fromEntries(this.namedParameters().filter(([, { requiresGrad }]) => requiresGrad));
  }

  /** State that is not learned, such as running statistics, each tensor once, with its name. */
  namedBuffers(): [name: string, buffer: Tensor][] {
    return this.namedTensors().filter(([, tensor]) => !isParameter(tensor));
  }

  /** State that is not learned, such as running statistics, each tensor once. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Parameters and buffers of this module itself, not of modules in it. */
  ownTensors(): Tensor[] {
    const found = new Set<Tensor>();
    for (const [, member] of this.members()) if (member instanceof Tensor) found.add(member);
    return [...found];
  }

  private namedTensors(): [name: string, tensor: Tensor][] {
    const names = new Map<Tensor, string>();
    for (const [prefix, module] of this.namedModules())
      for (const [key, member] of module.members())
        if (member instanceof Tensor && !names.has(member)) names.set(member, join(prefix, key));
    return [...names].map(([tensor, name]) => [name, tensor]);
  }

  /** Puts this module and all below it into training mode, or out of it. */
  train(training = true): this {
    for (const module of this.modules()) module.training = training;
    return this;
  }

  /** Puts this module and all below it into evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /** Freezes all parameters, or thaws them: frozen ones get no gradient, and optimizers leave them alone. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad);
    return this;
  }

  /**
   * All parameters and buffers by PyTorch's names. The tensors are the model's own, as in PyTorch: training on changes
   * them. Save them at once, or ask for copies, to keep their values.
   * @param options.copy return copies instead, whose values stay
   * @example Object.keys(new Linear(3, 2).stateDict()) // ["weight", "bias"]
   */
  stateDict({ copy = false }: { readonly copy?: boolean } = {}): Record<string, Tensor> {
    const state: Record<string, Tensor> = {};
    const visit = (module: Module, prefix: string, ancestors: readonly Module[]): void => {
      if (ancestors.includes(module)) return;
      for (const [key, member] of module.members()) {
        const name = join(prefix, key);
        if (member instanceof Module) visit(member, name, [...ancestors, module]);
        else if (name in state)
          throw new ArgumentError(`stateDict: expected different names, got two tensors called ${name}`);
        else state[name] = member;
      }
    };
    visit(this, "", []);
    return copy ? copyState(state) : state;
  }

  /**
   * Copies values into parameters and buffers, converted to their dtypes: all of them or, if a name or a shape does not
   * fit, none.
   * @param options.strict whether both must have the same names, true by default
   * @returns names that only one of them has
   * @throws {ArgumentError} `Linear.loadStateDict: expected the keys of the model's own state dict, got missing keys bias`
   * @throws {ShapeError} `Linear.loadStateDict: expected weight of shape [2, 3], got [3, 2]`
   */
  loadStateDict(state: StateDict, { strict = true }: { readonly strict?: boolean } = {}): KeyDifference {
    return loadState(this.constructor.name, this.stateDict(), state, strict);
  }

  /**
   * The layers with their parameters and, if the shape of an input is given, the shapes of their outputs. Print it, or
   * read its numbers. Nothing is computed.
   * @example new Linear(784, 10).summary([32, 784]).rows[0].outputShape // [32, 10]
   */
  summary(inputShape?: Shape, options: SummaryOptions = {}): Summary {
    return summarize(this, inputShape, options);
  }

  /** The layer as one would write it: `Linear(784, 10)`. */
  toString(): string {
    return `${this.constructor.name}()`;
  }
}

const join = (prefix: string, key: string): string => (prefix === "" ? key : `${prefix}.${key}`);

function* membersOf(name: string, value: unknown, seen: Set<unknown>): Generator<readonly [string, Member]> {
  if (value instanceof Tensor || value instanceof Module) yield [name, value];
  else if ((Array.isArray(value) || isPlainObject(value)) && !seen.has(value)) {
    seen.add(value);
    for (const [key, item] of Object.entries(value)) yield* membersOf(join(name, toStateKey(key)), item, seen);
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

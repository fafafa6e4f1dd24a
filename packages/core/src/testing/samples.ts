// Every operation of ops/ with its samples. A record without samples, or samples without a record, do not compile.
import * as activation from "../ops/activation.ts";
import * as arithmetic from "../ops/arithmetic.ts";
import * as cast from "../ops/cast.ts";
import * as compare from "../ops/compare.ts";
import * as contract from "../ops/contract.ts";
import * as control from "../ops/control.ts";
import * as conv from "../ops/conv.ts";
import * as fourier from "../ops/fourier.ts";
import * as gather from "../ops/gather.ts";
import * as hyperbolic from "../ops/hyperbolic.ts";
import * as join from "../ops/join.ts";
import * as random from "../ops/random.ts";
import * as reduce from "../ops/reduce.ts";
import * as scan from "../ops/scan.ts";
import * as scatter from "../ops/scatter.ts";
import * as softmax from "../ops/softmax.ts";
import * as solve from "../ops/solve.ts";
import * as special from "../ops/special.ts";
import * as spectral from "../ops/spectral.ts";
import * as transcendental from "../ops/transcendental.ts";
import * as view from "../ops/view.ts";
import { activation as activationSamples } from "./samples/activation.ts";
import { arithmetic as arithmeticSamples } from "./samples/arithmetic.ts";
import { cast as castSamples } from "./samples/cast.ts";
import { compare as compareSamples } from "./samples/compare.ts";
import { contract as contractSamples } from "./samples/contract.ts";
import { control as controlSamples } from "./samples/control.ts";
import { conv as convSamples } from "./samples/conv.ts";
import { fourier as fourierSamples } from "./samples/fourier.ts";
import { gather as gatherSamples } from "./samples/gather.ts";
import { hyperbolic as hyperbolicSamples } from "./samples/hyperbolic.ts";
import { join as joinSamples } from "./samples/join.ts";
import { random as randomSamples } from "./samples/random.ts";
import { reduce as reduceSamples } from "./samples/reduce.ts";
import type { Operation, Samples, SamplesOf } from "./samples/sample.ts";
import { scan as scanSamples } from "./samples/scan.ts";
import { scatter as scatterSamples } from "./samples/scatter.ts";
import { softmax as softmaxSamples } from "./samples/softmax.ts";
import { solve as solveSamples } from "./samples/solve.ts";
import { special as specialSamples } from "./samples/special.ts";
import { spectral as spectralSamples } from "./samples/spectral.ts";
import { transcendental as transcendentalSamples } from "./samples/transcendental.ts";
import { view as viewSamples } from "./samples/view.ts";

export interface Sampled {
  readonly family: string;
  readonly name: string;
  readonly record: Operation;
  readonly samples: Samples;
}

/** Whether an export of a module of ops/ is the record of an operation: not a source of values, not a helper. */
export const isOperation = (x: unknown): x is Operation =>
  typeof x === "object" &&
  x !== null &&
  "kind" in x &&
  (x.kind === "elementwise" || x.kind === "linear" || x.kind === "bilinear" || x.kind === "nonlinear");

function family<Module extends object>(name: string, module: Module, samples: SamplesOf<Module>): Sampled[] {
  const table: Readonly<Record<string, Samples>> = samples;
  return Object.entries(module).flatMap(([key, record]) => {
    const own = table[key];
    return isOperation(record) && own ? [{ family: name, name: key, record, samples: own }] : [];
  });
}

export const sampled: readonly Sampled[] = [
  ...family("arithmetic", arithmetic, arithmeticSamples),
  ...family("transcendental", transcendental, transcendentalSamples),
  ...family("hyperbolic", hyperbolic, hyperbolicSamples),
  ...family("special", special, specialSamples),
  ...family("activation", activation, activationSamples),
  ...family("compare", compare, compareSamples),
  ...family("cast", cast, castSamples),
  ...family("reduce", reduce, reduceSamples),
  ...family("view", view, viewSamples),
  ...family("join", join, joinSamples),
  ...family("gather", gather, gatherSamples),
  ...family("scatter", scatter, scatterSamples),
  ...family("scan", scan, scanSamples),
  ...family("contract", contract, contractSamples),
  ...family("fourier", fourier, fourierSamples),
  ...family("control", control, controlSamples),
  ...family("conv", conv, convSamples),
  ...family("random", random, randomSamples),
  ...family("solve", solve, solveSamples),
  ...family("softmax", softmax, softmaxSamples),
  ...family("spectral", spectral, spectralSamples),
];

// The public face of @cotangent/optim.
export { Adadelta, type AdadeltaSettings, Adagrad, type AdagradSettings } from "./adagrad.ts";
export { Adam, type AdamSettings, AdamW } from "./adam.ts";
export { Adamax, type AdaptiveSettings, NAdam, type NAdamSettings, RAdam } from "./adam-variants.ts";
export { clipGradNorm, clipGradValue } from "./clip.ts";
export {
  Optimizer,
  type OptimizerSettings,
  type OptimizerState,
  type ParameterGroup,
  type ParameterGroupOptions,
  type Parameters,
} from "./optimizer.ts";
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from "./plateau.ts";
export { RMSprop, type RMSpropSettings } from "./rmsprop.ts";
export { LambdaLR, Schedule, type ScheduleState, SequentialLR } from "./schedule.ts";
export {
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  type CyclicOptions,
  ExponentialLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  type OneCycleOptions,
  PolynomialLR,
  StepLR,
} from "./schedules.ts";
export { SGD, type SGDSettings } from "./sgd.ts";
export { Slots } from "./slots.ts";

// The public face of @cotangent/data.
export { ArrayDataset, type Batch, type Column, type Sample, tensorDataset } from "./array-dataset.ts";
export { type Collated, collate } from "./collate.ts";
export { type Dataset, type Indices, randomSplit, Subset } from "./dataset.ts";
export { type IdxArray, readIdx } from "./idx.ts";
export { DataLoader, type DataLoaderOptions } from "./loader.ts";
export {
  type DigitsOptions,
  fashionMnist,
  fashionMnistClasses,
  type Images,
  mnist,
  mnistClasses,
  type Normalization,
  type Split,
} from "./mnist.ts";
export { Random } from "./random.ts";
export { RandomSampler, type Sampler, SequentialSampler } from "./sampler.ts";

export type { Dataset, QuadraticInstance } from './data/dataset.js';
export { type DataSource, dataSource, type LoadOptions, loadInstance } from './data/load.js';
export { makeFolder } from './data/make-folder.js';
export { checkSplit, largestShard, type Shards, split } from './data/split.js';
export { asFlotillaError, DivergedError, type ErrorCode, FlotillaError, UsageError } from './errors.js';
export { instantiate, type WasmMemory } from './kernels/instantiate.js';
export { Kernels, type Matrix, type Region, type SparseColumns, type SparseMatrix } from './kernels/kernels.js';
export { createContext, messageDimension } from './method/context.js';
export { methods } from './method/index.js';
export {
  type Constants,
  type Context,
  type Description,
  defineMethod,
  type Form,
  type Incoming,
  type LinkTheory,
  type LocalFunction,
  type Method,
  type Outgoing,
  type Plan,
  type ServerHalf,
  type ServerState,
  type Sparse,
  type Theory,
  type Traffic,
  type WorkerHalf,
} from './method/method.js';
export { problems } from './problem/index.js';
export { checkInit } from './problem/initial-point.js';
export {
  type LinearImage,
  type Oracle,
  type Problem,
  type ProblemData,
  type ProblemFamily,
  type ProblemInput,
  type Smoothness,
  smoothnessFrom,
} from './problem/problem.js';
export { EVERY_WORKER, KeyedRandom, type Purpose, Rng } from './random.js';
export { GaussianSketch } from './sketch.js';
export { extend, lookUp, Spec } from './spec.js';
export { SubsetSampler } from './subset.js';
export { squaredNorm } from './vector.js';

export { getBigUint, getF32, getF64, getU32, getUint, putBigUint, putF32, putF64, putU32, putUint } from './bytes.js';
export type { Dataset } from './data/dataset.js';
export { loadInstance, type QuadraticInstance } from './data/instance.js';
export { type DataSource, dataSource, type LoadOptions } from './data/load.js';
export { makeFolder } from './data/make-folder.js';
export { checkSplit, largestShard, type Shards, split } from './data/split.js';
export { asFlotillaError, DivergedError, type ErrorCode, FlotillaError, UsageError } from './errors.js';
export { instantiate, type WasmMemory } from './kernels/instantiate.js';
export { Kernels, type Matrix, type Region, type SparseColumns, type SparseMatrix } from './kernels/kernels.js';
export type { Form, Incoming, Outgoing, Sparse } from './message.js';
export { createContext, messageDimension } from './method/context.js';
export { methods } from './method/index.js';
export {
  type Context,
  type Description,
  defineMethod,
  type LinkTheory,
  type LocalFunction,
  type Method,
  type Plan,
  type ServerHalf,
  type ServerState,
  type Theory,
  type Traffic,
  type WorkerHalf,
} from './method/method.js';
export {
  batchSize,
  type MethodParameters,
  type PolyakLojasiewicz,
  polyakLojasiewicz,
  reportedParameters,
} from './method/parameters.js';
export { type TrackedFunction, TrackedPoint } from './method/tracked-point.js';
export { fromInstance, type InstanceData } from './problem/from-instance.js';
export { fromSamples, type SampleData } from './problem/from-samples.js';
export { problems } from './problem/index.js';
export { checkInit } from './problem/initial-point.js';
export { checkData, loadData, type UsualData } from './problem/load-data.js';
export {
  type DataRequest,
  type LinearMap,
  type LoadInput,
  type MetricDescription,
  type Oracle,
  type Problem,
  type ProblemData,
  type ProblemFamily,
  type ProblemInput,
  type Smoothness,
  smoothnessFrom,
  type Tensor,
  tensorsOf,
} from './problem/problem.js';
export { EVERY_WORKER, KeyedRandom, type Purpose, Rng } from './random.js';
export { type Runtime, systemRuntime } from './runtime.js';
export { GaussianSketch } from './sketch.js';
export { extend, lookUp, type Registry, Spec } from './spec.js';
export { restoreState, type State, type StateValue, snapshotState } from './state.js';
export { SubsetSampler } from './subset.js';
export { addScaled, axpy, blend, squaredNorm, subtract } from './vector.js';

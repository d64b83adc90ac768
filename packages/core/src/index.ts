export {
  type Dataset,
  type DenseDataset,
  denseDataset,
  RowReader,
  type SamplesInput,
  type SparseDataset,
  sparseDataset,
} from './data/dataset.js';
export type { QuadraticInstance } from './data/instance.js';
export { type DataOptions, readDataset } from './data/load.js';
export type { DataInput, DenseMemoryData, MemoryData, SparseMemoryData } from './data/memory-data.js';
export type { FormatOptions, Part, ReadOptions } from './data/reading.js';
export type { Shards } from './data/split.js';
export {
  DivergedError,
  type ErrorCode,
  type ErrorContext,
  FlotillaError,
  type FrameRefusal,
  UsageError,
} from './errors.js';
export {
  type BorderedMatrix,
  type ByteRows,
  type DenseMatrix,
  type GramSpace,
  Kernels,
  type Matrix,
  type Place,
  type Region,
  type SparseColumns,
  type SparseMatrix,
} from './kernels/kernels.js';
export type { Form, Incoming, Outgoing, Remembered, Sparse } from './message.js';
export { type Bound, type BoundInput, boundWithMu, uniformBound } from './method/bound.js';
export { CommonPoint } from './method/common-point.js';
export { methods } from './method/index.js';
export {
  type Attendance,
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
  type ParametersShape,
  type PolyakLojasiewicz,
  polyakLojasiewicz,
} from './method/parameters.js';
export { type TrackedFunction, TrackedPoint } from './method/tracked-point.js';
export { defineProblem } from './problem/define-problem.js';
export { fromInstance, type InstanceData } from './problem/from-instance.js';
export { fromSamples, type SampleData } from './problem/from-samples.js';
export { problems } from './problem/index.js';
export type { UsualData } from './problem/load-data.js';
export type { MeasuredSmoothness } from './problem/measured.js';
export {
  type DataRequest,
  type Facts,
  type LinearMap,
  type LoadInput,
  type MetricDescription,
  type Oracle,
  type Predictions,
  type Problem,
  type ProblemData,
  type ProblemFamily,
  type ProblemInput,
  type Smoothness,
  smoothnessFrom,
  type Tensor,
} from './problem/problem.js';
export type {
  DefinedLoad,
  DefinedMetric,
  DefinedProblem,
  DefinedWorker,
  LoadedProblem,
  NumberParameter,
  ParameterDefinition,
  ParameterDefinitions,
  ParameterValues,
  ProblemDefinition,
  SamplesProblem,
  SamplesWorker,
} from './problem/problem-definition.js';
export { type CommonDraw, EVERY_WORKER, KeyedRandom, type Purpose, Rng } from './random.js';
export { type Runtime, systemRuntime } from './runtime.js';
export type { SharedDraws } from './shared-draws.js';
export { type Registry, Spec } from './spec.js';
export type { State, StateShape, StateValue } from './state.js';
export { SubsetSampler } from './subset.js';
export { addScaled, axpy, blend, type Precision, subtract, type Vector } from './vector.js';

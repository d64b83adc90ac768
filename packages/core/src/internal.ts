// The second door, for the packages beside this one. Not under semantic versioning.
export { getBigUint, getF32, getF64, getU32, getUint, putBigUint, putF32, putF64, putU32, putUint } from './bytes.js';
export { shared } from './data/dataset.js';
export { type DataSource, dataNames, dataSource, formatOptionsOf, readNumbers } from './data/load.js';
export { type Lock, takeLock } from './data/lock.js';
export { makeFolder } from './data/make-folder.js';
export { shareArrays } from './data/shared-memory.js';
export { checkSplit, largestShard, split } from './data/split.js';
export { Deadline, SLICE_MS } from './deadline.js';
export { parseDecimal } from './decimal.js';
export { type Disk, systemDisk } from './disk.js';
export { type ErrorRecord, errorFrom, errorRecord } from './error-record.js';
export { FRAME_REFUSALS, optionError } from './errors.js';
export { instantiate, type WasmMemory } from './kernels/instantiate.js';
export { createContext, messageDimension } from './method/context.js';
export { reportedParameters } from './method/parameters.js';
export { isIndependent } from './method/uplink-theory.js';
export { didYouMean } from './near-miss.js';
export { printed, printedWord } from './printed.js';
export { checkInit, givenInit, initialPoint } from './problem/initial-point.js';
export { checkData, loadData } from './problem/load-data.js';
export { type Derivatives, differenceStep, measureSmoothness } from './problem/measured.js';
export { tensorsOf } from './problem/problem.js';
export { lookUpProblem, parseProblem } from './problem/problem-reference.js';
export { readRegular } from './read-regular.js';
export { refusalOf } from './refusal.js';
export { SharedDraws } from './shared-draws.js';
export { GaussianSketch } from './sketch.js';
export { extend, lookUp } from './spec.js';
export { checkState, copyState, restoreState, snapshotState, viewState } from './state.js';
export { asFlotillaError, attempt, messageOf, reasonOf } from './thrown.js';
export {
  ANY_PRECISION,
  inPrecision,
  isFiniteVector,
  largestMagnitude,
  squaredNorm,
  zeros,
} from './vector.js';
export { canReplace, type FileContent, type IsOwn, writeAll, writeWhole } from './write-whole.js';

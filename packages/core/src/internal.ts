// The second door, for the packages beside this one. Not under semantic versioning.
export { getBigUint, getF32, getF64, getU32, getUint, putBigUint, putF32, putF64, putU32, putUint } from './bytes.js';
export { loadInstance } from './data/instance.js';
export { type DataSource, dataSource } from './data/load.js';
export { makeFolder } from './data/make-folder.js';
export { checkSplit, largestShard, split } from './data/split.js';
export { instantiate, type WasmMemory } from './kernels/instantiate.js';
export { createContext, messageDimension } from './method/context.js';
export { reportedParameters } from './method/parameters.js';
export { checkInit } from './problem/initial-point.js';
export { checkData, loadData } from './problem/load-data.js';
export { tensorsOf } from './problem/problem.js';
export { refusalOf } from './refusal.js';
export { GaussianSketch } from './sketch.js';
export { extend, lookUp } from './spec.js';
export { checkState, restoreState, snapshotState } from './state.js';
export { asFlotillaError, type ErrorRecord, errorOf, messageOf, reasonOf, recordOf } from './thrown.js';
export { squaredNorm } from './vector.js';
export { canReplace, type FileContent, type IsOwn, writeAll, writeWhole } from './write-whole.js';

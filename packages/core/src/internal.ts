// The second door, for the packages beside this one. Not under semantic versioning.
export { getBigUint, getF32, getF64, getU32, getUint, putBigUint, putF32, putF64, putU32, putUint } from './bytes.js';
export { loadInstance } from './data/instance.js';
export { type DataSource, dataSource } from './data/load.js';
export { makeFolder } from './data/make-folder.js';
export { readDataFile } from './data/read-file.js';
export { checkSplit, largestShard, split } from './data/split.js';
export { asFlotillaError } from './errors.js';
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
export { squaredNorm } from './vector.js';

import { initialPoint } from '../problem/initial-point.js';
import type { Problem } from '../problem/problem.js';
import type { KeyedRandom } from '../random.js';
import { inPrecision, type Precision, zeros } from '../vector.js';
import { CommonPoint } from './common-point.js';
import type { Context, Method } from './method.js';
import type { MethodParameters } from './parameters.js';

/** What both sides of a run derive from its job: the same on the server and on every worker. @param given As in `initialPoint` */
export function createContext(
  job: {
    readonly workers: number;
    readonly init: string;
    readonly wire: 'f32' | 'f64';
    readonly precision?: Precision | undefined;
  },
  problem: Pick<Problem, 'dimension' | 'start'>,
  settled: Pick<Context, 'stepSize' | 'parameters'>,
  random: KeyedRandom,
  given?: Float64Array,
): Context {
  const { dimension } = problem;
  const { precision = 'f64' } = job;
  // zeros are pages that nobody has touched
  const start =
    job.init === 'zeros'
      ? zeros(dimension, precision)
      : inPrecision(initialPoint(job.init, problem, random, given), precision);
  let common: CommonPoint | undefined;
  return {
    workers: job.workers,
    dimension,
    stepSize: settled.stepSize,
    parameters: settled.parameters,
    precision,
    start,
    zeros: (length = dimension) => zeros(length, precision),
    scratch: zeros(dimension, precision),
    common() {
      common ??= new CommonPoint(start.slice());
      return common;
    },
    random,
    toWire(vector) {
      // of f32 state a wire of f32 rounds nothing
      if (job.wire === 'f32' && precision === 'f64')
        for (let j = 0; j < vector.length; j++) vector[j] = Math.fround(vector[j]);
    },
  };
}

/** Length of the vectors that cross the links of a run. */
export function messageDimension(method: Method, parameters: MethodParameters, dimension: number): number {
  return method.messageDimension?.(parameters) ?? dimension;
}

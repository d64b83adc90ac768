import { initialPoint } from '../problem/initial-point.js';
import type { Problem } from '../problem/problem.js';
import type { KeyedRandom } from '../random.js';
import type { Context, Method } from './method.js';
import type { MethodParameters } from './parameters.js';

/** What both sides of a run derive from its job: the same on the server and on every worker. @param given As in `initialPoint` */
export function createContext(
  job: { readonly workers: number; readonly init: string; readonly wire: 'f32' | 'f64' },
  problem: Pick<Problem, 'dimension' | 'start'>,
  settled: Pick<Context, 'stepSize' | 'parameters'>,
  random: KeyedRandom,
  given?: Float64Array,
): Context {
  const { dimension } = problem;
  return {
    workers: job.workers,
    dimension,
    stepSize: settled.stepSize,
    parameters: settled.parameters,
    start: initialPoint(job.init, problem, random, given),
    scratch: new Float64Array(dimension),
    random,
    toWire(vector) {
      if (job.wire === 'f32') for (let j = 0; j < vector.length; j++) vector[j] = Math.fround(vector[j]);
    },
  };
}

/** Length of the vectors that cross the links of a run. */
export function messageDimension(method: Method, parameters: MethodParameters, dimension: number): number {
  return method.messageDimension?.(parameters) ?? dimension;
}

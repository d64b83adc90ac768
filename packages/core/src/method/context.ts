import { initialPoint } from '../problem/initial-point.js';
import type { Problem } from '../problem/problem.js';
import type { KeyedRandom } from '../random.js';
import type { Constants, Context, Method } from './method.js';

/** What both sides of a run derive from its job: the same on the server and on every worker. */
export function createContext(
  job: { readonly workers: number; readonly init: string; readonly wire: 'f32' | 'f64' },
  problem: Pick<Problem, 'dimension' | 'start'>,
  constants: Constants,
  random: KeyedRandom,
): Context {
  const { dimension } = problem;
  return {
    workers: job.workers,
    dimension,
    constants,
    start: initialPoint(job.init, problem, random),
    scratch: new Float64Array(dimension),
    random,
    toWire(vector) {
      if (job.wire === 'f32') for (let j = 0; j < vector.length; j++) vector[j] = Math.fround(vector[j]);
    },
  };
}

/** Length of the vectors that cross the links of a run. */
export function messageDimension(
  method: Method,
  parameters: Readonly<Record<string, number>>,
  dimension: number,
): number {
  return method.messageDimension?.(parameters) ?? dimension;
}

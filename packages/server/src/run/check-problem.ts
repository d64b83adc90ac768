import { type Problem, type Tensor, UsageError } from '@flotilla/core';
import { printed, tensorsOf } from '@flotilla/core/internal';
import { isFacts } from '../model/facts.js';
import { sizeOf } from '../model/model.js';
import { MAX_HEADER_BYTES, METADATA, safetensorsHead } from '../model/safetensors.js';

/** What a problem may say that it takes: f64 in any case, for evaluations. */
const PRECISIONS = ['f64', 'f32,f64'];

/** Of a model's header, for what a problem says; the rest is for the options of the run. */
const MAX_BYTES = MAX_HEADER_BYTES / 2;

/**
 * Refuses a problem whose model could not be stored, or whose records could not be read: before the run rather than after it.
 * @param name What the problem is called.
 * @throws UsageError
 */
export function checkProblem(name: string, problem: Problem): void {
  const refuse = (what: string) => new UsageError(`problem ${name}: ${what}`);
  const { dimension, facts, precisions } = problem;
  if (precisions !== undefined && !PRECISIONS.includes([precisions].flat().sort().join())) {
    throw refuse(`precisions is ${printed(precisions)}; it must be ['f64'] or ['f32', 'f64']`);
  }
  const tensors: unknown = tensorsOf(problem);
  if (!Array.isArray(tensors) || !tensors.every(isTensor)) {
    throw refuse(
      `tensors is ${printed(tensors)}; it must be a list of { name, shape }, such as [{ name: 'w', shape: [3, 2] }]`,
    );
  }
  const names = tensors.map((tensor) => tensor.name);
  const wrong = names.find((one, k) => one === METADATA || names.indexOf(one) < k);
  if (wrong !== undefined) throw refuse(`tensors must have names of their own; ${printed(wrong)} is taken`);
  const size = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (size !== dimension) throw refuse(`its tensors have ${size} numbers, and its dimension is ${dimension}`);

  if (facts !== undefined && !isFacts(facts)) {
    throw refuse(
      `facts is ${printed(facts)}; it must have texts, flags, finite numbers and lists of finite numbers alone`,
    );
  }
  const { length } = safetensorsHead(tensors, facts === undefined ? {} : { facts: JSON.stringify(facts) });
  if (length > MAX_BYTES) {
    throw refuse(`its tensors and facts take ${length} bytes of a model's header; at most ${MAX_BYTES} are for them`);
  }
  if (problem.metrics?.some((metric) => metric.name === 'loss') === true) {
    throw refuse('no metric can be called loss, which is f');
  }
}

function isTensor(value: unknown): value is Tensor {
  const { name, shape } = Object(value) as Partial<Record<keyof Tensor, unknown>>;
  const isSide = (side: unknown) => Number.isSafeInteger(side) && (side as number) >= 0;
  return typeof name === 'string' && name !== '' && Array.isArray(shape) && shape.length <= 32 && shape.every(isSide);
}

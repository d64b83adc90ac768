import type { Method, MethodParameters, Smoothness, Theory } from '@flotilla/core';
import { optionError, parseDecimal, printed } from '@flotilla/core/internal';

/** γ as it was asked for: a number, or a multiple of what theory says. */
export type StepSize = { readonly value: number } | { readonly timesTheory: number };

/** What `stepSize` may be. */
export const STEP_SIZES = 'a number > 0, theory or theory*FACTOR';

/** @throws UsageError when `asked` is neither a positive number nor `theory` or `theory*FACTOR`. */
export function parseStepSize(asked: string | number): StepSize {
  const [theory, factor = '1'] = /^theory(?:\*(.*))?$/is.exec(String(asked)) ?? [];
  const number = typeof asked === 'number' ? asked : parseDecimal(theory === undefined ? asked : factor);
  if (number === undefined || !(number > 0 && number < Number.POSITIVE_INFINITY)) {
    throw optionError('stepSize', `must be ${STEP_SIZES}, not ${printed(asked)}`);
  }
  return theory === undefined ? { value: number } : { timesTheory: number };
}

/** @throws UsageError where the method's theory has no step size for these compressors. */
export function checkCovered(method: Method, theory: Theory): void {
  const uncovered = method.uncovered?.(theory);
  if (uncovered === undefined) return;
  throw optionError('stepSize', `theory of method ${method.name} has none: ${uncovered}; give a number`);
}

/**
 * γ.
 * @throws UsageError when theory is asked for and cannot answer: no smoothness constant, or a biased compressor.
 */
export function resolveStepSize(
  asked: StepSize,
  method: Method,
  theory: Theory,
  smoothness: Smoothness | undefined,
  parameters: MethodParameters,
): number {
  if ('value' in asked) return asked.value;
  checkCovered(method, theory);
  if (smoothness === undefined) {
    throw optionError('stepSize', 'theory needs a smoothness constant and this problem has none; give a number');
  }
  for (const name of ['f', 'rms', 'max', 'LA', 'LB', 'LPlusMinus', 'sampleRms', 'trace', 'mu'] as const) {
    const value = smoothness[name];
    if (value === undefined || Number.isFinite(value)) continue;
    const constant = name === 'trace' || name === 'mu' ? name : `L_${name}`;
    throw optionError(
      'stepSize',
      `theory needs finite constants, and ${constant} is ${value}: the numbers of the data or the problem are too large; scale them, or give a step size`,
    );
  }
  if (smoothness.max === 0) {
    throw optionError(
      'stepSize',
      'theory has none where every smoothness constant is 0, as of data that are all 0; give a number',
    );
  }
  const stepSize = method.stepSize(theory, smoothness, parameters) * asked.timesTheory;
  if (!(stepSize > 0 && stepSize < Number.POSITIVE_INFINITY)) {
    throw optionError('stepSize', `theory is ${stepSize} for these compressors; give a number`);
  }
  return stepSize;
}

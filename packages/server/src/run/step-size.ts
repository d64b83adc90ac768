import type { Method, MethodParameters, Smoothness, Theory } from '@flotilla/core';
import { didYouMean, optionError, parseDecimal, printed } from '@flotilla/core/internal';

/** γ as it was asked for: a number, or a multiple of what the formula of theory gives, with the constants known or measured. */
export type StepSize =
  | { readonly value: number }
  | { readonly timesTheory: number }
  | { readonly timesMeasured: number };

/** What `stepSize` may be. */
export const STEP_SIZES = 'a number > 0, theory, theory*FACTOR, measured or measured*FACTOR';

const WORDS = ['theory', 'measured'] as const;

/** @throws UsageError when `asked` is neither a positive number nor `theory` or `measured`, alone or times a factor. */
export function parseStepSize(asked: string | number): StepSize {
  const [whole, given = '', factor = '1'] = /^([a-z]+)(?:\*(.*))?$/is.exec(String(asked)) ?? [];
  const word = WORDS.find((name) => name === given.toLowerCase());
  if (whole !== undefined && word === undefined) {
    throw optionError('stepSize', `must be ${STEP_SIZES}, not ${printed(asked)}${didYouMean(given, WORDS)}`);
  }
  const number = typeof asked === 'number' ? asked : parseDecimal(word === undefined ? asked : factor);
  if (number === undefined || !(number > 0 && number < Number.POSITIVE_INFINITY)) {
    throw optionError('stepSize', `must be ${STEP_SIZES}, not ${printed(asked)}`);
  }
  if (word === undefined) return { value: number };
  return word === 'theory' ? { timesTheory: number } : { timesMeasured: number };
}

/** Which of the constants that take time to measure the method's formula reads. */
export function constantsRead(method: Method, theory: Theory, parameters: MethodParameters) {
  const ones = { f: 1, perWorker: [1], rms: 1, max: 1, LA: 1, LB: 1, LPlusMinus: 1, sampleRms: 1, trace: 1, mu: 1 };
  const reads = (name: 'LA' | 'LPlusMinus') =>
    Number.isNaN(method.stepSize(theory, { ...ones, [name]: Number.NaN }, parameters));
  return { LA: reads('LA'), LPlusMinus: reads('LPlusMinus') };
}

/** @throws UsageError where the method's theory has no step size for these compressors and parameters. */
export function checkCovered(method: Method, theory: Theory, parameters: MethodParameters): void {
  const uncovered = method.uncovered?.(theory, parameters);
  if (uncovered === undefined) return;
  throw optionError(
    'stepSize',
    `must be a number here, for theory does not cover this run of method ${method.name}: ${uncovered}`,
  );
}

/**
 * γ.
 * @param smoothness what theory's formula is to be taken with: the problem's constants, or measured ones
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
  checkCovered(method, theory, parameters);
  if (smoothness === undefined) {
    const none =
      'timesMeasured' in asked
        ? 'measured has none: the curvature at the starting point is 0 or not finite; give a number'
        : 'theory needs a smoothness constant and this problem has none; give a number, or measured';
    throw optionError('stepSize', none);
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
  const factor = 'timesTheory' in asked ? asked.timesTheory : asked.timesMeasured;
  const stepSize = method.stepSize(theory, smoothness, parameters) * factor;
  if (!(stepSize > 0 && stepSize < Number.POSITIVE_INFINITY)) {
    throw optionError('stepSize', `theory is ${stepSize} for these compressors; give a number`);
  }
  return stepSize;
}

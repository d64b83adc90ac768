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
  const complaint = notCovered(method, theory, parameters);
  if (complaint !== undefined) throw optionError('stepSize', complaint);
}

function notCovered(method: Method, theory: Theory, parameters: MethodParameters): string | undefined {
  const uncovered = method.uncovered?.(theory, parameters);
  if (uncovered === undefined) return undefined;
  return `must be a number here, for theory does not cover this run of method ${method.name}: ${uncovered}`;
}

/** What γ hangs on, beside what was asked for. */
type Basis = [
  method: Method,
  theory: Theory,
  /** What theory's formula is to be taken with: the problem's constants, or measured ones. */
  smoothness: Smoothness | undefined,
  parameters: MethodParameters,
];

/**
 * γ.
 * @throws UsageError when theory is asked for and cannot answer: no smoothness constant, or a biased compressor.
 */
export function resolveStepSize(asked: StepSize, ...basis: Basis): number {
  const { stepSize, complaint } = findStepSize(asked, ...basis);
  if (stepSize === undefined) throw optionError('stepSize', complaint);
  return stepSize;
}

/** γ, or what is to be said of the option where theory is asked for and cannot answer. */
export function findStepSize(
  asked: StepSize,
  ...[method, theory, smoothness, parameters]: Basis
):
  | { readonly stepSize: number; readonly complaint?: undefined }
  | { readonly stepSize?: undefined; readonly complaint: string } {
  if ('value' in asked) return { stepSize: asked.value };
  const complaint = notCovered(method, theory, parameters) ?? unfit(smoothness, 'timesMeasured' in asked);
  if (complaint !== undefined) return { complaint };
  const factor = 'timesTheory' in asked ? asked.timesTheory : asked.timesMeasured;
  const stepSize = method.stepSize(theory, smoothness as Smoothness, parameters) * factor;
  if (stepSize > 0 && stepSize < Number.POSITIVE_INFINITY) return { stepSize };
  return { complaint: `theory is ${stepSize} for these compressors; give a number` };
}

/** Why no formula can be taken with these constants. */
function unfit(smoothness: Smoothness | undefined, isMeasured: boolean): string | undefined {
  if (smoothness === undefined) {
    return isMeasured
      ? 'measured has none: the curvature at the starting point is 0 or not finite; give a number'
      : 'theory needs a smoothness constant and this problem has none; give a number, or measured';
  }
  for (const name of ['f', 'rms', 'max', 'LA', 'LB', 'LPlusMinus', 'sampleRms', 'trace', 'mu'] as const) {
    const value = smoothness[name];
    if (value === undefined || Number.isFinite(value)) continue;
    const constant = name === 'trace' || name === 'mu' ? name : `L_${name}`;
    return `theory needs finite constants, and ${constant} is ${value}: the numbers of the data or the problem are too large; scale them, or give a step size`;
  }
  if (smoothness.max > 0) return undefined;
  return 'theory has none where every smoothness constant is 0, as of data that are all 0; give a number';
}

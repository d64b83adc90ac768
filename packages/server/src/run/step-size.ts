import { type Method, type MethodParameters, type Smoothness, type Theory, UsageError } from '@flotilla/core';

/** γ as it was asked for: a number, or a multiple of what theory says. */
export type StepSize = { readonly value: number } | { readonly timesTheory: number };

/** @throws UsageError when `text` is neither a positive number nor `theory` or `theory*FACTOR`. */
export function parseStepSize(text: string | number): StepSize {
  const theory = /^theory(?:\*([0-9.]+(?:e[+-]?[0-9]+)?))?$/i.exec(String(text));
  const number = Number(theory === null ? text : (theory[1] ?? 1));
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) {
    throw new UsageError(
      `stepSize ${JSON.stringify(text)} is not allowed; it is a number > 0, theory, or theory*FACTOR`,
    );
  }
  return theory === null ? { value: number } : { timesTheory: number };
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
  if (smoothness === undefined) {
    throw new UsageError('stepSize theory needs a smoothness constant and this problem has none; give a number');
  }
  for (const name of ['f', 'rms', 'max', 'LA', 'LB', 'sampleRms', 'trace', 'mu'] as const) {
    const value = smoothness[name];
    if (value === undefined || Number.isFinite(value)) continue;
    const constant = name === 'trace' || name === 'mu' ? name : `L_${name}`;
    throw new UsageError(
      `stepSize theory needs finite constants, and ${constant} is ${value}: the numbers of the data or the problem are too large; scale them, or give a step size`,
    );
  }
  const stepSize = method.stepSize(theory, smoothness, parameters) * asked.timesTheory;
  if (!(stepSize > 0 && stepSize < Number.POSITIVE_INFINITY))
    throw new UsageError(`stepSize theory is ${stepSize} for these compressors; give a number`);
  return stepSize;
}

import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import type { CompressorConstants } from './compressor.js';

/** A rule: what a constant must be, in words and as a test. */
type Rule = readonly [allowed: string, fits: (value: number) => boolean];

const SIZE: Rule = ['a number ≥ 0', (value) => value >= 0 && value < Infinity];
/** An operator that is biased has none. */
const BOUND: Rule = ['a number ≥ 0, or Infinity where there is no bound', (value) => value >= 0];
const SHARE: Rule = ['a number from 0 to 1', (value) => value >= 0 && value <= 1];

const RULES: Readonly<Record<keyof CompressorConstants, Rule>> = {
  omega: BOUND,
  theta: BOUND,
  A: BOUND,
  B: SIZE,
  alpha: SHARE,
  density: SIZE,
  expectedBits: SIZE,
};

/** Those that a stage of each kind must state. */
const STATED = {
  selector: ['omega', 'theta', 'alpha', 'density'],
  quantizer: ['omega'],
  whole: ['omega', 'theta', 'alpha', 'density', 'expectedBits'],
} as const satisfies Readonly<Record<string, readonly (keyof CompressorConstants)[]>>;

/**
 * Refuses constants that no operator has: step sizes and probabilities are made of them. B is at most A, for with equal a_i the
 * AB-inequality has 0 ≤ (A − B)‖a‖².
 * @param name What a spec calls the stage.
 * @throws UsageError
 */
export function checkConstants(
  name: string,
  kind: keyof typeof STATED,
  constants: { readonly [K in keyof CompressorConstants]?: unknown },
): void {
  const refuse = (constant: keyof CompressorConstants, allowed: string) => {
    throw new UsageError(
      `compressor ${name}: its constant ${constant} is ${printed(constants[constant])}; it must be ${allowed}`,
    );
  };
  const { A = constants.omega, B = 0 } = constants;
  const stated = STATED[kind].map((constant) => [constant, constants[constant]] as const);
  for (const [constant, value] of [...stated, ['A', A] as const, ['B', B] as const]) {
    const [allowed, fits] = RULES[constant];
    if (typeof value !== 'number' || !fits(value)) refuse(constant, allowed);
  }
  // what follows from other constants may differ in its last bits
  if ((B as number) > (A as number) * (1 + 1e-9)) refuse('B', `at most A = ${A}`);
}

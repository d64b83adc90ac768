import type { ExplainedLink, Explanation } from '@flotilla/server';
import { bytes, number } from '../terminal/format.js';
import { predictionLines } from './prediction.js';

/** An explanation as text. */
export function explanationText(of: Explanation): string {
  const row = (name: string, value: string, note = '') => `  ${name.padEnd(12)} ${value.padEnd(12)} ${note}`.trimEnd();
  const { smoothness: L, stepSize } = of;
  const constant = (name: string, key: keyof NonNullable<typeof L>, note: string) => {
    const value = L?.[key];
    const bound = L?.estimated?.some((estimate) => estimate === key) ? ' (a bound, not exact)' : '';
    return typeof value === 'number' ? [row(name, number(value), `${note}${bound}`)] : [];
  };
  const measured = (
    name: string,
    key: Exclude<keyof NonNullable<typeof of.measured>, 'measured' | 'points' | 'estimated'>,
  ) => {
    const value = of.measured?.[key];
    return value !== undefined && of.measured?.measured.some((one) => one === key)
      ? [row(name, number(value), 'measured')]
      : [];
  };
  return [
    `${of.method}: ${of.paper}, ${of.algorithm}`,
    `${of.problem}${of.data === undefined ? '' : ` on ${of.data}`}, n = ${of.workers}, d = ${of.dimension}${of.samples === undefined ? '' : `, m = ${of.samples}`}${of.precision === undefined ? '' : `, ${of.precision} state`}`,
    '',
    'Smoothness',
    ...(L === undefined
      ? ['  none: this problem has no smoothness constant; step sizes are tuned numbers']
      : [
          ...constant('L_f', 'f', 'of f'),
          ...constant('L_rms', 'rms', 'root mean square of the L_i'),
          ...constant('L_max', 'max', 'largest L_i'),
          ...constant('L_A', 'LA', 'functional inequality, first constant'),
          ...constant('L_B', 'LB', 'functional inequality, second constant'),
          ...constant('L_±', 'LPlusMinus', 'root of the Hessian variance'),
          ...constant('𝓛', 'sampleRms', 'root mean square of the workers’ max_j L_ij'),
          ...constant('μ', 'mu', 'Polyak–Łojasiewicz'),
          ...constant('tr(A)', 'trace', 'of the Hessian'),
        ]),
    ...(of.measured === undefined
      ? []
      : [
          '',
          of.measured === null
            ? 'Measured: f has no curvature at x⁰, or none that is finite'
            : `Measured from x⁰ on, after ${listed(of.measured.points.map(({ round }) => round))} steps of gradient descent: no bounds`,
          ...measured('L_f', 'f'),
          ...measured('L_rms', 'rms'),
          ...measured('L_max', 'max'),
          ...measured('L_A', 'LA'),
          ...measured('L_B', 'LB'),
          ...measured('L_±', 'LPlusMinus'),
        ]),
    '',
    ...link('Downlink', of.downlink, of.denseBytes, row),
    '',
    ...link('Uplink', of.uplink, of.denseBytes, row),
    '',
    'Parameters',
    ...(of.parameters.length === 0 ? ['  none'] : []),
    ...of.parameters.map(({ name, value, meaning }) => row(name, value === undefined ? '–' : number(value), meaning)),
    ...(of.coins === 'even' ? [row('coins', 'even', 'one round in 1/p; the theorem assumes independent coins')] : []),
    ...(of.batch === undefined
      ? []
      : [
          row('batch', number(of.batch.gradient), 'B, samples of a gradient'),
          ...(of.batch.dense === undefined ? [] : [row('batch-dense', number(of.batch.dense), 'of a dense round')]),
        ]),
    '',
    `Step size (${of.theorem})`,
    `  theory       ${stepSize.theory === undefined ? (stepSize.uncovered === undefined ? '–' : `does not cover it: ${stepSize.uncovered}`) : number(stepSize.theory)}`,
    ...(stepSize.measured === undefined
      ? []
      : [`  measured     ${number(stepSize.measured)}   with measured constants; covered by no theorem`]),
    `  γ            ${stepSize.value === undefined ? refusal(stepSize) : number(stepSize.value)}`,
    `  formula      ${stepSize.formula}`,
    ...(of.batch === undefined ? [] : [`  batch        ${of.batch.theory}`]),
    ...predictionLines(of, row),
    ...(of.warning === undefined ? [] : ['', `Warning: ${of.warning}`]),
    '',
  ].join('\n');
}

/** Why there is no γ, where the line of theory has not said it. */
function refusal({ refused, uncovered }: Explanation['stepSize']): string {
  return uncovered === undefined ? `none: --step-size ${refused}` : 'none: --step-size must be a number here';
}

/** `0, 5 and 20` */
const listed = (numbers: readonly number[]) => numbers.join(', ').replace(/, (?=[^,]*$)/, ' and ');

function link(
  title: string,
  { compressor, omega, theta, A, B, alpha, density, carries, bytesPerRound }: ExplainedLink,
  denseBytes: number,
  row: (name: string, value: string, note?: string) => string,
): string[] {
  const bound = (value: number) => (Number.isFinite(value) ? number(value) : 'none: biased');
  return [
    `${title}: ${carries}`,
    ...(compressor === undefined
      ? []
      : [
          row('compressor', compressor),
          row('ω', bound(omega), 'E‖C(x) − x‖² ≤ ω‖x‖²'),
          row('α', number(alpha), 'E‖C(x) − x‖² ≤ (1 − α)‖x‖²; 0: no such bound'),
          row('θ', bound(theta), 'of the workers’ mean'),
          row(
            'A, B',
            `${bound(A)}${Number.isFinite(A) ? `, ${number(B)}` : ''}`,
            'E‖(1/n)ΣC_i(a_i) − ā‖² ≤ A (1/n)Σ‖a_i‖² − B‖ā‖²',
          ),
          row('ζ', number(density), 'expected coordinates of a compressed message'),
        ]),
    row(
      'bytes',
      bytes(Math.round(bytesPerRound)),
      `expected, a worker and round; gradient descent ${bytes(denseBytes)}`,
    ),
  ];
}

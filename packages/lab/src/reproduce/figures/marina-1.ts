import type { Claim, Figure, PanelResult } from '../figure.js';
import { batches, besideGd, DIANA_2020, fullGradients, MARINA_DIFFERENCES, marinaBeatsDiana } from '../marina.js';
import { checkReference, valueBits } from '../measure.js';

/** Rounds, and uplink value bits a worker, of an independent program on mushrooms, n = 5, masks drawn per worker. */
const REFERENCES = [
  { label: 'GD', target: 0, runs: 1, rounds: [16, 0], bits: [57_856, 0] },
  { label: 'GD', target: 1, runs: 1, rounds: [80, 0], bits: [289_280, 0] },
  { label: 'MARINA K=10', target: 0, runs: 5, rounds: [90.6, 0.5], bits: [59_974, 1784] },
  { label: 'MARINA K=10', target: 1, runs: 5, rounds: [447.2, 1.3], bits: [267_034, 16_037] },
  { label: 'MARINA K=5', target: 0, runs: 5, rounds: [173.2, 2.2], bits: [62_272, 5121] },
  { label: 'MARINA K=5', target: 1, runs: 5, rounds: [853, 2.6], bits: [276_102, 24_225] },
  { label: 'MARINA K=1', target: 0, runs: 3, rounds: [829.7, 11], bits: [46_859, 9250] },
  { label: 'MARINA K=1', target: 1, runs: 3, rounds: [4069, 23.4], bits: [244_896, 20_660] },
  { label: 'DIANA K=10', target: 0, runs: 2, rounds: [3489.5, 2.1], bits: [1_116_640, 679] },
] as const;

/** Rounds of DIANA K = 10 at the step size of 2020 to 10⁻², of an independent program; its spread is not known. */
const ROUNDS_2020 = { mean: 280, runs: 1 };

/** d: the features of mushrooms and a bias. */
const DIMENSION = 113;

export const marina1: Figure = {
  name: 'marina-1',
  paper: 'MARINA (ICML 2021), Figure 1',
  summary: 'Binary classification with a non-convex loss on mushrooms, 5 workers, RandK, step sizes by theory.',
  panels: (size) => [
    fullGradients({ data: 'mushrooms', workers: 5, size }),
    batches({ data: 'mushrooms', workers: 5, size }),
  ],
  claims: (panels) => [
    ...marinaBeatsDiana(panels),
    besideGd(panels, 'mushrooms-full', 'hardly'),
    ...references(panels),
  ],
  differences: MARINA_DIFFERENCES,
};

function references(panels: readonly PanelResult[]): Claim[] {
  const id = 'mushrooms-full';
  const panel = panels.find((result) => result.panel.id === id);
  if (panel === undefined || panel.skipped !== undefined) return [];
  const run = new Set(panel.curves.map(({ curve }) => curve.label));
  const at2020 = checkReference(
    panels,
    { id, label: `${DIANA_2020} K=10`, target: 0 },
    'rounds to 10⁻²',
    (row) => row.round,
    ROUNDS_2020,
  );
  const others = REFERENCES.filter(({ label }) => run.has(label)).flatMap(({ label, target, runs, rounds, bits }) => {
    const to = target === 0 ? '10⁻²' : '10⁻³';
    const k = Number(/^MARINA K=(\d+)$/.exec(label)?.[1] ?? DIMENSION);
    // nearly all of the spread in bits is the coins': a dense message in place of one of K values, with probability K/d
    const p = k / DIMENSION;
    const knownSd = 32 * (DIMENSION - k) * Math.sqrt(rounds[0] * p * (1 - p));
    return [
      checkReference(panels, { id, label, target }, `rounds to ${to}`, (row) => row.round, {
        mean: rounds[0],
        sd: rounds[1],
        runs,
      }),
      checkReference(
        panels,
        { id, label, target },
        `uplink value bits a worker to ${to}`,
        (row) => valueBits(panel.panel, row),
        { mean: bits[0], sd: bits[1], runs, knownSd },
      ),
    ];
  });
  return run.has(`${DIANA_2020} K=10`) ? [...others, at2020] : others;
}

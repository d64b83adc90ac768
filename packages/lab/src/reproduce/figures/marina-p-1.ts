import type { Claim, Figure, Panel, PanelResult, Size } from '../figure.js';
import { orderClaims, QUADRATIC_DIFFERENCES, quadraticId, quadratics, scalingClaims } from '../marina-p.js';
import { checkReference, coordinates } from '../measure.js';

const [LA2, LB2] = [1, 1000];

/**
 * Mean downlink coordinates to relative 10⁻² over five problems of an independent program; its spread over problems is
 * as large as the mean.
 */
const REFERENCES = [
  { workers: 10, label: 'MARINA-P PermK', mean: 111_000 },
  { workers: 10, label: 'MARINA-P RandK', mean: 210_000 },
  { workers: 10, label: 'EF21-P TopK', mean: 260_000 },
  { workers: 10, label: 'GD', mean: 435_000 },
  { workers: 100, label: 'MARINA-P PermK', mean: 7600 },
  { workers: 100, label: 'MARINA-P RandK', mean: 29_000 },
  { workers: 100, label: 'EF21-P TopK', mean: 165_000 },
  { workers: 100, label: 'GD', mean: 293_000 },
] as const;

/** The same on one fixed instance, where the spread is the method's alone: rounds, coordinates, eight seeds. */
const FIXED = [
  { label: 'MARINA-P PermK', downlink: 'perm-k', stepSize: 0.063774128, rounds: [363.9, 2.9], sent: [21_109, 1857] },
  {
    label: 'MARINA-P RandK',
    downlink: 'rand-k:k=30',
    stepSize: 0.035457988,
    rounds: [755.2, 37.7],
    sent: [43_144, 2687],
  },
] as const;

function fixedInstance(size: Size): Panel {
  return {
    id: 'fixed',
    title: 'A fixed instance, n = 10, L_A² = 1, L_B² = 1000',
    problem: 'heterogeneous-quadratic',
    data: 'heterogeneous-quadratic-n10.json',
    workers: 10,
    // RandK's rounds vary so much that five seeds leave a quarter of them open
    seeds: 20,
    axis: 'downlink',
    xLog: true,
    targets: [
      { value: 1e-1, relative: true },
      { value: 1e-2, relative: true },
    ],
    curves: [
      ...FIXED.map(({ label, downlink, stepSize }) => ({
        label,
        method: 'marina-p',
        downlink,
        stepSize,
        rounds: 2000,
      })),
      ...(size.quick
        ? []
        : [
            {
              label: 'MARINA-P SameRandK',
              method: 'marina-p',
              downlink: 'same-rand-k:k=30',
              stepSize: 0.013024737,
              rounds: 6000,
            },
            {
              label: 'EF21-P TopK',
              method: 'ef21-p',
              downlink: 'top-k:k=30',
              stepSize: 0.018359621,
              rounds: 3000,
              deterministic: true,
            },
          ]),
      { label: 'GD', method: 'gd', stepSize: 0.04472136, rounds: 1000, deterministic: true },
    ],
  };
}

export const marinaP1: Figure = {
  name: 'marina-p-1',
  paper: 'MARINA-P (NeurIPS 2024), Figure 1',
  summary:
    'Quadratics with L_A² = 1, L_B² = 1000 and a growing number of workers: downlink coordinates of MARINA-P, EF21-P and GD.',
  panels: (size) => [
    ...(size.quick ? [10, 100] : [10, 100, 900]).map((workers) => quadratics({ workers, la2: LA2, lb2: LB2, size })),
    fixedInstance(size),
  ],
  claims: (panels) => [
    ...orderClaims(panels.filter(({ panel }) => panel.id !== 'fixed')),
    ...scalingClaims(panels, 10, 100, LA2, LB2),
    ...references(panels),
  ],
  differences: [
    ...QUADRATIC_DIFFERENCES,
    'With 1000 workers d = 300 does not divide n; we take 900, so that PermK gives every coordinate to three workers and every worker one coordinate. K = d/n is below 1 there: RandK, SameRandK and TopK have K = 1, and p = 1/300 for all.',
  ],
};

function references(panels: readonly PanelResult[]): Claim[] {
  const fixed = panels.find(({ panel }) => panel.id === 'fixed');
  const onFixed =
    fixed === undefined || fixed.skipped !== undefined
      ? []
      : [
          checkReference(
            panels,
            { id: 'fixed', label: 'GD', target: 1 },
            'rounds on the fixed instance',
            (row) => row.round,
            { mean: 517, sd: 0, runs: 1 },
          ),
          ...FIXED.flatMap(({ label, rounds, sent }) => [
            checkReference(
              panels,
              { id: 'fixed', label, target: 1 },
              'rounds on the fixed instance',
              (row) => row.round,
              { mean: rounds[0], sd: rounds[1], runs: 8 },
            ),
            checkReference(
              panels,
              { id: 'fixed', label, target: 1 },
              'downlink coordinates on the fixed instance',
              (row) => coordinates(fixed.panel, row),
              { mean: sent[0], sd: sent[1], runs: 8 },
            ),
          ]),
        ];
  return [
    ...onFixed,
    ...REFERENCES.map(({ workers, label, mean }) => {
      const id = quadraticId({ workers, la2: LA2, lb2: LB2 });
      const panel = panels.find((result) => result.panel.id === id)?.panel;
      return checkReference(
        panels,
        { id, label, target: 1 },
        `downlink coordinates at n = ${workers}, over problems`,
        (row) => (panel === undefined ? Number.NaN : coordinates(panel, row)),
        { mean, sd: mean, runs: 5 },
      );
    }),
  ];
}

import { grouped } from '../../terminal/format.js';
import type { Claim, Figure, Panel, PanelResult, Size } from '../figure.js';
import { checkReference, coordinates, curveOf, meanAt } from '../measure.js';

const TARGETS = [
  { value: 1e-2, relative: true },
  { value: 1e-4, relative: true },
] as const;
const DIMENSION = 1000;
/** Projections a round of CORE. */
const PROJECTIONS = 10;

/** Mean coordinates of both links to relative 10⁻² and 10⁻⁴, of an independent program. */
const REFERENCES = [
  { workers: 10, label: 'CORE', means: [9300, 18_500] },
  { workers: 100, label: 'CORE', means: [9400, 18_700] },
  { workers: 10, label: 'M3', means: [12_500, 27_100] },
  { workers: 100, label: 'M3', means: [7100, 21_000] },
] as const;

const idOf = (workers: number) => `n${workers}`;

function panel(workers: number, size: Size): Panel {
  const k = DIMENSION / workers;
  // with n = 1000 a dense uplink comes every 1,125 rounds on average: a seed without luck needs 5,760
  const rounds = size.quick ? 2000 : workers >= 1000 ? 10_000 : 5000;
  // an evaluation costs as much as a round
  const tuned = { rounds, evalEvery: workers >= 1000 ? 5 : 1, stepSize: 'tuned' } as const;
  return {
    id: idOf(workers),
    title: `n = ${workers}`,
    problem: `quadratic:d=${DIMENSION}`,
    workers,
    axis: 'both',
    targets: TARGETS,
    curves: [
      {
        label: 'M3',
        method: 'm3',
        uplink: `rand-k:k=${k}+natural`,
        downlink: 'perm-k+natural',
        ...tuned,
        from: 16,
      },
      { label: 'CORE', method: `core:m=${PROJECTIONS}`, ...tuned, from: 4 },
      { label: 'GD', method: 'gd', rounds: 100, stepSize: 'tuned' },
    ],
  };
}

export const marinaP2: Figure = {
  name: 'marina-p-2',
  paper: 'MARINA-P (NeurIPS 2024), Figure 2',
  summary:
    'M3 (PermK and natural down, RandK and natural up, K = d/n) and CORE (10 projections) on nearly equal quadratics, total coordinates of both links.',
  panels: (size) => (size.quick ? [10, 100] : [10, 100, 1000]).map((workers) => panel(workers, size)),
  claims: (panels) => [...scaling(panels), ...references(panels)],
  differences: [
    'Gradient descent, which the paper does not draw, solves this problem in one or two steps: the Hessian is a multiple of the identity. The figure shows how methods scale with n, not what they save.',
    'Coordinates count as one each, whatever their bits; the charts have the papers’ bits (9 a coordinate after natural compression) and the real frame bytes.',
  ],
};

const to = (panels: readonly PanelResult[], workers: number, label: string, target: number) => {
  const found = panels.find(({ panel }) => panel.id === idOf(workers));
  return found === undefined
    ? Number.NaN
    : meanAt(curveOf(panels, idOf(workers), label), target, (row) => coordinates(found.panel, row));
};

function scaling(panels: readonly PanelResult[]): Claim[] {
  const values = (label: string) => panels.map(({ panel }) => to(panels, panel.workers, label, 1));
  const [m3, core] = [values('M3'), values('CORE')];
  const text = (list: readonly number[]) =>
    list
      .map((value, k) => `n = ${panels[k]?.panel.workers}: ${Number.isFinite(value) ? grouped(value) : 'not reached'}`)
      .join('; ');
  const verdict = (holds: boolean) => (panels.length < 2 ? 'not run' : holds ? 'reproduced' : 'not reproduced');
  const falls = m3.every((value, k) => k === 0 || value < (m3[k - 1] ?? 0));
  const steady = Math.max(...core) / Math.min(...core) < 1.1;
  return [
    {
      claim: 'M3 needs fewer coordinates to relative 10⁻⁴ the more workers there are',
      verdict: verdict(falls),
      numbers: text(m3),
    },
    { claim: 'CORE needs the same whatever n', verdict: verdict(steady), numbers: text(core) },
  ];
}

function references(panels: readonly PanelResult[]): Claim[] {
  return REFERENCES.flatMap(({ workers, label, means }) =>
    means.map((mean, target) =>
      checkReference(
        panels,
        { id: idOf(workers), label, target },
        `coordinates of both links at n = ${workers} to relative ${target === 0 ? '10⁻²' : '10⁻⁴'}`,
        (row) => {
          const found = panels.find(({ panel }) => panel.id === idOf(workers));
          return found === undefined ? Number.NaN : coordinates(found.panel, row);
        },
        // the reference gives no spread
        { mean, runs: 5 },
      ),
    ),
  );
}

import { spread } from '../report/statistics.js';
import { grouped } from '../terminal/format.js';
import type { Claim, Curve, Figure, Panel, PanelResult, Size } from './figure.js';
import { coordinates, curveOf } from './measure.js';

/** ‖∇f‖² relative to x⁰'s. */
const TARGETS = [
  { value: 1e-1, relative: true },
  { value: 1e-2, relative: true },
] as const;
/** The target of the claims. */
const GOAL = 1;

const DIMENSION = 300;

export interface QuadraticSetting {
  readonly workers: number;
  readonly la2: number;
  readonly lb2: number;
  readonly size: Size;
}

/** Id of the panel with these constants. */
export const quadraticId = ({ workers, la2, lb2 }: Omit<QuadraticSetting, 'size'>) => `n${workers}-la${la2}-lb${lb2}`;

/** A method that needs more than this many times PermK's coordinates is given up there. */
const BUDGET = 4;

/**
 * The set-up of MARINA-P's experiments, §6 and F.3: K = d/n (1 where n > d), p = K/d, step sizes the best power of two times
 * theory. SameRandK and EF21-P, which need the more rounds the more workers there are, have a budget of coordinates.
 */
export function quadratics({ workers, la2, lb2, size }: QuadraticSetting): Panel {
  const k = Math.max(1, Math.floor(DIMENSION / workers));
  const many = workers >= 100;
  const rounds = size.quick ? quickRounds(workers) : many ? 60_000 : 100_000;
  const tuned = { rounds, evalEvery: many && !size.quick ? 20 : 5, stepSize: 'tuned' } as const;
  const from = (few: number, more: number) => ({ ...tuned, from: many ? more : few });
  const curves: Curve[] = [
    { label: 'MARINA-P PermK', style: 0, method: 'marina-p', downlink: 'perm-k', ...from(2, 8) },
    { label: 'MARINA-P RandK', style: 1, method: 'marina-p', downlink: `rand-k:k=${k}`, ...from(4, 8) },
    // these need the more rounds the more workers there are
    ...(size.quick && workers >= 900
      ? []
      : [
          {
            label: 'MARINA-P SameRandK',
            style: 2,
            method: 'marina-p',
            downlink: `same-rand-k:k=${k}`,
            ...from(4, 2),
            // K, and d with probability K/d
            perRound: 2 * k,
          },
        ]),
    ...(size.quick && many
      ? []
      : [
          {
            label: 'EF21-P TopK',
            style: 3,
            method: 'ef21-p',
            downlink: `top-k:k=${k}`,
            ...from(8, 8),
            perRound: k,
            // at n = 100 it sends a hundredth of d a round, and needs as many coordinates as at n = 10
            ...(workers === 100 ? { rounds: 4 * rounds } : {}),
          },
        ]),
    { label: 'GD', style: 4, method: 'gd', ...from(2, 2) },
  ];
  return {
    id: quadraticId({ workers, la2, lb2 }),
    title: `n = ${workers}, L_A² = ${la2}, L_B² = ${lb2}`,
    problem: `heterogeneous-quadratic:la2=${la2},lb2=${lb2}`,
    workers,
    axis: 'downlink',
    xLog: true,
    // with many workers 10⁻² is out of a quick run's reach for most, and tuning for it would take every run to its end
    targets: TARGETS,
    goal: many && size.quick ? 0 : GOAL,
    ...(size.quick ? {} : { budget: { of: 'MARINA-P PermK', times: BUDGET } }),
    curves,
  };
}

/** As many as fit into two minutes on two cores with everything else. */
const quickRounds = (workers: number) => (workers >= 900 ? 250 : workers >= 100 ? 6000 : 12_000);

/** Mean downlink coordinates of a worker to a target. */
interface Need {
  /** Of each seed. */
  readonly each: readonly number[];
  /** Seeds that did not get there count with what they had sent by their last round: then it is a lower bound. */
  readonly coordinates: number;
  readonly exact: boolean;
}

function need(panels: readonly PanelResult[], id: string, label: string, target: number): Need | undefined {
  const found = panels.find(({ panel }) => panel.id === id);
  const records = curveOf(panels, id, label)?.outcome.records ?? [];
  if (found === undefined || records.length === 0) return undefined;
  const rows = records.map(({ hits, rows }) => hits[target] ?? rows.at(-1));
  const sent = rows.flatMap((row) => (row === undefined ? [] : [coordinates(found.panel, row)]));
  const exact = records.every(({ hits }) => (hits[target] ?? null) !== null);
  return { each: sent, coordinates: spread(sent).mean, exact };
}

const show = (one: Need | undefined) =>
  one === undefined ? 'not run' : `${one.exact ? '' : 'more than '}${grouped(one.coordinates)}`;

/** That `less` needs fewer coordinates than `more`; where a target was not reached there is a lower bound, which proves one side only. */
export function fewer(less: Need | undefined, more: Need | undefined): Claim['verdict'] {
  if (less === undefined || more === undefined) return 'not run';
  if (less.exact && less.coordinates <= more.coordinates) return 'reproduced';
  return more.exact && less.coordinates > more.coordinates ? 'not reproduced' : 'not decided';
}

/** On how many of the seeds' problems `less` needs fewer coordinates than each of the others, in words. */
function onHowMany(less: Need | undefined, others: readonly (Need | undefined)[]): string {
  if (less?.exact !== true) return '';
  const wins = less.each.filter((own, seed) => others.every((other) => own < (other?.each[seed] ?? 0))).length;
  return `; the fewest on ${wins} of ${less.each.length} problems`;
}

/** The weakest of several verdicts. */
function all(verdicts: readonly Claim['verdict'][]): Claim['verdict'] {
  return (
    (['not reproduced', 'not decided', 'not run', 'reproduced'] as const).find((one) => verdicts.includes(one)) ??
    'not run'
  );
}

const NAMES = ['10⁻¹', '10⁻²'];

/** PermK needs the fewest coordinates in every panel, and RandK fewer than SameRandK, to both targets. */
export function orderClaims(panels: readonly PanelResult[]): Claim[] {
  return panels.flatMap(({ panel }) =>
    NAMES.flatMap((name, target): Claim[] => {
      const labels = panel.curves.map(({ label }) => label);
      const of = (label: string) => need(panels, panel.id, label, target);
      const [permK, randK, same] = [of('MARINA-P PermK'), of('MARINA-P RandK'), of('MARINA-P SameRandK')];
      const others = labels.filter((label) => label !== 'MARINA-P PermK').map(of);
      return [
        {
          claim: `${panel.title}: PermK needs the fewest downlink coordinates to relative ${name}`,
          verdict: all(others.map((other) => fewer(permK, other))),
          numbers: labels.map((label) => `${label} ${show(of(label))}`).join('; ') + onHowMany(permK, others),
        },
        ...(same === undefined
          ? []
          : [
              {
                claim: `${panel.title}: RandK needs fewer than SameRandK to relative ${name}`,
                verdict: fewer(randK, same),
                numbers: `${show(randK)} against ${show(same)}`,
              },
            ]),
      ];
    }),
  );
}

/** PermK and RandK improve with n, PermK most, EF21-P and GD not as they do: for two panels that differ in n only. */
export function scalingClaims(
  panels: readonly PanelResult[],
  few: number,
  many: number,
  la2: number,
  lb2: number,
): Claim[] {
  return NAMES.map((name, target): Claim => {
    const gain = (label: string) => {
      const [a, b] = [few, many].map((workers) => need(panels, quadraticId({ workers, la2, lb2 }), label, target));
      return a?.exact === true && b?.exact === true ? a.coordinates / b.coordinates : undefined;
    };
    const gains = ['MARINA-P PermK', 'MARINA-P RandK', 'EF21-P TopK', 'GD'].map((label) => ({
      label,
      times: gain(label),
    }));
    const [permK, randK, ef21P, gd] = gains.map(({ times }) => times);
    const known = permK !== undefined && randK !== undefined && gd !== undefined;
    const holds = known && permK > randK && randK > gd && (ef21P === undefined || randK > ef21P);
    return {
      claim: `From n = ${few} to ${many} PermK and RandK improve, PermK most, and the others do not as they do (relative ${name})`,
      verdict: !known ? 'not run' : holds ? 'reproduced' : 'not reproduced',
      numbers: gains
        .map(
          ({ label, times }) => `${label} ${times === undefined ? 'not known' : `${times.toPrecision(3)} times fewer`}`,
        )
        .join('; '),
    };
  });
}

/** Where our pictures of quadratics differ from the paper's. */
export const QUADRATIC_DIFFERENCES = [
  'The matrix X cannot be read in the paper; we use the family’s usual ¼ tridiag(−1, 2, −1). Instances are drawn so that L_A² and L_B² are exact; ours are not the paper’s, and from instance to instance the numbers vary about as much as their mean, the order does not.',
  'Every seed draws a problem of its own. A curve is the mean over seeds at equal abscissa, its band the smallest and the largest.',
  'The paper counts the downlink. Uplinks of these methods are dense: the second chart has the bytes of both links, in which they weigh most.',
  `SameRandK and EF21-P are given up once they have sent ${BUDGET} times what PermK needed on average; “more than” is what they had sent by then.`,
  'With `--quick` and 100 or more workers step sizes are those best for 10⁻¹; what is said of 10⁻² there is at those step sizes.',
];

/** L_A² and L_B² of F.3. */
const HETEROGENEITY = [0, 1, 10, 100];
const HOMOGENEITY = [100, 1e3, 1e4, 1e5];

/** A grid of L_A² and L_B² for one number of workers. */
export function heterogeneityFigure(name: string, paper: string, workers: number): Figure {
  return {
    name,
    paper,
    summary: `Quadratics with ${workers} workers, L_A² ∈ {0, 1, 10, 100}, L_B² ∈ {100, 10³, 10⁴, 10⁵}: downlink coordinates.`,
    panels: (size) => {
      const grid = HETEROGENEITY.flatMap((la2) => HOMOGENEITY.map((lb2) => ({ la2, lb2 })));
      // the quick size shows the near-homogeneous corner and the most heterogeneous one
      const corners = grid.filter(({ la2, lb2 }) => lb2 === 100 && (la2 === 0 || la2 === 100));
      return (size.quick ? corners : grid).map(({ la2, lb2 }) => quadratics({ workers, la2, lb2, size }));
    },
    claims: (panels) => [...orderClaims(panels), ...heterogeneityClaim(panels, workers)],
    differences: [
      ...QUADRATIC_DIFFERENCES,
      'From x⁰ = 0 Hessians that are all s times as large give iterates that are all s times as short, and the same gradients: only L_B²/L_A² matters. The sixteen panels are seven problems, those with the ratios 1, 10, 100, 10³, 10⁴ and 10⁵ and those with L_A = 0, and panels with the same one have the same numbers, but for where a method was given up and rounding on the wire.',
    ],
  };
}

/** PermK's lead over SameRandK shrinks as L_A² grows. */
function heterogeneityClaim(panels: readonly PanelResult[], workers: number): Claim[] {
  const [lb2] = HOMOGENEITY as [number];
  const needs = (la2: number) => {
    const id = quadraticId({ workers, la2, lb2 });
    return ['MARINA-P SameRandK', 'MARINA-P PermK'].map((label) => need(panels, id, label, 0));
  };
  const lead = ([same, permK]: readonly (Need | undefined)[]) =>
    same?.exact === true && permK?.exact === true ? same.coordinates / permK.coordinates : Number.NaN;
  const [homogeneous, heterogeneous] = [needs(0), needs(100)];
  const [none, most] = [lead(homogeneous), lead(heterogeneous)];
  const known = Number.isFinite(none) && Number.isFinite(most);
  const wasRun = [...homogeneous, ...heterogeneous].every((one) => one !== undefined);
  return [
    {
      claim: `PermK’s lead over SameRandK shrinks as L_A² grows (L_B² = ${lb2}, relative 10⁻¹)`,
      verdict: !known ? (wasRun ? 'not decided' : 'not run') : none > most ? 'reproduced' : 'not reproduced',
      numbers: known
        ? `${none.toPrecision(3)} times fewer coordinates at L_A² = 0, ${most.toPrecision(3)} at L_A² = 100`
        : wasRun
          ? 'not reached'
          : 'not run',
    },
  ];
}

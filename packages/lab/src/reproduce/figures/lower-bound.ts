import { agreement, type Reference } from '../../experiment/agreement.js';
import type { ChartSpec, Series } from '../../report/chart.js';
import { spreadText } from '../../report/statistics.js';
import type { Table } from '../../report/table.js';
import { grouped } from '../../terminal/format.js';
import type { Claim, Study } from '../figure.js';
import { type Line, type Measured, meanRounds, measure, type Setting, STEPS, slope } from '../zero-chain.js';

const T = 50;
const WORKERS = 4;
/** Of chains shorter than T, and longer. */
const SHORT_SEEDS = 80;
const LONG_SEEDS = 12;

const randK = (workers: number, dealt = true): Setting => ({
  label: `${dealt ? '' : 'equal f_i: '}MARINA-P RandK, n = ${workers}`,
  method: 'marina-p',
  downlink: (k) => `rand-k:k=${k}`,
  workers,
  dealt,
  reaches: 'its own',
});
const sameRandK = (dealt = true): Setting => ({
  ...randK(WORKERS, dealt),
  label: `${dealt ? '' : 'equal f_i: '}MARINA-P SameRandK, n = ${WORKERS}`,
  downlink: (k) => `same-rand-k:k=${k}`,
  reaches: 'all',
});
const permK = (dealt = true): Setting => ({
  ...randK(WORKERS, dealt),
  label: `${dealt ? '' : 'equal f_i: '}MARINA-P PermK, n = ω + 1`,
  downlink: () => 'perm-k',
  workers: 'omega + 1',
  reaches: 'one, each once',
});
const ef21P = (dealt = true): Setting => ({
  ...sameRandK(dealt),
  label: `${dealt ? '' : 'equal f_i: '}EF21-P RandK/(ω + 1), n = ${WORKERS}`,
  method: 'ef21-p',
  downlink: (k) => `scaled(rand-k:k=${k})`,
});

/** Mean and standard deviation over 40 seeds of packages/lab/test/lower_bound.py at γL = 300, by ω + 1; T = 50. */
const REFERENCES: readonly (readonly [
  setting: Setting,
  values: Readonly<Record<number, readonly [number, number]>>,
])[] = [
  [randK(WORKERS), { 2: [67.6, 6.2], 5: [172.8, 22.8], 10: [318.9, 39.8], 25: [868.1, 145.4], 50: [1696.4, 308.8] }],
  [sameRandK(), { 2: [65.8, 3.5], 5: [135.2, 15.6], 10: [261, 28.9], 25: [619.2, 87.5], 50: [1261.5, 177.2] }],
  [permK(), { 2: [73, 8.2], 5: [168, 25.1], 10: [326, 32], 25: [813.9, 142.5], 50: [1692.7, 297.1] }],
  [ef21P(), { 2: [99.5, 11.4], 5: [240.6, 32.4], 10: [493.7, 78.7], 25: [1271.3, 172], 50: [2434.7, 391.9] }],
  [randK(16, false), { 2: [50, 0], 5: [52.3, 1.4], 10: [63.1, 2.9], 25: [103.2, 9.8], 50: [173.2, 19.2] }],
];

/** The same of RandK with n = 4 for other T, as --t says; 80 seeds where T = 20, whose runs vary most. */
const REFERENCES_BY_T: Readonly<Record<number, Readonly<Record<number, readonly [number, number]>>>> = {
  20: { 2: [28.9, 4.9], 5: [64.4, 16], 10: [129.2, 30.9], 20: [240.1, 68.4] },
  100: { 2: [140.3, 10.1], 5: [347.5, 41.4], 10: [662.3, 70.6], 25: [1654.8, 208.7], 50: [3234.9, 386.8] },
  200: { 2: [287.9, 10.7], 5: [669, 54.3], 10: [1331.7, 115.9], 25: [3394.4, 299.8], 50: [6473.2, 506.1] },
};

/** MARINA-P, Theorems 3.1 and G.4: rounds on the hard instance against ω + 1, n and T, beside their bound and a control. */
export const lowerBoundStudy: Study = {
  name: 'lower-bound',
  paper: 'MARINA-P (NeurIPS 2024), Theorems 3.1 and G.4',
  summary:
    'Rounds on the instance of the lower bound against ω + 1, against n and against T, beside a bound and a control.',
  async run({ quick, seeds: asked }, sweep, log) {
    const seeds = Math.max(asked, quick ? 8 : 20);
    const omegas = quick ? [1, 5, 10, 25] : [1, 2, 5, 10, 25, 50];
    const over = (setting: Setting, more: object = {}) => measure(sweep, setting, { T, omegas, seeds, ...more });
    log('against ω + 1');
    const dealt = await Promise.all([randK(WORKERS), sameRandK(), permK(), ef21P()].map((one) => over(one)));
    const controls = await Promise.all([permK(false), randK(16, false)].map((one) => over(one)));
    const shared = await Promise.all([sameRandK(false), ef21P(false)].map((one) => over(one)));
    log('against n');
    const ns = quick ? [2, 16] : [2, 4, 8, 16];
    const byN = await Promise.all(ns.map((n) => over(randK(n))));
    const equalByN = await Promise.all(ns.map((n) => over(randK(n, false))));
    log('against T');
    const chains = (quick ? [20, 50, 100] : [20, 50, 100, 200]).map((length) => ({
      T: length,
      // long chains take long, and vary less; short ones the other way
      ...(length === T ? {} : { seeds: length > T ? LONG_SEEDS : SHORT_SEEDS }),
      omegas: [...omegas, ...(length < 25 ? [length] : [])].filter((omega) => length % omega === 0),
    }));
    const byT = await Promise.all(chains.map((chain) => over(randK(WORKERS), chain)));
    const equalByT = await Promise.all(chains.map((chain) => over(permK(false), chain)));
    log('at the step size 1/L');
    const timid = await over(randK(WORKERS), { steps: [1], cap: 40_000, seeds: 8 });
    const tuned = dealt[0] as Line;
    return {
      sections: [
        { title: 'What is run', text: setUp(seeds) },
        {
          title: 'Against ω + 1',
          charts: [
            omegaChart('omega', 'Rounds against ω + 1', [...dealt.slice(0, 3), ...controls], tuned),
            omegaChart('ef21-p', 'EF21-P: rounds against ω + 1', dealt.slice(3), dealt[3] as Line),
          ],
          tables: [
            omegaTable(`T = ${T}: mean rounds ± standard deviation over seeds`, [...dealt, ...controls, ...shared]),
          ],
          text: OMEGA,
        },
        {
          title: 'Against n',
          charts: [againstChart('workers', 'n', byN, equalByN, ns)],
          tables: [againstTable('n', ns, byN, equalByN)],
          text: WORKERS_TEXT,
        },
        {
          title: 'Against T',
          charts: [
            againstChart(
              'length',
              'T',
              byT,
              equalByT,
              chains.map(({ T }) => T),
            ),
          ],
          tables: [
            againstTable(
              'T',
              chains.map(({ T }) => T),
              byT,
              equalByT,
            ),
          ],
          text: LENGTH,
        },
        {
          title: 'At the step size 1/L',
          tables: [omegaTable(`T = ${T}, γ = 1/L, and the best γ beside it`, [timid, tuned])],
          text: TIMID,
        },
        { title: 'What may be claimed, and what not', text: MAY },
      ],
      claims: [
        ...dealt.map(withinBound),
        ...controls.map((control) => noGrowth(control, tuned)),
        againstN(byN, equalByN),
        againstT(byT),
        ...REFERENCES.flatMap(([{ label }, values]) => {
          const line = [...dealt, ...controls].find(({ setting }) => setting.label === label);
          return line === undefined ? [] : line.points.flatMap((point) => reference(line, point, values[point.omega]));
        }),
        ...byT.flatMap((line) =>
          line.points.flatMap((point) => reference(line, point, REFERENCES_BY_T[line.T]?.[point.omega])),
        ),
      ],
      measured: { seeds, dealt, controls, shared, byN, equalByN, byT, equalByT, timid },
    };
  },
};

const setUp = (seeds: number) => [
  `The instance is \`--problem lower-bound:t=T\` (L = δ⁰ = 1, d = T, 1/ε = 3648 T): the blocks of a zero-chain dealt out to n workers. From x⁰ = 0 at most one coordinate is discovered a round, and coordinate j + 1 only after coordinate j has reached the one worker that holds block j + 1. If a round brings it there with chance at most q, that takes 1/q rounds on average, and ‖∇f(x)‖² > 2ε as long as x_T = 0. So the expected rounds are at least 1 + (T − 1)/q, at every step size.`,
  'q = p + (1 − p) K/d for MARINA-P with RandK or SameRandK and p = K/d; q = 1/n + (1 − 1/n)/n for PermK; q = K/d for EF21-P. With ω + 1 = d/K that is about (ω + 1)(T − 1)/2 rounds for MARINA-P and (ω + 1)(T − 1) for EF21-P; for MARINA-P dense messages bring coordinates too, as many as compressed ones. (This is twice the statement of Theorem G.4.)',
  'EF21-P sends one message to all workers. The bound is the same as if each had a message of its own, because one worker alone needs the coordinate.',
  `The control has the same f, all of it at every worker (\`dealt=false\`). There a coordinate helps wherever it arrives, so that q is larger: 1 for PermK, p + (1 − p)(1 − (1 − K/d)^n) for RandK.`,
  `Rounds to ‖∇f(x)‖² ≤ ε, looked at every round, f64 wire. Means over ${seeds} seeds. For each ω + 1 the step size is the one of γL ∈ {${STEPS.map(grouped).join(', ')}} with the fewest rounds by the mean over the seeds, which are those reported: that choice favours the method, not the bound. A run is given up after eight times the bound and 400 rounds. ω + 1 = 1 is gradient descent.`,
];
const OMEGA = [
  'In brackets: rounds over the bound of the row. Slopes are of least-squares lines over ω + 1 ≥ 2, of rounds on ω + 1, of that row’s bound, and of the logarithms of both.',
  'SameRandK and EF21-P with equal f_i are no control: one message for all brings as little to n equal workers as to one, and rounds grow as when the blocks are dealt out. That the bound holds for messages of their own to each worker is what the dealing is for.',
];
const WORKERS_TEXT = [
  'When the blocks are dealt out, more workers with independent messages do not help. When all hold the same, they do: that is what MARINA-P gains by (its ω L_A² falls with n where the f_i are alike), and no contradiction to the bound.',
];
const LENGTH = [
  'T = Lδ⁰/(3648 ε): half the ε is twice the chain. The control is PermK with equal f_i, which takes T rounds whatever ω is. Twelve seeds where T > 50, eighty where T < 50.',
];
const TIMID = [
  'At γ = 1/L gradient descent itself needs some 53 rounds a block, and coordinates have all that time to arrive: growth in ω + 1 is hidden until a coordinate takes longer than that (eight seeds in the first row). The tuned steps are 30/L to 10,000/L because the infimum of F_T lies at infinity.',
];
const MAY = [
  'To claim: on the paper’s instance, with the step size tuned for each ω, rounds of MARINA-P with RandK, SameRandK and PermK and of EF21-P grow linearly in ω + 1 and in Lδ⁰/ε, and do not shrink with n; they are 0.8 to 1.5 times the bound 1 + (T − 1)/q, and the same methods on equal functions with a message for each worker do not grow like that.',
  'Not to claim: growth in ω + 1 at step sizes up to 1/L on this instance; anything about other problems, where methods may well be faster; a bound for a single run (it is on the mean); that a method attains the bound’s constant; or anything about methods that start elsewhere than at 0 or send what is not zero where x is (CORE).',
];

/** Mean rounds, spread, and how many times the bound. */
const cell = (point: Measured | undefined) =>
  point === undefined || point.rounds.length === 0
    ? '–'
    : `${spreadText(point.rounds, (value) => value.toFixed(value < 100 ? 1 : 0))} (${(meanRounds(point) / point.bound).toFixed(2)})`;

function omegaTable(title: string, lines: readonly Line[]): Table {
  const omegas = lines[0]?.points.map(({ omega }) => omega) ?? [];
  return {
    title,
    columns: ['ω + 1', ...omegas.map(String), 'slope', 'of the bound', 'log-log'],
    rows: lines.map((line) => [
      `${line.setting.label}${line.points.every(({ stepSize }) => stepSize === 1) ? ', γ = 1/L' : ''}`,
      ...omegas.map((omega) => cell(line.points.find((point) => point.omega === omega))),
      slope(line, meanRounds).toFixed(2),
      slope(line, ({ bound }) => bound).toFixed(2),
      slope(line, meanRounds, true).toFixed(2),
    ]),
  };
}

/** Rounds over ω + 1, and the first line's bound. */
function omegaChart(file: string, title: string, lines: readonly Line[], bounded: Line): ChartSpec {
  const points = (line: Line, of: (point: Measured) => number) =>
    line.points.map((point): [number, number] => [point.omega, of(point)]);
  return {
    title: `${title}, T = ${T}`,
    file,
    xLabel: 'ω + 1',
    yLabel: 'rounds to ‖∇f(x)‖² ≤ ε',
    xLog: true,
    yLog: true,
    series: [
      { name: 'bound 1 + (T − 1)/q', points: points(bounded, ({ bound }) => bound), style: 5 },
      ...lines.map(
        (line, k): Series => ({ name: line.setting.label, points: points(line, meanRounds), style: k < 3 ? k : k + 3 }),
      ),
    ],
  };
}

/** Slopes in ω + 1, dealt and equal, and of the bound. */
function againstChart(
  file: string,
  xLabel: string,
  dealt: readonly Line[],
  equal: readonly Line[],
  at: readonly number[],
): ChartSpec {
  const curve = (name: string, style: number, lines: readonly Line[], of: (point: Measured) => number): Series => ({
    name,
    style,
    points: lines.map((line, k) => [at[k] as number, slope(line, of)]),
  });
  return {
    title: `Rounds for one more in ω + 1, against ${xLabel}`,
    file,
    xLabel,
    yLabel: 'slope of rounds in ω + 1',
    xLog: xLabel === 'n',
    series: [
      curve('its bound', 5, dealt, ({ bound }) => bound),
      curve('MARINA-P RandK', 0, dealt, meanRounds),
      curve(`${equal[0]?.setting.label.replace(/, n = \d+$/, '')}`, 6, equal, meanRounds),
    ],
  };
}

function againstTable(name: string, at: readonly number[], dealt: readonly Line[], equal: readonly Line[]): Table {
  const tens = (line: Line | undefined) => cell(line?.points.find(({ omega }) => omega === 10));
  const fixed = (line: Line | undefined, of: (point: Measured) => number) =>
    line === undefined ? '–' : slope(line, of).toFixed(2);
  return {
    title: `Slope of rounds in ω + 1, and rounds at ω + 1 = 10 (times the bound)`,
    columns: [name, 'slope', 'of the bound', 'slope, equal f_i', 'rounds at 10', 'rounds at 10, equal f_i'],
    rows: at.map((value, k) => [
      value,
      fixed(dealt[k], meanRounds),
      fixed(dealt[k], ({ bound }) => bound),
      fixed(equal[k], meanRounds),
      tens(dealt[k]),
      tens(equal[k]),
    ]),
  };
}

const verdict = (holds: boolean): Claim['verdict'] => (holds ? 'reproduced' : 'not reproduced');
const two = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');

/** Linear growth, 0.8 to 1.5 times the bound. */
function withinBound(line: Line): Claim {
  const ratios = line.points.map((point) => meanRounds(point) / point.bound);
  const power = slope(line, meanRounds, true);
  return {
    claim: `${line.setting.label}: rounds grow linearly in ω + 1, 0.8 to 1.5 times the bound`,
    verdict: verdict(ratios.every((ratio) => ratio >= 0.8 && ratio <= 1.5) && power > 0.85 && power < 1.1),
    numbers: `${two(ratios)} times the bound, log-log slope ${power.toFixed(2)}`,
  };
}

function noGrowth(line: Line, tuned: Line): Claim {
  const [own, other] = [slope(line, meanRounds), slope(tuned, meanRounds)];
  return {
    claim: `Control, ${line.setting.label}: rounds grow by less than a tenth of what they do when the blocks are dealt out`,
    verdict: verdict(own < 0.1 * other),
    numbers: `slope ${own.toFixed(2)} against ${other.toFixed(2)}`,
  };
}

function againstN(dealt: readonly Line[], equal: readonly Line[]): Claim {
  const [own, other] = [dealt, equal].map((lines) => lines.map((line) => slope(line, meanRounds)));
  return {
    claim:
      'More workers do not help when the blocks are dealt out: the slope in ω + 1 at the most workers is at least 0.8 of that at the fewest; with equal f_i it falls below a third',
    verdict: verdict(fall(own) >= 0.8 && fall(other) < 1 / 3),
    numbers: `slopes ${two(own as number[])}; equal f_i ${two(other as number[])}`,
  };
}

const fall = (values: readonly number[] = []) => (values.at(-1) as number) / (values[0] as number);

function againstT(lines: readonly Line[]): Claim {
  const each = lines.map((line) => slope(line, meanRounds) / (line.T - 1));
  return {
    claim: 'The slope in ω + 1 grows linearly in T, and so in Lδ⁰/ε: slope/(T − 1) varies by at most a quarter',
    verdict: verdict(Math.max(...each) <= 1.25 * Math.min(...each)),
    numbers: `slope/(T − 1) ${two(each)} for T = ${lines.map((line) => line.T).join(', ')}; the bound’s ${two([slope(lines[0] as Line, ({ bound }) => bound) / ((lines[0] as Line).T - 1)])}`,
  };
}

function reference(
  { setting, T: length }: Line,
  { omega, rounds }: Measured,
  value: readonly [number, number] | undefined,
): Claim[] {
  if (value === undefined) return [];
  const of: Reference = { mean: value[0], sd: value[1], runs: length < T ? SHORT_SEEDS : 40 };
  const { verdict, text } = agreement(rounds, of);
  return [
    {
      claim: `${setting.label},${length === T ? '' : ` T = ${length},`} ω + 1 = ${omega}: rounds, as an independent program has them`,
      verdict,
      numbers: text,
    },
  ];
}

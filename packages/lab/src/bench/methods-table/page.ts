import { spread, spreadText } from '../../report/statistics.js';
import { type Table, tableMarkdown } from '../../report/table.js';
import { grouped, number } from '../../terminal/format.js';
import { label, methodOf } from '../methods.js';
import { type AtStepSize, type CaseResult, LINKS, type Measured, type Reached } from './measure.js';
import { caseWords, leaderCell, linkName, MEASURES, type Measure, seconds } from './words.js';

const TOTAL = MEASURES.find(({ name }) => name === 'bytes in all') as Measure;
const LINK_HEADINGS = LINKS.map((link) => `s at ${linkName(link)}`);

/** What the target took with the best step size, fewest bytes first. */
export function tunedTable({ of, measured }: CaseResult): Table {
  const gd = measured.find(({ entry }) => entry.method === 'gd');
  const cost = (one: Measured) => (one.tuned === null ? Number.POSITIVE_INFINITY : meanOf(one.tuned, one, TOTAL));
  const sorted = [...measured].sort((a, b) => cost(a) - cost(b));
  return {
    title: `Step sizes tuned, for one worker, ${of.workers} workers: mean ± standard deviation over seeds`,
    columns: [
      'method',
      'γ',
      'of base',
      'rounds',
      'up',
      'down',
      'in all',
      'gd / in all',
      ...LINK_HEADINGS,
      'ms of work',
    ],
    rows: sorted.map((one) => {
      const { entry, tuned, work } = one;
      if (tuned === null) return [label(entry), 'not reached', ...new Array<null>(7 + LINKS.length).fill(null)];
      return [
        label(entry),
        tuned.stepSize === null ? null : number(tuned.stepSize),
        `2^${tuned.power}`,
        ...MEASURES.map((measure) => cell(tuned, one, measure)).toSpliced(
          4,
          0,
          gd === undefined ? '–' : (cost(gd) / cost(one)).toPrecision(3),
        ),
        work === null ? null : (work.worker + work.server).toPrecision(2),
      ];
    }),
  };
}

/** What it took with the base step size. */
export function theoryTable({ of, measured }: CaseResult): Table {
  const cost = (one: Measured) => (isReached(one.theory) ? meanOf(one.theory, one, TOTAL) : Number.POSITIVE_INFINITY);
  const sorted = [...measured].sort((a, b) => cost(a) - cost(b));
  return {
    title: `The base step size as it is, for one worker, ${of.workers} workers`,
    columns: ['method', 'γ', 'rounds', 'up', 'down', 'in all', ...LINK_HEADINGS],
    rows: sorted.map((one) => {
      const { entry, theory } = one;
      const gamma = theory.stepSize === null ? null : number(theory.stepSize);
      if (isReached(theory)) return [label(entry), gamma, ...MEASURES.map((measure) => cell(theory, one, measure))];
      const stood = theory.stood === null ? 'diverged' : `${theory.stood.toPrecision(3)} × the target`;
      return [
        label(entry),
        gamma,
        theory.reached.length > 0
          ? `reached with ${theory.reached.length} of ${theory.seeds} seeds`
          : `not in ${grouped(of.rounds)} (${stood})`,
        ...new Array<null>(MEASURES.length - 1).fill(null),
      ];
    }),
  };
}

const isReached = ({ reached, seeds }: AtStepSize) => reached.length === seeds;

const valuesOf = ({ reached }: AtStepSize, one: Measured, { of }: Measure) =>
  reached.map((run: Reached) => of(run, one));

const meanOf = (at: AtStepSize, one: Measured, measure: Measure) => spread(valuesOf(at, one, measure)).mean;

/** Mean ± standard deviation, which is left out where it is below half a per cent. */
function cell(at: AtStepSize, one: Measured, measure: Measure): string {
  const show = measure.name.startsWith('seconds') ? seconds : measure.show;
  const values = valuesOf(at, one, measure);
  const { mean, sd } = spread(values);
  return sd < 0.005 * mean ? show(mean) : spreadText(values, show);
}

/** Who wins what where. */
export function winnersTable(results: readonly CaseResult[], variants: boolean): Table {
  return {
    title: variants
      ? 'Fewest of each, step sizes tuned, variants included'
      : 'Fewest of each, step sizes tuned, own compressors',
    columns: ['', ...results.map(({ of }) => of.title)],
    rows: MEASURES.map((measure) => [measure.name, ...results.map((result) => leaderCell(result, measure, variants))]),
  };
}

/** Every method's own compressors, and where its base step size is from. */
export function basesTable(names: readonly string[]): Table {
  return {
    title: '',
    columns: ['method', 'own uplink', 'own downlink', 'where its base step size is from'],
    rows: names.map((name) => {
      const { uplink, downlink, description } = methodOf(name);
      return [name, uplink ?? 'dense', downlink ?? 'dense', description.theorem];
    }),
  };
}

/** The whole page. */
export function pageMarkdown(
  results: readonly CaseResult[],
  { command, machine, seeds, reading }: { command: string; machine: string; seeds: number; reading: readonly string[] },
): string {
  const names = [
    ...new Set(results.flatMap(({ measured }) => measured.map(({ entry }) => methodOf(entry.method).name))),
  ];
  const cases = results.flatMap((result) => {
    const { of, leftOut } = result;
    return [
      `## ${of.title}`,
      of.about,
      `Target: ${targetText(result)}. At most ${grouped(of.rounds)} rounds, f and ∇f looked at every ${of.evalEvery}.`,
      caseWords(result).join('\n'),
      tableMarkdown(tunedTable(result)),
      tableMarkdown(theoryTable(result)),
      ...(leftOut.length === 0
        ? []
        : [`Left out: ${leftOut.map(({ entry, reason }) => `${label(entry)} (${reason})`).join('; ')}.`]),
    ];
  });
  return `${[
    '# All methods to an equal target',
    `Every method of the registry with its own compressors, and some with others (↑ up, ↓ down), on ${results.length === 1 ? 'one problem' : `${results.length} problems`}, ${seeds} seeds: rounds, bytes and seconds until the same target is reached.`,
    `    ${command}`,
    `On ${machine}.`,
    '## Who wins where',
    tableMarkdown(winnersTable(results, false)),
    tableMarkdown(winnersTable(results, true)),
    ...reading,
    '## How it was measured',
    NOTES.map((note) => `- ${note}`).join('\n'),
    ...cases,
    '## Own compressors, and base step sizes',
    tableMarkdown(basesTable(names)),
    'The formulas are in [methods.md](../methods.md).',
  ].join('\n\n')}\n`;
}

/** The target of a case. */
function targetText({ of: { target } }: CaseResult): string {
  const value = number(target.value);
  if (target.of === 'loss') return `f(x) ≤ ${value}`;
  return `‖∇f(x)‖² ≤ ${value}${target.relative === true ? ' ‖∇f(x⁰)‖²' : ''}`;
}

export const NOTES = [
  'Step sizes are 2^k times a base: theory’s, or where theory has none what the method takes for tuning (the last table says which). Tuned is the k with the fewest bytes of both links to the target. With seed 0, k is looked for upwards from 0 in steps of 3, while it gets better and nothing diverges (downwards when 0 comes closer than those), where for k > 0 a run first gets a fifth of all rounds, then in steps of 1 around the best: the one with the fewest bytes, ties by rounds, or the one that came closest where none has arrived. A run is given up at one and a half times the rounds of the cheapest so far. The three cheapest run with all seeds, and the one with the fewest bytes in the mean is the tuned one, if the target is reached with every seed. Tuning was done on the numbers that are shown: there is no second set of problems, so the tuned rows are each method’s best case, and a second minimum elsewhere would not be seen.',
  'Bytes are those of frames, headers and initial gradients included, and for one worker: the sum over all workers over n. A standard deviation below half a per cent is left out.',
  'Seconds are virtual: the frames of the same run on modelled links of the speed given, both ways, one for each worker, without latency unless it is named, and for every round the processor time that the slowest worker and the server work (the column ms of work), as if each had a core of its own: the least of five measurements of 60 rounds each, for other programs may run on the machine. That time belongs to this program and this machine; the links’ part is exact and in `results.json`.',
  'A win with tuned step sizes is a mean that is two thirds of every other one’s or less, and below it with each seed, all methods with the same seeds. Else it says not decided: on a grid of powers of two each method may be a factor of √2 from its best step size, and its rounds with it. With base step sizes 5 % are enough.',
  'Not reached means with seed 0 where that run was given up after all rounds (then no other seed was run), and else with at least one of the seeds. Such a row says where seed 0 stood, as a multiple of the target.',
];

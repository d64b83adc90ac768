import { spread } from '../../report/statistics.js';
import { bytes, grouped } from '../../terminal/format.js';
import { label } from '../methods.js';
import { secondsOfWork } from '../modelled-time.js';
import { type AtStepSize, type CaseResult, LINKS, type Measured, type Reached } from './measure.js';

/** What methods are compared by. */
export interface Measure {
  readonly name: string;
  /** Of a run that reached the target. */
  readonly of: (run: Reached, one: Measured) => number;
  readonly show: (value: number) => string;
}

/**
 * A method that is less than this share behind is not told apart. Tuned step sizes are on a grid of powers of two, so that each
 * may be a factor of √2 from its method's best one, and rounds with it.
 */
const MARGIN = 0.5;
/** At a given step size: rounds are seen on a grid of evaluations. */
const MARGIN_OF_THEORY = 0.05;

const rounded = (value: number) => grouped(value < 100 ? Number(value.toFixed(1)) : Math.round(value));
const wholeBytes = (value: number) => bytes(Math.round(value));
export const seconds = (value: number) => `${Number(value.toPrecision(3))}`;

/** Seconds over link number `k`, both ends' work included where it is known. */
const secondsOver =
  (k: number) =>
  (run: Reached, { work }: Measured) =>
    (run.linkSeconds[k] as number) + (work === null ? 0 : secondsOfWork(run.answers, work));

export const linkName = ({ speed, latency }: (typeof LINKS)[number]) =>
  latency === '0ms' ? `${speed} Mbit/s` : `${speed} Mbit/s and ${latency.replace('ms', ' ms')}`;

export const MEASURES: readonly Measure[] = [
  { name: 'rounds', of: ({ rounds }) => rounds, show: rounded },
  { name: 'bytes up', of: ({ uplinkBytes }) => uplinkBytes, show: wholeBytes },
  { name: 'bytes down', of: ({ downlinkBytes }) => downlinkBytes, show: wholeBytes },
  {
    name: 'bytes in all',
    of: ({ uplinkBytes, downlinkBytes }) => uplinkBytes + downlinkBytes,
    show: wholeBytes,
  },
  ...LINKS.map((link, k) => ({
    name: `seconds at ${linkName(link)}`,
    of: secondsOver(k),
    show: (value: number) => `${seconds(value)} s`,
  })),
];

/** What a method needed, run by run, the same seeds in the same order for all. */
export interface Need {
  readonly name: string;
  readonly values: readonly number[];
}

/**
 * The one that needs least in the mean, and behind it those that are not told apart from it: less than `margin` behind in the
 * mean, or below it with one of the seeds.
 */
export function leaders(needs: readonly Need[], margin: number): Need[] {
  const sorted = needs.filter(({ values }) => values.length > 0).sort((a, b) => mean(a) - mean(b));
  const [first] = sorted;
  if (first === undefined) return [];
  return sorted.filter(
    (one) =>
      one === first ||
      mean(one) < (1 + margin) * mean(first) ||
      one.values.some((value, k) => value < (first.values[k] ?? Number.NEGATIVE_INFINITY)),
  );
}

const mean = ({ values }: Need) => spread(values).mean;

/** The runs of all who reached the target with every seed. */
function needs(measured: readonly Measured[], at: (one: Measured) => AtStepSize | null, { of }: Measure): Need[] {
  return measured.flatMap((one) => {
    const found = at(one);
    if (found === null || found.reached.length < found.seeds) return [];
    return [{ name: label(one.entry), values: found.reached.map((run) => of(run, one)) }];
  });
}

const tuned = ({ tuned }: Measured) => tuned;
const theory = ({ theory }: Measured) => theory;

/** Names of the leaders, for a table: one, or those that are not told apart. */
export function leaderCell({ measured }: CaseResult, measure: Measure, variants: boolean): string {
  const found = leaders(
    needs(
      measured.filter(({ entry }) => variants || !entry.variant),
      tuned,
      measure,
    ),
    MARGIN,
  );
  if (found.length === 0) return '–';
  const names = found.slice(0, MAX_NAMES).map(({ name }) => name);
  const more = found.length > MAX_NAMES ? ` and ${found.length - MAX_NAMES} more` : '';
  return found.length === 1 ? `**${names[0]}**` : `not decided: ${names.join(', ')}${more}`;
}

const MAX_NAMES = 4;

/** Who leads in a measure, in a sentence. */
function sentence(all: readonly Need[], { name, show }: Measure, margin = MARGIN): string {
  const found = leaders(all, margin);
  const [first] = found;
  if (first === undefined) return `${name}: nobody reached the target.`;
  const text = (one: Need) => `${one.name} (${show(mean(one))})`;
  if (found.length > 1) {
    const more = found.length > MAX_NAMES ? ` and ${found.length - MAX_NAMES} more` : '';
    return `${name}: not decided between ${found.slice(0, MAX_NAMES).map(text).join(', ')}${more}.`;
  }
  const next = all.filter((one) => one !== first).sort((a, b) => mean(a) - mean(b))[0];
  const lead =
    next === undefined ? '' : `, ahead of ${text(next)} by a factor of ${(mean(next) / mean(first)).toPrecision(3)}`;
  return `${name}: **${first.name}** (${show(mean(first))})${lead}.`;
}

/** Who wins what on a case, who beats gradient descent, and who does not get there. */
export function caseWords({ of, measured }: CaseResult): string[] {
  const lines = MEASURES.map((measure) => {
    const own = sentence(
      needs(
        measured.filter(({ entry }) => !entry.variant),
        tuned,
        measure,
      ),
      measure,
    );
    const every = sentence(needs(measured, tuned, measure), measure);
    const list = own === every ? every : `${own} With the variants: ${every.replace(`${measure.name}: `, '')}`;
    return `- Fewest ${list}`;
  });
  const total = MEASURES.find(({ name }) => name === 'bytes in all') as Measure;
  const byTheory = sentence(needs(measured, theory, total), total, MARGIN_OF_THEORY);
  const gd = needs(measured, tuned, total).find(({ name }) => name === 'gd');
  const above =
    gd === undefined ? [] : needs(measured, tuned, total).filter((one) => one !== gd && mean(one) > mean(gd));
  const not = (at: typeof tuned) =>
    measured.filter((one) => {
      const found = at(one);
      return found === null || found.reached.length < found.seeds;
    });
  const list = (some: readonly Measured[]) => some.map(({ entry }) => label(entry)).join(', ');
  return [
    ...lines,
    `- With the base step sizes as they are, fewest ${byTheory}`,
    ...(gd === undefined ? [] : [`- More bytes in all than gradient descent, tuned: ${namesOf(above)}.`]),
    `- Not within ${grouped(of.rounds)} rounds at the base step size: ${list(not(theory)) || 'nobody'}; at none that was tried: ${list(not(tuned)) || 'nobody'}.`,
  ];
}

const namesOf = (some: readonly Need[]) => some.map(({ name }) => name).join(', ') || 'nobody';

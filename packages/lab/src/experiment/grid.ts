import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';

/** An option that is given several values. */
export interface Axis {
  /** As on the command line, without dashes. */
  readonly option: string;
  readonly values: readonly string[];
}

/** The words of a command line that ask for a grid. */
export interface Grid {
  readonly axes: readonly Axis[];
  /** Each point: the value of every option that is given, several for options that are lists anyway. */
  readonly points: readonly (readonly (readonly [option: string, value: string])[])[];
  /** Options of the sweep itself. */
  readonly own: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
}

/** How words of a sweep are read. */
export interface GridSyntax {
  /** Options without a value, each under every name that it has. */
  readonly flags: Readonly<Record<string, string>>;
  /** Options of the sweep itself, with one value. */
  readonly own: readonly string[];
  /** Options of a run that may be given again, and are no axis then. */
  readonly lists: readonly string[];
  /** Options of other commands, which make no sense here. */
  readonly refused: readonly string[];
}

const MAX_POINTS = 10_000;

/**
 * Reads options with lists of values: `{0.5,1,2}` or `{0..4}` anywhere in a value, an option that is given again, or several
 * values behind it, as a shell leaves them that expands braces itself. Several lists make a grid.
 * @throws UsageError
 */
export function readGrid(argv: readonly string[], { flags, own, lists, refused }: GridSyntax): Grid {
  const given = new Map<string, string[]>();
  const asked = new Set<string>();
  let current: string | undefined;
  for (const word of argv) {
    const [, name, value] = /^--([a-z][\w-]*)(?:=([\s\S]*))?$/i.exec(word) ?? [];
    const flag = Object.hasOwn(flags, word) ? flags[word] : undefined;
    if (flag !== undefined) {
      asked.add(flag);
      current = undefined;
    } else if (name !== undefined) {
      if (refused.includes(name)) throw new UsageError(`sweep takes no --${name}`);
      current = value === undefined ? name : undefined;
      given.set(name, [...(given.get(name) ?? []), ...(value === undefined ? [] : [value])]);
    } else if (current !== undefined) given.get(current)?.push(word);
    else throw new UsageError(`unexpected ${printed(word)}: options are written --name value`);
  }
  const single = new Map<string, string>();
  const axes: Axis[] = [];
  let points: [string, string][][] = [[]];
  for (const [option, words] of given) {
    if (words.length === 0) throw new UsageError(`--${option} needs a value`);
    if (own.includes(option)) {
      if (words.length > 1) throw new UsageError(`--${option} takes one value, not ${words.length}`);
      single.set(option, words[0] as string);
      continue;
    }
    if (lists.includes(option)) {
      points = points.map((point) => [...point, ...words.map((word): [string, string] => [option, word])]);
      continue;
    }
    const values = [...new Set(words.flatMap((word) => alternatives(word, option)))];
    if (values.length > 1) axes.push({ option, values });
    if (points.length * values.length > MAX_POINTS) {
      throw new UsageError(
        `the grid has more than ${MAX_POINTS} points, with the ${values.length} values of --${option}`,
      );
    }
    points = points.flatMap((point) => values.map((value): [string, string][] => [...point, [option, value]]));
  }
  return { axes, points, own: single, flags: asked };
}

/** Every value that a text with lists in braces stands for. */
function alternatives(text: string, option: string): string[] {
  const [before = '', list, after] = /^([^{}]*)\{([^{}]*)\}([\s\S]*)$/.exec(text)?.slice(1) ?? [];
  if (list === undefined || after === undefined) {
    if (/[{}]/.test(text)) throw new UsageError(`--${option} cannot be ${printed(text)}: a list is {a,b,c} or {0..4}`);
    return [text];
  }
  const range = /^(-?\d{1,9})\.\.(-?\d{1,9})$/.exec(list);
  const values = range === null ? list.split(',') : upwards(Number(range[1]), Number(range[2]), `--${option}`, text);
  if (values.length > MAX_POINTS) throw new UsageError(`the grid has more than ${MAX_POINTS} points, with --${option}`);
  const rests = alternatives(after, option);
  if (values.length * rests.length > MAX_POINTS) {
    throw new UsageError(`the grid has more than ${MAX_POINTS} points, with --${option}`);
  }
  return values.flatMap((value) => rests.map((rest) => `${before}${value}${rest}`));
}

/** Whole numbers from one to another. @throws UsageError when they go downwards, or are too many. */
function upwards(from: number, to: number, option: string, text: string): string[] {
  if (to < from || to - from >= MAX_POINTS) {
    const why = to < from ? 'a range goes upwards' : `at most ${MAX_POINTS} values`;
    throw new UsageError(`${option} cannot be ${printed(text)}: ${why}`);
  }
  return Array.from({ length: to - from + 1 }, (_, k) => String(from + k));
}

/** The numbers that the values of an axis differ in, where each has one at the same place: 0.5 of `theory*0.5`. */
export function axisNumbers({ values }: Axis): number[] | undefined {
  const parts = values.map((value) => value.split(/(\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i));
  const [first = []] = parts;
  const varying = first.map((_, k) => k).filter((k) => new Set(parts.map((part) => part[k])).size > 1);
  const [place] = varying;
  if (varying.length !== 1 || place === undefined || parts.some(({ length }) => length !== first.length))
    return undefined;
  const numbers = parts.map((part) => Number(part[place]));
  return numbers.every((value) => Number.isFinite(value)) && place % 2 === 1 ? numbers : undefined;
}

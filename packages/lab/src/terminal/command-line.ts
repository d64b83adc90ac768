import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { didYouMean, parseDecimal, printed, printedWord } from '@flotilla/core/internal';

/** An option of a command, as it is read from the words behind the command. */
export interface Declared {
  readonly type: 'string' | 'boolean';
  /** The one letter of a boolean. */
  readonly short?: string;
  /** May be given again; else the last value counts. */
  readonly multiple?: boolean;
  /** Its value is a path, in which `~/` is the home folder. */
  readonly path?: boolean;
  /** Its value may be left out: a word behind it that looks like this is its value, else that is empty. */
  readonly optional?: RegExp;
  /** There is `--no-NAME` too. */
  readonly negatable?: boolean;
  /** What help says of it; left out there when it is. */
  readonly description?: string;
  /** What stands for its value in help: `DIR`. */
  readonly placeholder?: string;
}

type Value<D extends Declared> = D['type'] extends 'boolean'
  ? boolean
  : D extends { readonly multiple: true }
    ? string[]
    : string;

/** What a command line has. */
export interface CommandLine<D extends Readonly<Record<string, Declared>>> {
  readonly values: { readonly [K in keyof D]?: Value<D[K]> };
  readonly positionals: readonly string[];
}

/**
 * Reads the words behind a command: `--name value`, `--name=value`, `--flag`, `-f`, several letters as `-fg`, and words without
 * dashes; behind `--` there are only those. A value may begin with a dash unless it is an option itself, or two: then it is
 * written with `=`.
 * @throws UsageError
 */
export function readCommandLine<const D extends Readonly<Record<string, Declared>>>(
  words: readonly string[],
  declared: D,
): CommandLine<D> {
  const values: Record<string, boolean | string | string[]> = {};
  const positionals: string[] = [];
  const letters = new Map(Object.entries(declared).map(([name, { short }]) => [short, name]));
  const isLetters = (word: string) => /^-[^-]/.test(word) && [...word.slice(1)].every((letter) => letters.has(letter));

  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (isLetters(word)) {
      for (const letter of word.slice(1)) values[letters.get(letter) as string] = true;
      continue;
    }
    if (!/^-./.test(word)) {
      positionals.push(word);
      continue;
    }
    const [, dashed = word, inline] = /^(--[^=]*)=(.*)$/s.exec(word) ?? [];
    const option = known(dashed, declared);
    if (option.type === 'boolean') {
      if (inline !== undefined) throw new UsageError(`${dashed} takes no value; leave out ${printed(inline)}`);
      values[option.name] = !option.negated;
      continue;
    }
    if (inline === undefined && option.optional?.test(words[at + 1] ?? '') === false) {
      values[option.name] = '';
      continue;
    }
    const value = inline ?? words[++at];
    if (value === undefined) throw new UsageError(`${dashed} needs a value`);
    if (inline === undefined && (value.startsWith('--') || isLetters(value))) {
      const isOption = Object.hasOwn(declared, value.slice(2).replace(/=.*/s, ''));
      const how = isOption ? '' : `; if that is ${printed(value)}, write ${dashed}=${printedWord(value)}`;
      throw new UsageError(`${dashed} needs a value${how}`);
    }
    if (value === '') throw new UsageError(`${dashed} must not be empty`);
    const text = option.path === true ? withHome(dashed, value) : value;
    const before = values[option.name];
    if (option.multiple !== true) values[option.name] = text;
    else values[option.name] = Array.isArray(before) ? [...before, text] : [text];
  }
  return { values: values as CommandLine<D>['values'], positionals };
}

/** The option that `dashed` is. @throws UsageError */
function known(
  dashed: string,
  declared: Readonly<Record<string, Declared>>,
): Declared & { name: string; negated: boolean } {
  const name = dashed.slice(2);
  const own = dashed.startsWith('--') && Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (own !== undefined) return { ...own, name, negated: false };
  const of = name.replace(/^no-/, '');
  const negated = dashed.startsWith('--no-') && Object.hasOwn(declared, of) ? declared[of] : undefined;
  if (negated?.negatable === true) return { ...negated, name: of, negated: true };
  const names = Object.keys(declared).map((one) => `--${one}`);
  const meant = didYouMean(dashed, names);
  throw new UsageError(`unknown option ${printedWord(dashed)}${meant === '' ? `; known: ${names.join(' ')}` : meant}`);
}

/** A path with the home folder in place of a leading `~`, which shells leave as it is in `--out=~/x`. @throws UsageError */
export function withHome(option: string, path: string): string {
  if (!/^~(?:\/|$)/.test(path)) return path;
  let home = '';
  try {
    home = homedir();
  } catch {
    // no entry for this user
  }
  if (!isAbsolute(home)) {
    throw new UsageError(`${option} ${printed(path)} begins with ~, and there is no home folder; write the whole path`);
  }
  return join(home, path.slice(1));
}

/** The whole number from 1 to 1000 that an option gives; undefined when it is not given. @throws UsageError */
export function countOption(option: string, text: string | undefined): number | undefined {
  return numberOption(
    option,
    text,
    'a whole number from 1 to 1000',
    (value) => Number.isInteger(value) && value >= 1 && value <= 1000,
  );
}

/** The number that an option gives; undefined when it is not given. @param allowed What `fits` lets pass @throws UsageError */
export function numberOption(
  option: string,
  text: string | undefined,
  allowed: string,
  fits: (value: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = parseDecimal(text);
  if (value === undefined || !fits(value)) throw new UsageError(`--${option} must be ${allowed}, not ${printed(text)}`);
  return value;
}

import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { describeOptions, type OptionDescription } from '@flotilla/server/internal';

/** A flag: given or not, without a value. */
export interface Flag {
  readonly description: string;
  /** Its one letter, for those that have one. */
  readonly short?: string;
}

export type FlagName = 'json' | 'explain' | 'quiet' | 'trust' | 'help' | 'version';

/** What `start` takes beside the options of a run. */
export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  json: { description: 'print the summary as one JSON object on stdout, and nothing else there' },
  explain: { description: 'print the constants, formulas and values that the run would have, instead of running' },
  quiet: { description: 'print no progress and no closing table', short: 'q' },
  trust: { description: 'let a configuration name modules or commands that then run' },
  help: { description: 'show this', short: 'h' },
  version: { description: 'show the version', short: 'v' },
};

export type SettingName = 'seeds' | 'config';

/** What `start` takes with a value and is no option of one run. */
export const SETTINGS: Readonly<Record<SettingName, Pick<Flag, 'description'>>> = {
  seeds: { description: 'one run a seed: 0..4, or names such as 1,2,7; folders <out>/seed-<s>' },
  config: { description: "options from a run's config.json or its folder; those on the command line win" },
};

type OptionName = OptionDescription['name'];

/** Options that are called otherwise here: a list is given one value at a time. */
const IRREGULAR: Partial<Readonly<Record<OptionName, string>>> = { plugins: 'plugin' };

/** An option's name on the command line, less its two dashes: targetLoss → target-loss */
export function dashed(name: OptionName): string {
  return IRREGULAR[name] ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export interface Arguments {
  /** Options of the run, still unchecked. */
  readonly options: Record<string, unknown>;
  readonly flags: Readonly<Record<FlagName, boolean>>;
  readonly settings: Readonly<Partial<Record<SettingName, string>>>;
}

/**
 * Reads a command line. Strict, unlike citty's own parser: an unknown option, a missing value or a stray word is an error.
 * @throws UsageError
 */
export function readArguments(argv: readonly string[]): Arguments {
  const names = new Map(describeOptions().map((option) => [dashed(option.name), option]));
  const known: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {};
  for (const [option, { kind }] of names) known[option] = { type: 'string', multiple: kind === 'list' };
  for (const setting of Object.keys(SETTINGS)) known[setting] = { type: 'string' };
  for (const [flag, { short }] of Object.entries(FLAGS)) {
    known[flag] = short === undefined ? { type: 'boolean' } : { type: 'boolean', short };
  }
  let values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  try {
    ({ values } = parseArgs({ args: [...argv], options: known, strict: true }));
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string };
    const option = /'(-[^']*)'/.exec(message)?.[1];
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      throw new UsageError(
        `unknown option ${option}; known: ${Object.keys(known)
          .map((name) => `--${name}`)
          .join(' ')}`,
      );
    }
    if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') {
      const word = /'([^']*)'/.exec(message)?.[1];
      throw new UsageError(`unexpected ${JSON.stringify(word)}: options are written --name value`);
    }
    if (message.includes('ambiguous') || message.includes('argument missing'))
      throw new UsageError(`${option} needs a value`);
    throw new UsageError((message.split(/\.?\n|\. /)[0] as string).replace(/ <value>/, ''));
  }
  const options: Record<string, unknown> = {};
  for (const [option, { name, kind }] of names) {
    const text = values[option];
    if (Array.isArray(text)) options[name] = text;
    else if (typeof text === 'string') options[name] = kind.startsWith('number') ? numberOr(text) : text;
  }
  const flags = Object.fromEntries(Object.keys(FLAGS).map((flag) => [flag, values[flag] === true]));
  const settings = Object.fromEntries(Object.keys(SETTINGS).map((setting) => [setting, values[setting]]));
  return { options, flags: flags as Arguments['flags'], settings: settings as Arguments['settings'] };
}

/** The number that `text` writes, or the text for the schema to refuse. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}

import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { describeOptions } from '@flotilla/server/internal';
import type { ArgsDef, CommandDef } from 'citty';

/** Flags of the command line that are not options of a run. */
const FLAGS = {
  json: 'print the summary as one JSON object on stdout, and nothing else there',
  explain: 'print the constants, formulas and values that the run would have, instead of running',
  quiet: 'print no progress and no closing table',
  help: 'show this',
  version: 'show the version',
} as const;

const SHORT: Readonly<Record<string, string>> = { help: 'h', version: 'v', quiet: 'q' };

/** Options that may be given again and again, by the flag that adds one value. */
const REPEATED: Readonly<Record<string, string>> = { plugins: 'plugin' };

/** targetLoss → target-loss */
const dashed = (name: string) => REPEATED[name] ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export interface Arguments {
  /** Options of the run, still unchecked. */
  readonly options: Record<string, unknown>;
  readonly flags: Readonly<Record<keyof typeof FLAGS, boolean>>;
}

/**
 * Reads a command line. Strict, unlike citty's own parser: an unknown option, a missing value or a stray word is an error.
 * @throws UsageError
 */
export function readArguments(argv: readonly string[]): Arguments {
  const names = new Map(describeOptions().map((option) => [dashed(option.name), option]));
  const known: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {};
  for (const [option, { kind }] of names) known[option] = { type: 'string', multiple: kind === 'list' };
  for (const flag of Object.keys(FLAGS)) {
    const short = SHORT[flag];
    known[flag] = short === undefined ? { type: 'boolean' } : { type: 'boolean', short };
  }
  let values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  try {
    // `pnpm start -- --workers 20` hands the separator on
    ({ values } = parseArgs({ args: argv.filter((arg, k) => arg !== '--' || k > 0), options: known, strict: true }));
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
  return { options, flags: flags as Arguments['flags'] };
}

/** The number that `text` writes, or the text for the schema to refuse. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}

/** The command as citty describes it, for its help page. */
export function describeCommand(program: string): CommandDef {
  const args: ArgsDef = {};
  for (const { name, description, preset } of describeOptions()) {
    args[dashed(name)] = {
      type: 'string',
      description,
      ...(preset === undefined ? {} : { default: String(preset) }),
    };
  }
  for (const [flag, description] of Object.entries(FLAGS)) {
    args[flag] = { type: 'boolean', description, alias: SHORT[flag] === undefined ? [] : [SHORT[flag]] };
  }
  return {
    meta: {
      name: program,
      description: 'Trains with compressed communication over worker threads and measures every byte.',
    },
    args,
  };
}

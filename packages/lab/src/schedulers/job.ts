import { methods, problems, Spec, UsageError } from '@flotilla/core';
import { lookUp, lookUpProblem, parseProblem, printed } from '@flotilla/core/internal';
import { type Options, parseOptions } from '@flotilla/server';
import { brokerOf, offeredOptions } from '@flotilla/server/internal';
import { declaredForStart, declaredOptions, readArguments } from '../cli/arguments.js';
import { withConfig } from '../cli/config-file.js';
import { SETTINGS } from '../cli/flags.js';
import { type CommandLine, type Declared, readCommandLine } from '../terminal/command-line.js';

/** A run that a scheduler starts: words of command lines, and what they come to. */
export interface Job {
  /** The run's options, checked. */
  readonly options: Options;
  /** What `start` is told for the run to begin, but for its folder and the broker. */
  readonly begin: readonly string[];
  /** What it is told besides `--resume` for the run to go on. */
  readonly goOn: readonly string[];
  /** What `worker` has to be told because no message may name it: files and modules. */
  readonly host: readonly string[];
}

/** Options of `start` that are the scheduler's to give. */
const CONNECTION = ['nats', 'run', 'nats-nkey', 'nats-token', 'nats-ca'] as const;
export type Connection = Partial<Record<(typeof CONNECTION)[number], string>>;

/**
 * Reads the words behind a command that starts runs elsewhere: options of its own, and those of `start` for the run, which `job`
 * checks together with a broker.
 * @throws UsageError
 */
export function readJob<const D extends Readonly<Record<string, Declared>>>(
  words: readonly string[],
  own: D,
): {
  own: CommandLine<D>['values'];
  connection: Connection;
  out: string | undefined;
  job: (broker: Connection) => Job;
} {
  const { config, trust } = { config: SETTINGS.config, trust: declaredForStart().trust as Declared };
  const declared = { ...declaredOptions(), config, trust };
  const line = readCommandLine(words, { ...declared, ...own });
  const [stray] = line.positionals;
  if (stray !== undefined) throw new UsageError(`unexpected ${printed(stray)}: options are written --name value`);
  const values = line.values as Readonly<Record<string, boolean | string | readonly string[] | undefined>>;
  const { transport = 'nats', out } = values;
  if (transport !== 'nats') throw new UsageError(`--transport cannot be ${printed(transport)} here: it is nats`);
  const left = new Set<string>([...CONNECTION, 'transport', 'out', ...Object.keys(own)]);
  const begin = Object.keys(declared).flatMap((name) => (left.has(name) ? [] : wordsOf(name, values[name])));
  const given = CONNECTION.filter((name) => !(name in own) && values[name] !== undefined);
  return {
    own: line.values as CommandLine<D>['values'],
    connection: Object.fromEntries(given.map((name) => [name, values[name]])) as Connection,
    out: out as string | undefined,
    job: (broker) => jobOf(begin, values, broker),
  };
}

function wordsOf(name: string, value: boolean | string | readonly string[] | undefined): string[] {
  if (value === undefined) return [];
  if (typeof value === 'boolean') return [value ? `--${name}` : `--no-${name}`];
  return [value].flat().map((one) => `--${name}=${one}`);
}

function jobOf(
  begin: readonly string[],
  { config, trust }: Readonly<Record<string, unknown>>,
  { nats = 'nats://127.0.0.1', run = 'any', ...credentials }: Connection,
): Job {
  const { options: given } = readArguments(begin);
  const merged = withConfig(given, config as string | undefined, trust === true);
  const options = parseOptions({ ...merged, transport: 'nats', nats, run });
  const { 'nats-nkey': natsNkey, 'nats-token': natsToken, 'nats-ca': natsCa } = credentials;
  brokerOf({ ...options, natsNkey, natsToken, natsCa });
  // names that no plug-in can have; the rest is known where there are data
  if (options.plugins.length === 0) {
    lookUp('method', methods, Spec.parse('method', options.method).name);
    const problem = parseProblem(options.problem);
    if (problem.module === undefined) lookUpProblem(problems, problem);
  }
  const offered = JSON.parse(offeredOptions(options)) as Record<string, unknown>;
  const files = (['problem', 'data', 'init'] as const).flatMap((name) =>
    name in offered ? [] : wordsOf(name, options[name] as string | undefined),
  );
  return {
    options,
    begin,
    goOn: begin.filter((word) => !word.startsWith('--config=')),
    host: [...files, ...wordsOf('plugin', options.plugins as readonly string[])],
  };
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { methods, problems, UsageError } from '@flotilla/core';
import { dataSource, printed, readRegular, reasonOf } from '@flotilla/core/internal';
import { describeOptions, mergeOptions } from '@flotilla/server/internal';

type Options = Readonly<Record<string, unknown>>;

/** A configuration is a few hundred bytes. */
const MAX_BYTES = 1 << 20;

/**
 * Options of a run's config.json (or of the folder that has one) under those that were given. `out` is not taken over.
 * @param path The configuration; without one the given options are all.
 * @param trusted Whether it may name modules and commands, which run.
 * @throws UsageError
 */
export function withConfig(given: Options, path: string | undefined, trusted: boolean): Options {
  if (path === undefined) return given;
  const { out: _, ...config } = mergeOptions(readConfig(path), {});
  const taken = Object.fromEntries(Object.entries(withoutFilledIn(config, given)).filter(([name]) => !(name in given)));
  const code = codeNamedBy(taken);
  if (code.length > 0 && !trusted) {
    throw new UsageError(
      `--config ${printed(path)} names code that would run: ${code.join(', ')}; --trust lets it, if you know it`,
    );
  }
  return mergeOptions(taken, given);
}

function readConfig(path: string): Record<string, unknown> {
  let config: unknown;
  try {
    config = JSON.parse(readRegular(statSync(path).isDirectory() ? join(path, 'config.json') : path, MAX_BYTES));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : reasonOf(cause);
    throw new UsageError(`--config ${printed(path)} cannot be read: ${reason}`, { cause });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UsageError(`--config ${printed(path)} is not an object of options, as a run's config.json is`);
  }
  const known = new Set<string>(describeOptions().map(({ name }) => name));
  const unknown = Object.keys(mergeOptions({ ...config }, {})).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new UsageError(`--config ${printed(path)} has ${printed(unknown[0])}, which is no option of a run`);
  }
  return { ...config };
}

/**
 * A configuration less what its method, problem or data had filled in, where another one is given: what they have of their own
 * is not meant for others.
 */
function withoutFilledIn(config: Options, given: Options): Options {
  const dropped = new Set<string>();
  const drop = (name: string, own: unknown) => {
    if (config[name] === own) dropped.add(name);
  };
  const method = builtIn(methods, config.method);
  if ('method' in given && method !== undefined) {
    drop('uplink', method.uplink);
    drop('downlink', method.downlink);
  }
  const problem = builtIn(problems, config.problem);
  if ('problem' in given && problem !== undefined) {
    drop('init', problem.init);
    if (problem.data === 'samples') drop('data', 'mnist');
  }
  if ('problem' in given || 'data' in given) drop('split', usualSplit(config.data));
  return Object.fromEntries(Object.entries(config).filter(([name]) => !dropped.has(name)));
}

function builtIn<T>(registry: Readonly<Record<string, T>>, spec: unknown): T | undefined {
  const [name = ''] = String(spec).split(':');
  return Object.hasOwn(registry, name) ? registry[name] : undefined;
}

function usualSplit(data: unknown): string {
  try {
    return dataSource(String(data)).split;
  } catch {
    return 'contiguous';
  }
}

/** Built-in problems that run a command. */
const COMMANDS = new Set(['external']);

/** What of a configuration is code: modules, and whatever is not built in. */
function codeNamedBy(config: Options): string[] {
  const { plugins = [] } = config;
  const named = (Array.isArray(plugins) ? plugins : [plugins]).map((module) => `plugin ${printed(module)}`);
  for (const [kind, registry] of Object.entries({ method: methods, problem: problems })) {
    const spec = config[kind];
    if (spec === undefined) continue;
    const [name = ''] = String(spec).split(':');
    if (!Object.hasOwn(registry, name) || COMMANDS.has(name)) named.push(`${kind} ${printed(spec)}`);
  }
  return named;
}

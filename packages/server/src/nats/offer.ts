import { createHash } from 'node:crypto';
import { FlotillaError, UsageError } from '@flotilla/core';
import { checkInit, dataNames, parseProblem, printed } from '@flotilla/core/internal';
import type { Identity } from '@flotilla/protocol/nats';
import { hashOfData, identityOf } from '../checkpoint/identity.js';
import { isInitFile } from '../model/starting-point.js';
import { type Options, type OptionsInput, parseOptions } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';

/** The options that a host needs to plan the same job. None is a path or code: those are named by whoever starts the host. */
const OFFERED: readonly (keyof Options)[] = [
  ...(['method', 'problem', 'data', 'indexBase', 'labelColumn', 'header', 'split', 'workers'] as const),
  ...(['uplink', 'downlink', 'stepSize', 'init', 'seed', 'wire', 'precision', 'dense', 'batch', 'batchDense'] as const),
];

/** What a host's own command line may name, because it may name what a message may not. */
export type OwnOptions = Pick<OptionsInput, 'problem' | 'data' | 'init' | 'plugins'>;

/** A run's options as they are offered: what must not come from a message is left out. */
export function offeredOptions(options: Options): string {
  const offered: Record<string, unknown> = {};
  for (const name of OFFERED) {
    const value = options[name];
    if (value !== undefined && isOffered(name, value)) offered[name] = value;
  }
  return JSON.stringify(offered);
}

/**
 * The options of an offer together with a host's own. Nothing of an offer is taken that would be opened, imported or run.
 * @throws FlotillaError `protocol` for what no server of ours offers, UsageError for options that are missing here
 */
export function optionsOf(offered: string, own: OwnOptions): Options {
  const found = parsed(offered);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw refused('is no record');
  for (const [name, value] of Object.entries(found)) {
    if (!(OFFERED as readonly string[]).includes(name)) throw refused(`names ${printed(name)}`);
    if (!isOffered(name, value)) throw refused(`has ${name} ${printed(value)}, which is none of the built-in names`);
  }
  for (const name of ['problem', 'data', 'init'] as const) {
    const mine = own[name];
    if (mine !== undefined && name in found && found[name] !== mine) {
      throw new UsageError(`--${name} ${printed(mine)} is not the run's, which is ${printed(found[name])}`);
    }
  }
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return parseOptions({ ...found, ...given } as OptionsInput);
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw refused('is no JSON');
  }
}

function isOffered(name: string, value: unknown): boolean {
  if (typeof value !== 'string') return typeof value === 'number';
  if (name === 'data') return dataNames().includes(value);
  if (name === 'problem') return parseProblem(value).module === undefined;
  if (name !== 'init' || isInitFile(value)) return name !== 'init';
  try {
    checkInit(value);
    return true;
  } catch {
    return false;
  }
}

const refused = (what: string) => new FlotillaError('protocol', `the run's offer ${what}`);

/** What must be the same at the server and at a host: hashes of the job, of what was loaded, and of the code that the run names. */
export async function sharedIdentity(options: Options, { job, problemData, start }: RunPlan): Promise<Identity> {
  const { version, wire, modules } = await identityOf({ ...options, data: undefined, validation: undefined });
  return {
    version,
    wireVersion: wire,
    // a module is called as each side has it, and its data likewise: contents are compared
    job: digest(JSON.stringify({ ...job, data: undefined, problem: withoutPath(job.problem) })),
    data: digest(hashOfData({ problemData: withoutName(problemData), start } as never)),
    modules: digest(JSON.stringify(Object.values(modules))),
  };
}

/** Data sets are called by their paths, which each side has its own of. */
function withoutName(problemData: object): object {
  const { data, ...others } = problemData as { data?: object };
  return data === undefined || !('name' in data) ? problemData : { ...others, data: { ...data, name: '' } };
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

/** A problem's parameters behind its name; behind the path, where it is a module. */
function withoutPath(problem: string): string {
  const { module } = parseProblem(problem);
  return module === undefined ? problem : problem.slice(problem.indexOf(module) + module.length);
}

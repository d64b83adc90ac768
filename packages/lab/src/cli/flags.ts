import type { Declared } from '../terminal/command-line.js';

export type FlagName = 'json' | 'explain' | 'quiet' | 'help' | 'all' | 'version';

/** A flag: given or not, without a value. */
const flag = (description: string, short?: string): Declared & { readonly description: string } =>
  short === undefined ? { type: 'boolean', description } : { type: 'boolean', description, short };

/** What `start` takes beside the options of a run. */
export const FLAGS: Readonly<Record<FlagName, ReturnType<typeof flag>>> = {
  json: flag('print the summary as one JSON object on stdout, and nothing else there'),
  explain: flag('print the constants, formulas and values that the run would have, instead of running'),
  quiet: flag('print no progress and no closing table', 'q'),
  help: flag('show the usual options', 'h'),
  all: flag('with --help: show every option'),
  version: flag('show the version', 'v'),
};

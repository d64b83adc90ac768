import type { Declared } from '../terminal/command-line.js';

export type FlagName = 'json' | 'explain' | 'measure' | 'quiet' | 'trust' | 'force' | 'help' | 'all' | 'version';

/** A flag: given or not, without a value. */
const flag = (description: string, short?: string): Declared & { readonly description: string } =>
  short === undefined ? { type: 'boolean', description } : { type: 'boolean', description, short };

/** What `start` takes beside the options of a run. */
export const FLAGS: Readonly<Record<FlagName, ReturnType<typeof flag>>> = {
  json: flag('print the summary as one JSON object on stdout, and nothing else there'),
  explain: flag('print the constants, formulas and values that the run would have, instead of running'),
  measure: flag('with --explain: measure the smoothness constants along a short run from x⁰'),
  quiet: flag('print no progress and no closing table', 'q'),
  trust: flag('let a configuration or a resumed folder name modules or commands that then run'),
  force: flag('with --resume: go on also with other code or data than the run began with'),
  help: flag('show the usual options', 'h'),
  all: flag('with --help: show every option'),
  version: flag('show the version', 'v'),
};

export type SettingName = 'dashboard' | 'seeds' | 'config' | 'resume';

/** What `start` takes with a value and is no option of one run. */
export const SETTINGS = {
  dashboard: {
    type: 'string',
    optional: /^\d+$/,
    placeholder: 'PORT',
    description: 'watch the run in a browser: a page on this machine, at this port or any that is free',
  },
  seeds: {
    type: 'string',
    placeholder: 'A,B,…',
    description: 'one run a seed: 0..4, or names such as 1,2,7; folders <out>/seed-<s>',
  },
  config: {
    type: 'string',
    path: true,
    placeholder: 'FILE',
    description: "options from a run's config.json or its folder; those on the command line win",
  },
  resume: {
    type: 'string',
    path: true,
    placeholder: 'DIR',
    description: 'go on with the run in this folder, from its newest checkpoint, bit for bit',
  },
} as const satisfies Record<SettingName, Declared>;

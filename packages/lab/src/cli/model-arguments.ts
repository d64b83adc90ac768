import { UsageError } from '@flotilla/core';
import type { UseOptions } from '@flotilla/server';
import type { CommandLine, Declared } from '../terminal/command-line.js';

/** What `evaluate` and `predict` take both. */
export const MODEL_OPTIONS = {
  data: { type: 'string', path: true, placeholder: 'DATA', description: 'a name or a path, as for start' },
  problem: {
    type: 'string',
    placeholder: 'SPEC',
    description: 'the problem, in place of the one that the model names',
  },
  plugin: {
    type: 'string',
    path: true,
    multiple: true,
    placeholder: 'FILE',
    description: 'a module with the problem that the model was trained for; its code runs',
  },
  trust: { type: 'boolean', description: 'import the module that the model names as its problem' },
} as const satisfies Record<string, Declared>;

/** The run whose model is used, and on what. @throws UsageError */
export function modelAndData(
  command: string,
  positionals: readonly string[],
  { data, problem, plugin, trust }: CommandLine<typeof MODEL_OPTIONS>['values'],
): { readonly run: string; readonly use: UseOptions } {
  const [run] = positionals;
  if (run === undefined || positionals.length > 1) {
    throw new UsageError(`${command} needs one run folder, or the model.safetensors of one`);
  }
  if (data === undefined) throw new UsageError(`${command} needs --data, a name or a path`);
  return { run, use: { data, problem, plugins: plugin, trust } };
}

import { UsageError } from '@flotilla/core';
import type { UseOptions } from '@flotilla/server';
import type { Declared } from '../terminal/command-line.js';

/** What `evaluate` and `predict` take both. */
export const MODEL_OPTIONS = {
  data: { type: 'string', path: true, placeholder: 'DATA', description: 'a name or a path, as for start' },
  plugin: {
    type: 'string',
    path: true,
    multiple: true,
    placeholder: 'FILE',
    description: 'a module with the problem that the model was trained for; its code runs',
  },
} as const satisfies Record<string, Declared>;

/** The run whose model is used, and on what. @throws UsageError */
export function modelAndData(
  command: string,
  positionals: readonly string[],
  { data, plugin }: { readonly data?: string | undefined; readonly plugin?: readonly string[] | undefined },
): { readonly run: string; readonly use: UseOptions } {
  const [run] = positionals;
  if (run === undefined || positionals.length > 1) {
    throw new UsageError(`${command} needs one run folder, or the model.safetensors of one`);
  }
  if (data === undefined) throw new UsageError(`${command} needs --data, a name or a path`);
  return { run, use: { data, plugins: plugin } };
}

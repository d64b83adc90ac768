import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import type { UseOptions } from '@flotilla/server';
import { parseOrRefuse } from '../terminal/program.js';

/** What `evaluate` and `predict` are asked. */
export interface ModelArguments {
  readonly help: boolean;
  /** A run folder or a model.safetensors. */
  readonly run: string;
  readonly use: UseOptions;
  readonly out: string | undefined;
  readonly json: boolean;
}

/** The options that both commands take, for their help. */
export const MODEL_OPTIONS = `  RUN             a run folder, or the model.safetensors of one
  --data DATA     a name or a path, as for start
  --plugin FILE   a module with the problem that the model was trained for; its code runs
`;

/** Reads the command line of `evaluate` and `predict`. @throws UsageError */
export function readModelArguments(command: string, argv: readonly string[]): ModelArguments {
  const { values, positionals } = parseOrRefuse(
    () =>
      parseArgs({
        args: [...argv],
        options: {
          data: { type: 'string' },
          plugin: { type: 'string', multiple: true },
          out: { type: 'string' },
          json: { type: 'boolean' },
          help: { type: 'boolean', short: 'h' },
        },
        allowPositionals: true,
      }),
    ['data', 'plugin', 'out', 'json', 'help'],
  );
  const { data = '', plugin, out, json = false, help = false } = values;
  const [run = ''] = positionals;
  if (!help) {
    if (positionals.length !== 1 || run === '') throw new UsageError(`${command} needs the folder of one run`);
    if (data === '') throw new UsageError(`${command} needs --data, a name or a path`);
    if (out === '') throw new UsageError('--out needs a path');
  }
  return { help, run, use: { data, plugins: plugin }, out, json };
}

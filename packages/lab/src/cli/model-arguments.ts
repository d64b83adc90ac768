import { UsageError } from '@flotilla/core';
import { parseDecimal } from '@flotilla/core/internal';
import { parseOptions, type UseOptions } from '@flotilla/server';
import { formatOf } from '@flotilla/server/internal';
import type { CommandLine, Declared } from '../terminal/command-line.js';

/** What `evaluate` and `predict` take both. */
export const MODEL_OPTIONS = {
  data: { type: 'string', path: true, placeholder: 'DATA', description: 'a name or a path, as for start' },
  'index-base': { type: 'string', placeholder: '0|1|auto', description: 'of a LIBSVM file; default: as for the run' },
  'label-column': {
    type: 'string',
    placeholder: 'COLUMN',
    description: 'of a CSV or NumPy file; default: as for the run',
  },
  header: { type: 'string', placeholder: 'auto|true|false', description: 'of a CSV file; default: as for the run' },
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
  values: CommandLine<typeof MODEL_OPTIONS>['values'],
): { readonly run: string; readonly use: UseOptions } {
  const { data, problem, plugin, trust } = values;
  const [run] = positionals;
  if (run === undefined || positionals.length > 1) {
    throw new UsageError(`${command} needs one run folder, or the model.safetensors of one`);
  }
  if (data === undefined) throw new UsageError(`${command} needs --data, a name or a path`);
  // as start reads them
  const { indexBase, labelColumn, header } = parseOptions({
    ...given('indexBase', parseDecimal(values['index-base'] ?? '') ?? values['index-base']),
    ...given('labelColumn', values['label-column']),
    ...given('header', values.header),
  });
  return { run, use: { data, problem, plugins: plugin, trust, ...formatOf({ indexBase, labelColumn, header }) } };
}

const given = (name: string, value: unknown) => (value === undefined ? {} : { [name]: value });

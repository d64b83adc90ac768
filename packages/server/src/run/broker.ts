import { optionError, printed } from '@flotilla/core/internal';
import { checkNats, type NatsOptions, subjectsOf } from '@flotilla/protocol';
import type { Options } from './options.js';

/** Options that say which broker a run is on, and as what. */
export const BROKER_OPTIONS = [
  'nats',
  'run',
  'natsNkey',
  'natsToken',
  'natsCa',
  'minWorkers',
  'sendData',
] as const satisfies readonly (keyof Options)[];

/** The broker of a run, and the run's name there; undefined for a run without. @throws UsageError */
export function brokerOf(options: Options): { readonly run: string; readonly settings: NatsOptions } | undefined {
  const { transport, nats: url, run, natsNkey: nkey, natsToken: token, natsCa: ca } = options;
  if (transport !== 'nats') {
    for (const name of BROKER_OPTIONS) {
      if (options[name] !== undefined)
        throw optionError(name, `${printed(options[name])} is for transport nats, and this is ${transport}`);
    }
    return undefined;
  }
  if (url === undefined)
    throw optionError('nats', 'must name the broker, such as nats://127.0.0.1:4222, with transport nats');
  if (run === undefined)
    throw optionError('run', 'must name the run, in letters, digits, - and _, with transport nats');
  subjectsOf(run);
  for (const name of ['link', 'linkModel'] as const) {
    if (options[name] === undefined) continue;
    throw optionError(
      name,
      `${printed(options[name])} is for links within one process: with transport nats they are what they are`,
    );
  }
  const { minWorkers, workers } = options;
  if (minWorkers !== undefined && minWorkers > workers) {
    throw optionError('minWorkers', `${minWorkers} must be at most the run's workers, which are ${workers}`);
  }
  if (nkey !== undefined && token !== undefined) throw optionError('natsToken', 'and an NKey cannot both be given');
  const settings = { url, nkey, token, ca };
  checkNats(settings);
  return { run, settings };
}

import { type Job, runNumber } from '@flotilla/protocol';
import type { Options, TransportName } from './options.js';

/** Transports whose frames stay in the memory of one process, where nothing changes them on the way. */
const IN_MEMORY: ReadonlySet<TransportName> = new Set(['threads', 'loopback']);

/**
 * The number that the checksums of a run's frames are mixed with; undefined when its frames have none. Its texts and numbers decide
 * every frame, so that two runs of one number send the same.
 */
export function checksumRun(options: Options, ...decisive: readonly [Job, ...object[]]): number | undefined {
  const { checksum, transport, coins } = options;
  if (checksum === 'off' || (checksum === 'auto' && IN_MEMORY.has(transport))) return undefined;
  return runNumber(JSON.stringify([coins, ...decisive]));
}

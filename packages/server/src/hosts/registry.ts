import type { Runtime } from '@flotilla/core';
import type { Options, TransportName } from '../run/options.js';
import type { Hosts, Transport } from './fleet.js';
import { loopback } from './loopback.js';
import { threads } from './threads.js';

/** Every transport there is, by its name. */
const transports: Readonly<Record<TransportName, Transport>> = { threads, loopback };

/** Starts the hosts of the transport that the options name: as early as can be, because threads take their time. */
export function startHosts(options: Options, runtime: Runtime): Hosts {
  return transports[options.transport].start(options, runtime);
}

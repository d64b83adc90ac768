import type { Runtime } from '@flotilla/core';
import type { Options, TransportName } from '../run/options.js';
import type { Hosts, Transport } from './fleet.js';
import { loopback } from './loopback.js';
import { nats } from './nats.js';
import { threads } from './threads.js';

/** Every transport there is, by its name. */
const transports: Readonly<Record<TransportName, Transport>> = { threads, loopback, nats };

/** Starts the hosts of the transport that the options name: as early as can be, because threads take their time. */
export function startHosts(options: Options, runtime: Runtime, note: (line: string) => void = () => undefined): Hosts {
  return transports[options.transport].start(options, runtime, note);
}

import type { Runtime } from '@flotilla/core';
import type { Options, TransportName } from '../run/options.js';
import type { Hosts, Transport } from './fleet.js';
import { loopback } from './loopback.js';
import { threads } from './threads.js';

/** Every transport there is, by its name. */
const transports: Readonly<Record<TransportName, Transport>> = {
  threads,
  loopback,
  nats: later(() => import('./nats.js')),
};

/** A transport whose code is loaded when it is asked for: what few runs have shall cost the others no time to start. */
function later(load: () => Promise<{ readonly nats: Transport }>): Transport {
  return {
    start(options, runtime, note) {
      const hosts = load().then(({ nats }) => nats.start(options, runtime, note));
      // told when they are opened
      hosts.catch(() => undefined);
      return {
        open: async (...all) => (await hosts).open(...all),
        close: async (...all) => (await hosts).close(...all),
      };
    },
  };
}

/** Starts the hosts of the transport that the options name: as early as can be, because threads take their time. */
export function startHosts(options: Options, runtime: Runtime, note: (line: string) => void = () => undefined): Hosts {
  return transports[options.transport].start(options, runtime, note);
}

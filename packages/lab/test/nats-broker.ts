import { hasBroker as isThere } from '../dist/bench/nats/broker.js';

export { Broker, type Connection, freePort } from '../dist/bench/nats/broker.js';

/** Whether there is a broker to test with; said once where there is none. */
export const hasBroker = isThere();
if (!hasBroker) console.warn('tests with a broker are skipped: apt-get install -y --no-install-recommends nats-server');

import { afterAll, beforeAll, describe, test } from 'vitest';
import { Broker, hasBroker } from './nats-broker.js';
import { everyMethod, expectOneHash } from './nats-methods.js';

describe.skipIf(!hasBroker)('every method: one hash over a broker, on threads and on the calling thread', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await Broker.start();
  });
  afterAll(() => broker.close());

  test.each(everyMethod)('%s', (method) => expectOneHash(broker.url, method));
});

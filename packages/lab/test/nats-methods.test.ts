import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Broker, hasBroker } from './nats-broker.js';
import { everyMethod, expectOneHash } from './nats-methods.js';

/** One of each kind that the other tests with a broker have not; all of them are in the long suite. */
const CHOSEN = [
  'vr-diana:batch=4',
  'vr-marina:batch=4,p=0.3',
  'pp-marina:sampled=2,p=0.3,downlink=participants',
  'dasha',
  'ef21-bc',
  'rand-mcm:memory=true',
];

test('they are among all', () => expect(everyMethod).toEqual(expect.arrayContaining(CHOSEN)));

describe.skipIf(!hasBroker)('one hash over a broker, on threads and on the calling thread', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await Broker.start();
  });
  afterAll(() => broker.close());

  test.each(CHOSEN)('%s', (method) => expectOneHash(broker.url, method));
});

import { fileURLToPath } from 'node:url';
import { methods } from '@flotilla/core';
import { joinRun, type TrainOptions, train } from '@flotilla/server';
import { expect } from 'vitest';

/**
 * What a method needs beside its name, so that few rounds have all that it does: dense ones and others, workers that are drawn
 * and some that are not.
 */
const SPECS: Readonly<Record<string, string>> = {
  'vr-marina': 'vr-marina:batch=4,p=0.3',
  'vr-diana': 'vr-diana:batch=4',
  marina: 'marina:p=0.3',
  'pp-marina': 'pp-marina:sampled=2,p=0.3',
  'marina-p': 'marina-p:p=0.3',
  m3: 'm3:p=0.3',
  core: 'core:m=2',
};
/** Variants whose messages are others. */
const VARIANTS = [
  'pp-marina:sampled=2,p=0.3,downlink=participants',
  'mcm:memory=true',
  'rand-mcm:memory=true',
  'vr-marina:online=true,large-batch=20,batch=4,p=0.3',
];
/** Every method there is. */
export const everyMethod = [...Object.keys(methods).map((name) => SPECS[name] ?? name), ...VARIANTS];

const WORKERS = 6;
// samples, because vr-diana and vr-marina draw some
const data = fileURLToPath(new URL('../../../test/unchanged/small.libsvm', import.meta.url));

/** The same options and seed come to the same bits and the same counters over a broker, on threads and on the calling thread. */
export async function expectOneHash(url: string, method: string): Promise<void> {
  const job: TrainOptions = {
    problem: 'nonconvex-logistic',
    data,
    method,
    workers: WORKERS,
    stepSize: 0.02,
    rounds: 12,
    evalEvery: 6,
    seed: 'every method',
    // as over a broker
    checksum: 'on',
  };
  const run = method.replace(/\W/g, '-');
  const nats = { url };
  const hosts = [
    joinRun({ nats, run, data, workers: { from: 0, to: 3 }, threads: 2 }),
    joinRun({ nats, run, data, workers: { from: 4, to: 5 }, threads: 1 }),
  ];
  const found = async (more: TrainOptions) => {
    const { xHash, rounds, loss, gradientCalls, uplink, downlink } = await train({ ...job, ...more }).result;
    return { xHash, rounds, loss, gradientCalls, uplink, downlink };
  };
  const over = await found({ transport: 'nats', nats: url, run });
  await Promise.all(hosts);
  const loopback = await found({ transport: 'loopback' });
  expect(over).toEqual(loopback);
  expect(await found({ transport: 'threads', threads: 2 })).toEqual(loopback);
  // the hash says something
  expect((await found({ transport: 'loopback', rounds: 11 })).xHash).not.toBe(loopback.xHash);
}

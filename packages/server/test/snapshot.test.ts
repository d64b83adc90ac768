import { afterEach, describe, expect, test } from 'vitest';
import { parseOptions, type TrainOptions } from '../dist/index.js';
import { Training, type TrainingState } from '../dist/training.js';

// describeMethod has every method go on from a snapshot in another run; here it is every compressor, any transport, and what
// lies beside the method: batches, counters, criteria, the clocks of links.

const open: Training[] = [];
afterEach(async () => {
  for (const training of open.splice(0)) await training.close();
});

async function start(options: TrainOptions): Promise<Training> {
  const training = await Training.open(parseOptions({ transport: 'loopback', ...options }));
  open.push(training);
  return training;
}

async function advance(training: Training, rounds: number): Promise<Training> {
  for (let round = 0; round < rounds; round++) await training.round();
  return training;
}

/** A snapshot at round 7, and what the run that goes on has come to at round 20. */
async function interrupted(options: TrainOptions): Promise<{ state: TrainingState; undisturbed: Training }> {
  const undisturbed = await advance(await start(options), 7);
  const state = await undisturbed.snapshot();
  await advance(undisturbed, 13);
  return { state, undisturbed };
}

const quadratic: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3',
  workers: 6,
  stepSize: 0.05,
};

const UNBIASED = [
  ...['identity', 'rand-k:k=7', 'same-rand-k:k=7', 'perm-k', 'bernoulli:p=0.3', 'natural', 'qsgd:levels=5'],
  ...['l2-quantization', 'natural-dithering:levels=4', 'natural-dithering:levels=4,p=2', 'core:m=9', 'packed'],
  ...['rand-k:k=12+natural', 'perm-k+qsgd:levels=3', 'rand-k:k=30+rand-k:k=10'],
];
const CONTRACTIVE = ['top-k:k=7', 'top-k:k=12+natural', 'scaled(rand-k:k=7)', 'natural'];

describe('restored at round 7, the same x at round 20, to the last bit', () => {
  test.each([
    ...UNBIASED.map((uplink): TrainOptions => ({ ...quadratic, method: 'm3:p=0.3', downlink: uplink, uplink })),
    ...CONTRACTIVE.map((uplink): TrainOptions => ({ ...quadratic, method: 'ef21', uplink })),
    ...CONTRACTIVE.map((downlink): TrainOptions => ({ ...quadratic, method: 'ef21-p-dcgd', downlink })),
  ])('$method, down $downlink, up $uplink', async (options) => {
    const { state, undisturbed } = await interrupted(options);
    const fresh = await start(options);
    await fresh.restore(state);
    expect(fresh.rounds).toBe(7);
    await advance(fresh, 13);
    expect(fresh.xHash()).toBe(undisturbed.xHash());
    for (const link of ['uplink', 'downlink'] as const) {
      expect(fresh.ledger.total(link)).toEqual(undisturbed.ledger.total(link));
    }
  });

  test.each([
    { ...quadratic, method: 'm3:p=0.3', coins: 'even' },
    { ...quadratic, method: 'm3:p=0.3', dense: 'packed', wire: 'f64' },
    { ...quadratic, method: 'm3:p=0.3', linkModel: 'up=1mbit..9mbit,down=2mbit,latency=3ms,compute=5ms,server=1ms' },
  ] satisfies TrainOptions[])('$method with $coins $dense $linkModel', async (options) => {
    const { state, undisturbed } = await interrupted(options);
    const fresh = await start(options);
    await fresh.restore(state);
    await advance(fresh, 13);
    expect(fresh.xHash()).toBe(undisturbed.xHash());
    expect((await fresh.evaluate()).modelSeconds).toEqual((await undisturbed.evaluate()).modelSeconds);
  });

  test.each([
    ['threads', 'loopback'],
    ['loopback', 'threads'],
    ['threads', 'threads'],
  ] as const)('taken on %s, gone on with on %s', async (from, to) => {
    // M3 on the autoencoder keeps the products of tracked points; its states are too long for a slot of shared memory
    const options: TrainOptions = { method: 'm3:p=0.2', workers: 3, threads: 2 };
    const taken = await interrupted({ ...options, transport: from });
    const fresh = await start({ ...options, transport: to, threads: 1 });
    await fresh.restore(taken.state);
    await advance(fresh, 13);
    expect(fresh.xHash()).toBe(taken.undisturbed.xHash());
  });
});

describe('methods that draw batches', () => {
  test.each([
    ...['vr-marina:batch=37,p=0.2', 'vr-marina:online=true,batch=20,large-batch=90,p=0.2', 'vr-diana:batch=37'],
  ])('%s goes on in the middle of an epoch', async (method) => {
    const options: TrainOptions = { method, workers: 4, stepSize: 0.0005, uplink: 'rand-k:k=1%' };
    const { state, undisturbed } = await interrupted(options);
    const fresh = await start(options);
    await fresh.restore(state);
    await advance(fresh, 13);
    expect(fresh.xHash()).toBe(undisturbed.xHash());
    const [own, other] = [await fresh.spent(), await undisturbed.spent()];
    expect(own.gradientCalls).toBe(other.gradientCalls);
  });
});

test('criteria remember the start: a relative target is relative to x⁰, wherever the run goes on', async () => {
  const options: TrainOptions = {
    problem: 'quadratic:d=60,sigma=0.3',
    workers: 6,
    method: 'gd',
    stepSize: 0.1,
    targetRelative: 1e-3,
    rounds: 500,
    evalEvery: 1,
  };
  const undisturbed = await (await start(options)).run();
  const first = await start({ ...options, rounds: 7 });
  await first.run();
  const fresh = await start(options);
  await fresh.restore(await first.snapshot());
  const { metrics, stopReason } = await fresh.run();
  expect(stopReason).toBe('target-relative');
  expect(metrics.round).toBe(undisturbed.metrics.round);
  expect(metrics.gradNormSq).toBe(undisturbed.metrics.gradNormSq);
});

test('a snapshot is counted nowhere, and changes nothing', async () => {
  const training = await advance(await start({ ...quadratic, method: 'marina:p=0.4' }), 5);
  const before = { ...training.ledger.frameBytes };
  const [one, two] = [await training.snapshot(), await training.snapshot()];
  expect(two).toEqual(one);
  expect(training.ledger.frameBytes).toEqual(before);
});

describe('a snapshot that is not of such a training is refused', () => {
  const refused = async (options: TrainOptions, change: (state: TrainingState) => TrainingState, message: RegExp) => {
    const state = await (await advance(await start({ ...quadratic, method: 'marina' }), 3)).snapshot();
    const fresh = await start({ ...quadratic, method: 'marina', ...options });
    const { message: said, code } = await fresh.restore(change(state)).then(
      () => ({ message: 'nothing', code: 'none' }),
      (error: { message: string; code: string }) => error,
    );
    expect(code).toBe('protocol');
    expect(said).toMatch(message);
  };
  const same = (state: TrainingState) => state;

  test('of another method', () => refused({ method: 'gd' }, same, /entry g too many/));
  test('of another dimension', () =>
    refused({ problem: 'heterogeneous-quadratic:d=61' }, same, /entry x of the state is Float64Array\(60\)/));
  test('of another number of workers', () => refused({ workers: 7 }, same, /cells|workers/));
  test('with a worker of another kind', () =>
    refused({}, (state) => ({ ...state, workers: state.workers.map(() => ({ round: 3 })) }), /seconds and calls/));
});

import { afterEach, describe, expect, test } from 'vitest';
import { parseOptions, type TrainOptions } from '../dist/index.js';
import { Training } from '../dist/training.js';
import type { TrainingState } from '../dist/training-state.js';

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

/** Samples for those that need some, and no more. */
const samples = {
  x: Float64Array.from({ length: 600 * 20 }, (_, k) => Math.sin(k * k)),
  shape: [600, 20] as [number, number],
  y: Float64Array.from({ length: 600 }, (_, k) => ((k * k) % 3) % 2),
};

describe('methods that draw batches', () => {
  test.each([
    ...['vr-marina:batch=37,p=0.2', 'vr-marina:online=true,batch=20,large-batch=90,p=0.2', 'vr-diana:batch=37'],
  ])('%s goes on in the middle of an epoch', async (method) => {
    await goesOn({ method, workers: 4, stepSize: 0.0005, uplink: 'rand-k:k=1%' });
  });

  // describeMethod has a batch for every method; here it is a batch of dense rounds beside it, and tracked points
  test.each([
    { method: 'm3:p=0.4', batch: 37, batchDense: 90 },
    { method: 'pp-marina:p=0.4,downlink=participants', batch: 37, batchDense: 90 },
  ] satisfies TrainOptions[])('$method with batch $batch and batchDense $batchDense', (options) =>
    goesOn({ ...options, workers: 4, stepSize: 0.0005 }),
  );

  async function goesOn(given: TrainOptions): Promise<void> {
    const options: TrainOptions = { ...given, problem: 'logistic', data: samples };
    const { state, undisturbed } = await interrupted(options);
    const fresh = await start(options);
    await fresh.restore(state);
    await advance(fresh, 13);
    expect(fresh.xHash()).toBe(undisturbed.xHash());
    const [own, other] = [await fresh.spent(), await undisturbed.spent()];
    expect(own.gradientCalls).toBe(other.gradientCalls);
  }
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

test('seconds and counters go on from where they were', async () => {
  const options: TrainOptions = { ...quadratic, method: 'marina:p=0.4', timeLimit: 1000 };
  const taken = await advance(await start(options), 7);
  const state = await taken.snapshot();
  const fresh = await start(options);
  await fresh.restore({ ...state, seconds: 999.5 });
  expect(fresh.seconds).toBe(999.5);
  const spent = await taken.spent();
  expect(await fresh.spent()).toEqual(spent);
  // the limit counts what was before
  await fresh.restore({ ...state, seconds: 1001 });
  expect((await fresh.run()).stopReason).toBe('time-limit');
  expect(fresh.rounds).toBe(7);
});

test('a run that had come to its end is at its end', async () => {
  const options: TrainOptions = { ...quadratic, method: 'gd', rounds: 8 };
  const first = await start(options);
  await first.run();
  expect((await first.run()).metrics.round).toBe(8);
  const fresh = await start(options);
  await fresh.restore(await first.snapshot());
  expect(await fresh.run()).toMatchObject({ stopReason: 'rounds', metrics: { round: 8 } });
});

describe('a snapshot that is not of such a training is refused, and changes nothing', () => {
  const options: TrainOptions = { ...quadratic, method: 'marina' };
  const refused = async (other: TrainOptions, change: (state: TrainingState) => unknown, message: RegExp) => {
    const state = await (await advance(await start(options), 3)).snapshot();
    const undisturbed = await advance(await start({ ...options, ...other }), 5);
    const training = await advance(await start({ ...options, ...other }), 2);
    const refusal = await training.restore(change(state) as TrainingState).then(
      () => ({ message: 'nothing', code: 'none' }),
      (error: { message: string; code: string }) => error,
    );
    expect(refusal.message).toMatch(message);
    expect(refusal.code).toBe('protocol');
    await advance(training, 3);
    expect(training.xHash()).toBe(undisturbed.xHash());
    expect(training.ledger.total('uplink')).toEqual(undisturbed.ledger.total('uplink'));
  };
  const same = (state: TrainingState) => state;
  const clocks = 'up=1mbit,down=2mbit,compute=5ms,server=1ms';

  test.each([
    ['of another method', { method: 'gd' }],
    ['of a method with the same state', { method: 'vr-marina:batch=1', problem: 'logistic', data: samples }],
    ['of another dimension', { problem: 'heterogeneous-quadratic:d=61' }],
    ['of another number of workers', { workers: 7 }],
    ['of another seed', { seed: 'another' }],
    ['of another step size', { stepSize: 0.04 }],
    ['of another wire', { wire: 'f64' }],
    ['of other coins', { coins: 'even' }],
    ['without links into modelled ones', { linkModel: clocks }],
  ] satisfies [string, TrainOptions][])('%s', (_what, other) =>
    refused(other, same, /^the state is of another training/),
  );

  test.each<[string, (state: TrainingState) => unknown, RegExp]>([
    ['nothing', () => undefined, /^not the state of a training/],
    ['no ledger', ({ ledger: _, ...state }) => state, /^not the state of a training: ledger/],
    ['a round that is none', (state) => ({ ...state, round: 1.5 }), /^not the state of a training: round/],
    ['seconds that are none', (state) => ({ ...state, seconds: Number.NaN }), /^not the state of a training: seconds/],
    ['fewer workers', (state) => ({ ...state, workers: state.workers.slice(1) }), /the states of 5 workers for 6/],
    [
      'a vector that is short',
      ({ method, ...state }) => ({ ...state, method: { ...method, x: new Float64Array(3) } }),
      /entry x/,
    ],
    [
      'a ledger of others',
      (state) => ({ ...state, ledger: { ...state.ledger, cells: new Float64Array(1) } }),
      /entry cells/,
    ],
  ])('%s', (_what, change, message) => refused({}, change, message));
});

describe.each(['loopback', 'threads'] as const)('what has failed can be put right, on %s', (transport) => {
  const options: TrainOptions = { ...quadratic, method: 'marina:p=0.4', transport, threads: 2 };
  const goesOn = async (training: Training, state: TrainingState) => {
    const undisturbed = await start(options);
    await undisturbed.restore(state);
    await training.restore(state);
    for (const one of [training, undisturbed]) await advance(one, 5);
    expect(training.xHash()).toBe(undisturbed.xHash());
  };

  /** A worker whose x is infinite sends what no frame can carry. The last one's is that of its whole thread. */
  const failRound = async (training: Training, state: TrainingState) => {
    const infinite = state.workers.map((worker, i) =>
      i === 5 ? { ...worker, 'method/x': new Float64Array(60).fill(Number.POSITIVE_INFINITY) } : worker,
    );
    await training.restore({ ...state, workers: infinite });
    await expect(training.round()).rejects.toMatchObject({ code: 'diverged' });
  };

  test('a worker that cannot take its state: no round until another snapshot is restored', async () => {
    const training = await advance(await start(options), 3);
    const state = await training.snapshot();
    const broken = state.workers.map((worker, i) => (i === 3 ? { round: 3, seconds: 0, calls: 0 } : worker));
    await expect(training.restore({ ...state, workers: broken })).rejects.toThrow(/^worker 3: the state has no entry/);
    await expect(training.round()).rejects.toThrow(/cannot go on from what failed before: worker 3/);
    await expect(training.snapshot()).rejects.toMatchObject({ code: 'protocol' });
    await goesOn(training, state);
  });

  test('a round that failed leaves the clocks of modelled links as they were', async () => {
    const linkModel = 'up=1mbit,down=2mbit,latency=3ms,compute=5ms';
    const training = await advance(await start({ ...options, linkModel }), 3);
    const state = await training.snapshot();
    const { modelSeconds } = await training.evaluate();
    await failRound(training, state);
    await training.restore(state);
    for (let time = 0; time < 3; time++) expect((await training.evaluate()).modelSeconds).toBe(modelSeconds);
  });

  test('a round that failed at a worker', async () => {
    const training = await advance(await start(options), 3);
    const state = await training.snapshot();
    await failRound(training, state);
    await expect(training.round()).rejects.toThrow(/cannot go on/);
    await goesOn(training, state);
  });
});

test('a training that is closed says so', async () => {
  const training = await start({ ...quadratic, method: 'gd', transport: 'threads', threads: 1 });
  await training.close();
  for (const work of [() => training.round(), () => training.snapshot(), () => training.evaluate()]) {
    await expect(work()).rejects.toThrow('the training is closed');
  }
});

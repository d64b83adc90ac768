import { methods, type Rng } from '@flotilla/core';
import type { OptionsInput } from '../../run/options.js';
import { pick } from './schedule.js';

/** Names of methods beside the bare one: parameters that lead another way through its halves. */
const SPECS: Readonly<Record<string, readonly string[]>> = {
  marina: ['marina:p=0.3'],
  'vr-marina': ['vr-marina:batch=4', 'vr-marina:batch=4,online=true,large-batch=9'],
  'vr-diana': ['vr-diana:batch=4'],
  'pp-marina': ['pp-marina:sampled=2,p=0.3', 'pp-marina:sampled=2,p=0.3,downlink=participants'],
  m3: ['m3:p=0.3', 'm3:p=0.3,beta=0.5'],
  'marina-p': ['marina-p:p=0.3'],
  core: ['core:m=2'],
  mcm: ['mcm', 'mcm:memory=true'],
  'rand-mcm': ['rand-mcm', 'rand-mcm:memory=true'],
};
const UNBIASED = ['rand-k:k=3', 'natural', 'qsgd:levels=3', 'rand-k:k=5+natural', 'bernoulli:p=0.4'];
const CONTRACTIVE = ['top-k:k=3', 'top-k:k=5+natural'];

/** Methods some of whose runs measure their step size first. */
const MEASURED: ReadonlySet<string> = new Set(['gd', 'diana', 'marina', 'm3']);

const PROBLEMS = [
  'heterogeneous-quadratic:d=12,nu=1,sigma=0.3',
  'quadratic:d=15',
  'heterogeneous-quadratic:d=40,nu=1,sigma=1',
];
const ON_SAMPLES = ['nonconvex-logistic', 'least-squares', 'logistic'];

const [N, q] = [40, 10];
/** What stands in a schedule for {@link samples}. */
const SAMPLES = 'samples';

/** Forty samples of ten features, and a label each: the data of every problem that needs some. */
const samples = {
  x: Float64Array.from({ length: N * q }, (_, k) => ((7 * k + (k % 13) * (k % 7)) % 23) / 11 - 1),
  shape: [N, q] as const,
  y: Float64Array.from({ length: N }, (_, s) => ((s * s) % 5 < 2 ? 1 : -1)),
};

/** The options of a schedule as `train` takes them. */
export function withData({ data, ...options }: OptionsInput): OptionsInput {
  return data === SAMPLES ? { ...options, data: samples } : options;
}

/** Draws a small run of a method. */
export function drawOptions(rng: Rng, name: string): OptionsInput {
  const method = methods[name];
  if (method === undefined) throw new Error(`no method ${name}; there are ${Object.keys(methods).join(', ')}`);
  const needsSamples = method.batches === true || method.stochastic !== undefined;
  const onSamples = method.batches === true || (needsSamples && rng.coin(0.5)) || rng.coin(0.1);
  const link = (way: 'uplink' | 'downlink') => {
    if (method[way] === undefined || rng.coin(0.4)) return undefined;
    const contractive = method.contractive === way || method.contractive === 'both';
    return pick(rng, contractive ? CONTRACTIVE : UNBIASED);
  };
  const [uplink, downlink] = [link('uplink'), link('downlink')];
  const rounds = pick(rng, [5, 9, 16, 30]);
  const checksum = rng.coin(0.75) ? 'on' : 'off';
  const batch = onSamples && method.stochastic !== undefined && method.stochastic !== 'parameter' && rng.coin(0.5);
  const measured = MEASURED.has(name) && uplink === undefined && downlink === undefined && rng.coin(0.3);
  return {
    method: name === 'dasha' && batch ? 'dasha:momentum=0.3' : pick(rng, SPECS[name] ?? [name]),
    problem: pick(rng, onSamples ? ON_SAMPLES : PROBLEMS),
    ...(onSamples && { data: SAMPLES }),
    workers: 2 + rng.below(4),
    ...(uplink && { uplink }),
    ...(downlink && { downlink }),
    ...(batch && { batch: 3 }),
    stepSize: measured ? 'measured*0.1' : 0.02,
    rounds,
    evalEvery: pick(rng, [1, 3, 7]),
    seed: String(rng.below(3)),
    checksum,
    wire: pick(rng, ['f32', 'f64']),
    ...(rng.coin(0.2) && { dense: 'packed' as const }),
    ...(rng.coin(0.2) && { coins: 'even' as const }),
    ...(rng.coin(0.15) && { output: pick(rng, ['best', 'uniform'] as const) }),
    ...(checksum === 'off' &&
      rng.coin(0.3) && { linkModel: 'up=1mbit..9mbit,down=2mbit,latency=3ms,compute=5ms,server=1ms' }),
    ...(rng.coin(0.15) && { targetRelative: 0.9 }),
    ...(rng.coin(0.1) && { maxBytes: 400 * rounds }),
  };
}

/** Draws how a run is to guard itself: options that no iterate depends on. */
export function drawCare(rng: Rng): OptionsInput {
  return {
    checkpointEvery: pick(rng, [1, 2, 4, 7, '0.02s', '0.2s', '60s', 'never']),
    maxRestarts: pick(rng, [0, 1, 3, 3, 3, 100]),
    roundTimeout: pick(rng, [1, 3]),
    ...(rng.coin(0.1) && { onStraggler: 'fail' as const }),
  };
}

// Long: one table of runs; its rows are read side by side.

import { createHash } from 'node:crypto';
import { train } from '../../packages/server/dist/index.js';

/** @typedef {import('../../packages/server/dist/index.js').TrainOptions} TrainOptions */
/** @typedef {import('../../packages/server/dist/index.js').Summary} Summary */
/** @typedef {import('../../packages/server/dist/index.js').Metrics} Metrics */
/** @typedef {{ rows: Metrics[], summary: Summary }} Outcome */

// Every option that bears on what a run computes is written out, so that a new default changes no row.

/** @type {TrainOptions} */
const explicit = { workers: 6, wire: 'f32', dense: 'plain', coins: 'independent', evalEvery: 5 };

/** @type {Record<string, TrainOptions>} */
const problems = {
  autoencoder: {
    problem: 'autoencoder:lambda=0.001',
    data: 'small.libsvm',
    split: 'shuffled',
    init: 'normal:0.1',
    stepSize: 0.02,
    rounds: 12,
  },
  'nonconvex-logistic': {
    problem: 'nonconvex-logistic:bias=true,lambda=0.001',
    data: 'small.libsvm',
    split: 'contiguous',
    init: 'zeros',
    stepSize: 0.5,
    rounds: 25,
  },
  'heterogeneous-quadratic': {
    problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3',
    init: 'normal:1',
    stepSize: 0.2,
    rounds: 25,
  },
  quadratic: { problem: 'quadratic:d=50,sigma=0.1', init: 'zeros', stepSize: 0.1, rounds: 25 },
};

/** @type {Record<string, TrainOptions & { samples?: boolean }>} */
const methods = {
  gd: { method: 'gd' },
  dcgd: { method: 'dcgd', uplink: 'rand-k:k=20%' },
  diana: { method: 'diana:alpha=0.2,estimator=gradient', uplink: 'rand-k:k=20%' },
  'vr-diana': { method: 'vr-diana:alpha=0.2,estimator=gradient,batch=4', uplink: 'rand-k:k=20%', samples: true },
  marina: { method: 'marina:p=0.2,downlink=dense', uplink: 'rand-k:k=20%' },
  'vr-marina': { method: 'vr-marina:p=0.2,batch=4,online=false', uplink: 'rand-k:k=20%', samples: true },
  'pp-marina': { method: 'pp-marina:p=0.2,sampled=3,downlink=broadcast', uplink: 'rand-k:k=20%' },
  'marina-p': { method: 'marina-p:p=0.2', downlink: 'perm-k' },
  m3: { method: 'm3:p-downlink=0.2,p-uplink=0.25,beta=0.3', uplink: 'rand-k:k=20%', downlink: 'perm-k' },
  'ef21-p': { method: 'ef21-p', downlink: 'top-k:k=20%' },
  'ef21-p-dcgd': { method: 'ef21-p-dcgd', uplink: 'rand-k:k=20%', downlink: 'top-k:k=20%' },
  core: { method: 'core:m=5' },
  ef21: { method: 'ef21', uplink: 'top-k:k=20%' },
  dasha: { method: 'dasha:a=0.1', uplink: 'rand-k:k=20%' },
  'ef21-bc': { method: 'ef21-bc', uplink: 'top-k:k=20%', downlink: 'top-k:k=20%' },
  'ef21-p-diana': { method: 'ef21-p-diana:beta=0.2', uplink: 'rand-k:k=20%', downlink: 'top-k:k=20%' },
  dore: { method: 'dore:alpha=0.2,beta=0.2,eta=0.15', uplink: 'rand-k:k=20%', downlink: 'rand-k:k=20%' },
  mcm: { method: 'mcm:alpha=0.2,memory=true', uplink: 'rand-k:k=20%', downlink: 'rand-k:k=20%', stepSize: 0.002 },
  'rand-mcm': {
    method: 'rand-mcm:alpha=0.2,memory=false',
    uplink: 'rand-k:k=20%',
    downlink: 'rand-k:k=20%',
    stepSize: 0.002,
  },
  'dist-ef-sgd': { method: 'dist-ef-sgd', uplink: 'top-k:k=20%', downlink: 'top-k:k=20%' },
};

/** @type {Record<string, TrainOptions>} */
const variants = {};

/**
 * @param {string} group
 * @param {TrainOptions} common
 * @param {Record<string, TrainOptions>} each
 */
function vary(group, common, each) {
  for (const [name, options] of Object.entries(each)) {
    variants[`${group}/${name}`] = { ...explicit, ...common, ...options };
  }
}

const m3 = 'm3:p-downlink=0.2,p-uplink=0.25,beta=0.3';
const marina = 'marina:p=0.2,downlink=dense';

vary('methods', problems['heterogeneous-quadratic'], {
  'marina downlink=delta': { method: 'marina:p=0.2,downlink=delta', uplink: 'rand-k:k=20%' },
  'marina downlink=delta perm-k': { method: 'marina:p=0.2,downlink=delta', uplink: 'perm-k' },
  'marina downlink=delta natural packed': {
    method: 'marina:p=0.2,downlink=delta',
    uplink: 'rand-k:k=20%+natural',
    dense: 'packed',
  },
  'marina mu': { method: 'marina:p=0.2,downlink=dense,mu=0.1', uplink: 'rand-k:k=20%' },
  'marina even coins': { method: marina, uplink: 'rand-k:k=20%', coins: 'even' },
  'pp-marina downlink=participants': {
    method: 'pp-marina:p=0.2,sampled=2,downlink=participants',
    uplink: 'rand-k:k=20%',
  },
  'pp-marina participants natural': {
    method: 'pp-marina:p=0.2,sampled=4,downlink=participants',
    uplink: 'rand-k:k=50%+natural',
    dense: 'packed',
  },
  'pp-marina even coins': { method: 'pp-marina:p=0.2,sampled=3,downlink=broadcast', uplink: 'natural', coins: 'even' },
  'diana estimator=shift': { method: 'diana:alpha=0.2,estimator=shift', uplink: 'rand-k:k=20%' },
  'm3 perm-k+natural rand-k+natural': { method: m3, downlink: 'perm-k+natural', uplink: 'rand-k:k=20%+natural' },
  'm3 even packed': {
    method: m3,
    downlink: 'perm-k+natural',
    uplink: 'rand-k:k=20%+natural',
    coins: 'even',
    dense: 'packed',
  },
  'm3 f64': { method: m3, downlink: 'perm-k', uplink: 'rand-k:k=20%', wire: 'f64' },
  'marina-p natural': { method: 'marina-p:p=0.2', downlink: 'rand-k:k=50%+natural' },
  'marina-p even coins': { method: 'marina-p:p=0.2', downlink: 'same-rand-k:k=20%', coins: 'even' },
  'core one projection': { method: 'core:m=1', stepSize: 0.01 },
  'core f64': { method: 'core:m=12', wire: 'f64' },
});
vary('methods', problems['nonconvex-logistic'], {
  'vr-marina online': { method: 'vr-marina:p=0.2,batch=4,online=true,large-batch=15', uplink: 'rand-k:k=20%' },
  'vr-diana estimator=shift': { method: 'vr-diana:alpha=0.2,estimator=shift,batch=4', uplink: 'rand-k:k=20%' },
  'vr-marina even f64': {
    method: 'vr-marina:p=0.2,batch=4,online=false',
    uplink: 'rand-k:k=20%+natural',
    coins: 'even',
    wire: 'f64',
  },
});
vary('methods', problems.autoencoder, {
  'autoencoder m3 perm-k+natural': { method: m3, downlink: 'perm-k+natural', uplink: 'rand-k:k=20%+natural' },
  'autoencoder m3 even packed': {
    method: m3,
    downlink: 'perm-k+natural',
    uplink: 'rand-k:k=20%+natural',
    coins: 'even',
    dense: 'packed',
  },
  'autoencoder vr-marina online': {
    method: 'vr-marina:p=0.2,batch=4,online=true,large-batch=15',
    uplink: 'rand-k:k=20%',
  },
  'autoencoder marina delta': { method: 'marina:p=0.2,downlink=delta', uplink: 'rand-k:k=5%' },
});
vary('dense', problems['heterogeneous-quadratic'], {
  'gd packed': { method: 'gd', dense: 'packed' },
  'gd packed f64': { method: 'gd', dense: 'packed', wire: 'f64' },
  'gd f64': { method: 'gd', wire: 'f64' },
  'ef21 packed': { method: 'ef21', uplink: 'top-k:k=20%', dense: 'packed' },
  'dasha packed f64': { method: 'dasha:a=0.1', uplink: 'rand-k:k=20%', dense: 'packed', wire: 'f64' },
});
vary('dense', problems.autoencoder, {
  'autoencoder gd packed': { method: 'gd', dense: 'packed' },
  'autoencoder gd f64': { method: 'gd', wire: 'f64' },
});

for (const uplink of [
  ...['identity', 'packed', 'rand-k:k=7', 'rand-k:k=d/n', 'same-rand-k:k=7', 'perm-k', 'bernoulli:p=0.5', 'natural'],
  ...['qsgd:levels=8', 'l2-quantization', 'natural-dithering:levels=8,p=inf', 'natural-dithering:levels=8,p=2'],
  ...['core:m=10', 'rand-k:k=50%+qsgd:levels=4', 'perm-k+natural', 'bernoulli:p=0.7+natural', 'rand-k:k=30%+packed'],
  ...['rand-k:k=50%+rand-k:k=50%', 'same-rand-k:k=40%+natural-dithering:levels=6', 'rand-k:k=30+l2-quantization'],
]) {
  vary(
    'compressors',
    { ...problems['heterogeneous-quadratic'], stepSize: 0.05 },
    { [uplink]: { method: marina, uplink } },
  );
}
for (const uplink of ['natural', 'qsgd:levels=8', 'l2-quantization', 'natural-dithering:levels=8,p=inf', 'core:m=10']) {
  vary(
    'compressors',
    { ...problems.quadratic, stepSize: 0.05, wire: 'f64' },
    { [`${uplink} f64`]: { method: marina, uplink } },
  );
}
for (const uplink of [
  ...[
    'top-k:k=9',
    'top-k:k=15%+natural',
    'natural',
    'scaled(rand-k:k=9)',
    'scaled(rand-k:k=50%+natural)',
    'top-k:k=45',
  ],
  ...['scaled(qsgd:levels=4)', 'top-k:k=9+qsgd:levels=16', 'identity'],
]) {
  vary('compressors', problems.quadratic, { [`ef21 ${uplink}`]: { method: 'ef21', uplink } });
}
vary(
  'compressors',
  { ...problems.quadratic, problem: 'quadratic:d=4,sigma=0.1' },
  {
    'perm-k, fewer coordinates than workers': { method: marina, uplink: 'perm-k' },
    'rand-k, one coordinate': { method: marina, uplink: 'rand-k:k=1' },
  },
);
// 65,536 symbols and more are coded in another way
const long = { ...problems.quadratic, problem: 'quadratic:d=70001,sigma=0.1', workers: 2, rounds: 4 };
vary('long messages', long, {
  natural: { method: 'dcgd', uplink: 'natural' },
  packed: { method: 'dcgd', uplink: 'packed', dense: 'packed' },
  qsgd: { method: 'dcgd', uplink: 'qsgd:levels=300' },
  'l2-quantization': { method: 'dcgd', uplink: 'l2-quantization', stepSize: 0.001 },
  'natural-dithering': { method: 'dcgd', uplink: 'natural-dithering:levels=20,p=inf' },
  'top-k': { method: 'ef21', uplink: 'top-k:k=1%' },
  'ef21-p top-k+natural': { method: 'ef21-p', downlink: 'top-k:k=10%+natural' },
});

vary(
  'splits',
  { ...problems['nonconvex-logistic'], method: marina, uplink: 'rand-k:k=20%' },
  {
    ...Object.fromEntries(
      ['contiguous', 'shuffled', 'label', 'dirichlet:alpha=0.3', 'dirichlet:alpha=100'].map((split) => [
        split,
        { split },
      ]),
    ),
    'autoencoder label': { ...problems.autoencoder, split: 'label' },
    'autoencoder dirichlet': { ...problems.autoencoder, split: 'dirichlet:alpha=0.3' },
  },
);
vary(
  'problems',
  { method: m3, uplink: 'rand-k:k=20%', downlink: 'perm-k', stepSize: 0.1, rounds: 20, init: 'zeros' },
  {
    logistic: { problem: 'logistic:bias=false,lambda=0.01', data: 'small.libsvm', split: 'shuffled' },
    'nonconvex-logistic, lambda of L': {
      problem: 'nonconvex-logistic:bias=true,lambda=0.1*L',
      data: 'small.libsvm',
      split: 'label',
    },
    'lower-bound': { problem: 'lower-bound:l=1,delta=1,t=30' },
    'fixed instance': { problem: 'heterogeneous-quadratic', data: 'instance.json' },
    'la2 and lb2': { problem: 'heterogeneous-quadratic:d=40,la2=1,lb2=4', init: 'reference' },
    'one worker': { ...problems.quadratic, workers: 1 },
    'more workers': { ...problems.quadratic, workers: 37 },
  },
);
vary(
  'links',
  { ...problems['heterogeneous-quadratic'], method: m3, uplink: 'rand-k:k=20%', downlink: 'perm-k' },
  {
    model: { linkModel: 'up=1mbit,down=2mbit,latency=5ms,compute=3ms,server=1ms' },
    'model half duplex': { linkModel: 'up=1mbit,down=1mbit,latency=1ms,duplex=half,compute=0ms,server=0ms' },
    'model ranges and lists': {
      linkModel: 'up=100kbit..10mbit,down=2x10mbit/1mbit,latency=0ms,compute=2ms,server=0ms',
    },
    'model gd': { method: 'gd', uplink: undefined, downlink: undefined, linkModel: 'up=1mbit,compute=1ms,server=1ms' },
    paced: { link: 'up=100mbit,down=100mbit,latency=1ms', rounds: 8 },
  },
);
vary(
  'stop rules',
  { ...problems['heterogeneous-quadratic'], method: 'gd', rounds: 300 },
  {
    target: { target: 5 },
    targetRelative: { targetRelative: 0.2 },
    targetLoss: { targetLoss: -5 },
    maxBytes: { maxBytes: 40_000 },
  },
);

const f32 = { precision: /** @type {const} */ ('f32') };
vary(
  'precision f32',
  { ...problems['heterogeneous-quadratic'], ...f32 },
  {
    gd: { method: 'gd' },
    'marina rand-k': { method: marina, uplink: 'rand-k:k=20%' },
    'marina downlink=delta natural packed': {
      method: 'marina:p=0.2,downlink=delta',
      uplink: 'rand-k:k=20%+natural',
      dense: 'packed',
    },
    'm3 perm-k rand-k': { method: m3, downlink: 'perm-k', uplink: 'rand-k:k=20%' },
    diana: { method: 'diana:alpha=0.2,estimator=gradient', uplink: 'qsgd:levels=8' },
    'ef21 top-k': { method: 'ef21', uplink: 'top-k:k=20%' },
    'ef21-p scaled': { method: 'ef21-p', downlink: 'scaled(rand-k:k=50%)' },
    'rand-mcm': { ...methods['rand-mcm'] },
    core: { method: 'core:m=5', stepSize: 0.01 },
    'pp-marina participants': {
      method: 'pp-marina:p=0.2,sampled=2,downlink=participants',
      uplink: 'rand-k:k=20%',
    },
  },
);
vary(
  'precision f32',
  { ...problems.autoencoder, ...f32 },
  {
    'autoencoder m3': { method: m3, downlink: 'perm-k', uplink: 'rand-k:k=20%' },
    'autoencoder vr-marina': { method: 'vr-marina:p=0.2,batch=4,online=false', uplink: 'rand-k:k=20%' },
  },
);
vary(
  'precision f32',
  { ...problems['nonconvex-logistic'], ...f32, method: marina, uplink: 'rand-k:k=20%' },
  { 'logistic marina': {}, 'logistic batch': { batch: 3 } },
);

// real data; a run reads it anew
const mnist = { data: 'mnist', split: 'shuffled', workers: 5, stepSize: 0.002, init: 'reference' };
vary('mnist', mnist, {
  'm3 autoencoder': {
    problem: 'autoencoder:lambda=0.001',
    rounds: 8,
    method: m3,
    downlink: 'perm-k+natural',
    uplink: 'rand-k:k=1254+natural',
    dense: 'packed',
  },
  'marina nonconvex-logistic': {
    problem: 'nonconvex-logistic:bias=true,lambda=0.001',
    rounds: 5,
    stepSize: 0.02,
    method: marina,
    uplink: 'rand-k:k=5%',
  },
});

const plugins = ['plugin.js'];
/** @type {Record<string, TrainOptions>} */
const pluginRuns = {
  'problem without data': { problem: 'bowls:d=30,c=1', init: 'zeros', stepSize: 0.2, method: m3, downlink: 'perm-k' },
  'problem with samples': {
    problem: 'squares',
    data: 'small.libsvm',
    split: 'label',
    init: 'reference',
    stepSize: 0.1,
    method: marina,
  },
  'batches of samples': {
    problem: 'squares',
    data: 'small.libsvm',
    split: 'shuffled',
    init: 'reference',
    stepSize: 0.1,
    method: 'vr-marina:p=0.2,batch=4,online=false',
  },
  'problem with an instance': {
    problem: 'listed',
    data: 'instance.json',
    init: 'normal:0.5',
    stepSize: 0.3,
    method: marina,
  },
  'problem without its instance': { problem: 'listed:d=9', init: 'normal:0.5', stepSize: 0.3, method: marina },
  'method and compressor': {
    problem: 'bowls:d=30,c=1',
    init: 'zeros',
    stepSize: 0.1,
    method: 'ball:beta=0.4',
    uplink: 'run:k=6+natural',
  },
  // what the plug-in itself says is left to it here
  'problem and method in f32': {
    problem: 'squares',
    data: 'small.libsvm',
    split: 'shuffled',
    init: 'reference',
    stepSize: 0.1,
    method: 'ball:beta=0.4',
    uplink: 'run:k=6',
    precision: 'f32',
  },
  'own defaults': { problem: 'bowls', method: 'ball', uplink: undefined },
  'own theory': {
    problem: 'squares',
    data: 'small.libsvm',
    split: 'shuffled',
    method: 'ball',
    stepSize: 'theory',
  },
};

/** Runs with the same options are one.
 * @type {Map<string, Promise<Outcome>>}
 */
const known = new Map();

/** @param {TrainOptions} options @returns {Promise<Outcome>} */
function outcome(options) {
  const key = JSON.stringify(options);
  let found = known.get(key);
  if (found === undefined) {
    found = (async () => {
      const run = train(options);
      /** @type {Metrics[]} */
      const rows = [];
      for await (const row of run) rows.push(row);
      return { rows, summary: await run.result };
    })();
    known.set(key, found);
  }
  return found;
}

/** @param {TrainOptions} options */
const short = (options) => async () => {
  const { rounds, stopReason, uplink, downlink, modelSeconds, xHash } = (await outcome(options)).summary;
  return {
    rounds,
    // times are the machine's, except where the options say how long everything takes
    ...(modelSeconds === null ? {} : { modelSeconds }),
    ...(stopReason === 'rounds' ? {} : { stopReason }),
    up: uplink.frameBytes,
    down: downlink.frameBytes,
    xHash,
  };
};

const TIMES = ['wallSeconds', 'modelSeconds', 'computeSeconds', 'secondsToFirstRound', 'seconds'];

/** An object with its times left out, and which keys it had, in order. @param {object} object */
export function timeless(object) {
  const entries = Object.entries(object);
  return {
    keys: entries.map(([key]) => key).join(' '),
    ...Object.fromEntries(entries.filter(([key]) => !TIMES.includes(key))),
  };
}

/** @param {TrainOptions} options */
const whole = (options) => async () => {
  const { rows, summary } = await outcome(options);
  const metrics = JSON.stringify(rows.map(timeless));
  return {
    summary: timeless(summary),
    metrics: {
      rows: rows.length,
      first: timeless(rows[0]),
      sha256: createHash('sha256').update(metrics).digest('hex'),
    },
  };
};

const SEEDS = ['0', '1', 'seven'];

/** @returns {Record<string, () => Promise<unknown>>} */
export function runCases() {
  /** @type {Record<string, () => Promise<unknown>>} */
  const cases = {};
  for (const [name, { samples = false, ...method }] of Object.entries(methods)) {
    for (const [problem, common] of Object.entries(problems)) {
      if (samples && common.data === undefined) continue;
      const options = { ...explicit, ...common, ...method };
      for (const seed of SEEDS) {
        cases[`runs/${name}/${problem}/seed ${seed}/loopback`] = short({ ...options, seed, transport: 'loopback' });
      }
      cases[`runs/${name}/${problem}/seed 1/threads`] = short({
        ...options,
        seed: '1',
        transport: 'threads',
        threads: 2,
      });
      cases[`summary/${name}/${problem}`] = whole({ ...options, seed: '1', transport: 'loopback' });
    }
  }
  return cases;
}

/** @returns {Record<string, () => Promise<unknown>>} */
export function variantCases() {
  /** @type {Record<string, () => Promise<unknown>>} */
  const cases = {};
  for (const [name, options] of Object.entries(variants)) {
    const loopback = { ...options, seed: '1', transport: /** @type {const} */ ('loopback') };
    // mnist takes longer to read than to run on
    if (!name.startsWith('mnist')) cases[`${name}/loopback`] = short(loopback);
    if (/^(links|dense)/.test(name)) cases[`summary/${name}`] = whole(loopback);
    if (/^(methods|dense|links|mnist|precision)/.test(name)) {
      cases[`${name}/threads`] = short({ ...options, seed: '1', transport: 'threads', threads: 2 });
    }
  }
  for (const [name, options] of Object.entries(pluginRuns)) {
    const all = { ...explicit, uplink: 'run:k=5', rounds: 25, plugins, seed: '1', ...options };
    cases[`plug-in/${name}/loopback`] = short({ ...all, transport: 'loopback' });
    cases[`plug-in/${name}/threads`] = short({ ...all, transport: 'threads', threads: 2 });
    cases[`summary/plug-in/${name}`] = whole({ ...all, transport: 'loopback' });
  }
  return cases;
}

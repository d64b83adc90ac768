import { closeSync, openSync } from 'node:fs';
import { defineProblem } from '@flotilla/core';

const SAMPLES = 12;
/** How far the targets of the samples are from their mean, and the mean of the squares of that. */
const shift = (/** @type {number} */ s) => (s - (SAMPLES - 1) / 2) / 3;
const SPREAD = (SAMPLES ** 2 - 1) / 108;

/**
 * ½ c_i‖x − i‖², the mean of 12 samples whose targets lie around i, until a worker's `calls`-th gradient, in which its thread comes to the end that `how` says, or which is no
 * number, or takes a minute: the first `times` times, each of which leaves a file.
 */
export default defineProblem({
  name: 'tripping',
  parameters: { marker: '', how: 'throw', worker: 1, calls: 30, times: 1 },
  stepSize: 0.1,
  load: () => ({}),
  dimension: () => 30,
  samples: () => SAMPLES,
  prepare({ parameters, worker }) {
    const own = { ...parameters, own: worker, made: 0 };
    if (parameters.calls === 0 && worker === own.worker && isFirst(own)) trip(own.how);
    return own;
  },
  gradient(own, x, out) {
    return valueAt(own, x, out, 0, SPREAD);
  },
  batchGradient(own, x, batch, out) {
    let [mean, square] = [0, 0];
    for (const s of batch) {
      mean += shift(s) / batch.length;
      square += shift(s) ** 2 / batch.length;
    }
    return valueAt(own, x, out, mean, square - mean ** 2);
  },
});

/**
 * @param {{ own: number, worker: number, made: number, calls: number, how: string, marker: string, times: number }} own
 * @param {Float64Array} x
 * @param {Float64Array} out
 * @param {number} mean Of the targets' shifts
 * @param {number} variance Of them
 */
function valueAt(own, x, out, mean, variance) {
  own.made++;
  const trips = own.own === own.worker && own.made === own.calls && isFirst(own);
  if (trips && own.how !== 'nan') trip(own.how);
  let sum = 0;
  for (let j = 0; j < x.length; j++) {
    const c = 1 + ((j + own.own) % 3) / 4;
    const away = x[j] - own.own - j - mean;
    out[j] = c * away;
    sum += 0.5 * c * (away ** 2 + variance);
  }
  if (trips && own.how === 'nan') out[7] = Number.NaN;
  return sum;
}

/** @param {{ marker: string, times: number }} own */
function isFirst({ marker, times }) {
  for (let k = 0; k < times; k++) {
    try {
      closeSync(openSync(`${marker}-${k}`, 'wx'));
      return true;
    } catch {
      // it has happened
    }
  }
  return false;
}

/** @param {string} how @returns {void} */
function trip(how) {
  if (how === 'throw') throw new Error('tripped');
  if (how === 'exit') process.exit(3);
  if (how === 'late') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    return;
  }
  /** @type {number[][]} */
  const kept = [];
  for (;;) kept.push(new Array(1e6).fill(kept.length));
}

import { closeSync, openSync } from 'node:fs';
import { defineProblem } from '@flotilla/core';

/**
 * ½ c_i‖x − i‖², until a worker's `calls`-th gradient, in which its thread comes to the end that `how` says, or which is no
 * number, or takes a minute: the first `times` times, each of which leaves a file.
 */
export default defineProblem({
  name: 'tripping',
  parameters: { marker: '', how: 'throw', worker: 1, calls: 30, times: 1 },
  stepSize: 0.1,
  dimension: () => 30,
  prepare: ({ parameters, worker }) => ({ ...parameters, own: worker, made: 0 }),
  gradient(own, x, out) {
    own.made++;
    const trips = own.own === own.worker && own.made === own.calls && isFirst(own);
    if (trips && own.how !== 'nan') trip(own.how);
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      const c = 1 + ((j + own.own) % 3) / 4;
      out[j] = c * (x[j] - own.own - j);
      sum += 0.5 * c * (x[j] - own.own - j) ** 2;
    }
    if (trips && own.how === 'nan') out[7] = Number.NaN;
    return sum;
  },
});

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

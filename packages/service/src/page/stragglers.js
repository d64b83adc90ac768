// @ts-check

/** @import { Meters } from './api.js' */

/** The middle one of some numbers, or the mean of the two in the middle; 0 of none. */
export function median(/** @type {readonly number[]} */ values) {
  const sorted = Float64Array.from(values).sort();
  const { length } = sorted;
  return length === 0 ? 0 : (sorted[(length - 1) >> 1] + sorted[length >> 1]) / 2;
}

/**
 * Workers that hold the others up: those that compute for more than twice as long as the median does; and those for which the server
 * stands still for more than a sixth of all its waiting, and more than twice as long as for the worker before them. It takes answers in
 * the order of workers: what it waits for the first one, the others compute too.
 * @returns {Set<number>}
 */
export function stragglers(/** @type {Meters['workers']} */ { computeSeconds, waitedSeconds }) {
  const usual = median(computeSeconds);
  const waiting = waitedSeconds.reduce((sum, one) => sum + one, 0);
  const found = new Set();
  for (let worker = 0; worker < computeSeconds.length; worker++) {
    const slow = computeSeconds[worker] > 2 * usual && computeSeconds[worker] > 0.01;
    const waited = waitedSeconds[worker];
    const late = worker > 0 && waited > waiting / 6 && waited > 2 * waitedSeconds[worker - 1] && waited > 0.01;
    if (slow || late) found.add(worker);
  }
  return found;
}

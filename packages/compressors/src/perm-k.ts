import { type CommonDraw, Rng } from '@flotilla/core';
import { codecKernels } from './codec-kernels.js';
import type { MessageKey, Selector, Support } from './compressor.js';

/**
 * `perm-k`: a random permutation, one for all workers of a round, partitions the coordinates, so that the n messages
 * together carry every coordinate: (1/n) Σ C_i(x) = x, θ = 0.
 *
 * d ≥ n: each worker gets ⌈d/n⌉ slots of the zero-padded vector and its own coordinates times n: ω = n − 1, ζ = ⌈d/n⌉.
 * d < n = qd + r: each coordinate goes to q workers, times n/q, and r workers get none: ω = n/q − 1.
 *
 * A coordinate of the workers' mean is the mean over q of them, drawn without replacement, so that
 * E‖(1/n) Σ C_i(a_i) − ā‖² = A ((1/n) Σ‖a_i‖² − ‖ā‖²) with A = B = (n − q)/(q(n − 1)); q = 1 where d ≥ n.
 */
export function permK(dimension: number, workers: number, stage: number): Selector {
  const partition =
    dimension >= workers ? partitionCoordinates(dimension, workers) : partitionWorkers(dimension, workers);
  const { copies } = partition;
  const spread = workers === 1 ? 0 : (workers - copies) / (copies * (workers - 1));
  const rng = new Rng();
  let round = -1;
  let draw = -1;
  let length = -1;
  /** Whether all of the permutation is here, or what some workers get of it. */
  let whole = false;
  const { values } = partition;
  const part = partition.maxKept >= MIN_PART ? partition.maxKept : 0;
  return {
    dimension,
    maxKept: partition.maxKept,
    omega: partition.omega,
    theta: 0,
    A: spread,
    B: spread,
    alpha: Math.max(0, 1 - partition.omega),
    density: partition.density,
    same: false,
    select(key: MessageKey, actual: number) {
      // one permutation serves every worker of the round
      const { worker } = key;
      if (!whole || key.round !== round || key.draw !== draw || actual !== length) {
        round = key.round;
        draw = key.draw;
        length = actual;
        whole = key.shared(rng, stage, partition, worker * part, part === 0 ? values.length : (worker + 1) * part);
      }
      return partition.assign(worker, actual);
    },
  };
}

/** Coordinates of a worker from which on its own are looked up, and not those of all. */
const MIN_PART = 256;

interface Partition extends CommonDraw {
  readonly maxKept: number;
  /** q, workers that get a coordinate. */
  readonly copies: number;
  readonly omega: number;
  readonly density: number;
  assign(worker: number, length: number): Support;
}

function partitionCoordinates(dimension: number, workers: number): Partition {
  const share = Math.ceil(dimension / workers);
  /** All slots of worker 0, of worker 1, …, ascending. */
  const assigned = new Int32Array(share * workers);
  const index = new Int32Array(share);
  const support: Support = { index, count: 0, scale: workers };
  return {
    maxKept: share,
    copies: 1,
    omega: workers - 1,
    density: dimension / workers,
    values: assigned,
    draw(rng) {
      // rng.shuffle of the worker of each slot
      const kernels = codecKernels();
      const owners = kernels.list;
      const filled = owners + 2 * assigned.length + 16;
      const slots = (filled & ~15) + 4 * workers + 16;
      kernels.ensure(slots + 4 * assigned.length);
      const [a, b, c, counter] = kernels.stateOf(rng);
      kernels.exports.deal(a, b, c, counter, workers, share, owners, filled & ~15, slots);
      assigned.set(kernels.words(slots, assigned.length));
    },
    assign(worker, length) {
      let count = 0;
      for (let s = worker * share; s < (worker + 1) * share && assigned[s] < length; s++) index[count++] = assigned[s];
      support.count = count;
      return support;
    },
  };
}

function partitionWorkers(dimension: number, workers: number): Partition {
  const copies = Math.floor(workers / dimension);
  const rank = new Int32Array(workers);
  const index = new Int32Array(1);
  const support: Support = { index, count: 0, scale: workers / copies };
  return {
    maxKept: 1,
    copies,
    omega: workers / copies - 1,
    density: (copies * dimension) / workers,
    values: rank,
    draw(rng) {
      for (let i = 0; i < workers; i++) rank[i] = i;
      rng.shuffle(rank);
    },
    assign(worker, length) {
      const coordinate = rank[worker] % dimension;
      index[0] = coordinate;
      support.count = rank[worker] < copies * dimension && coordinate < length ? 1 : 0;
      return support;
    },
  };
}

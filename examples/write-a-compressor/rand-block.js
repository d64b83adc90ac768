import { Rng } from '@flotilla/core';

/**
 * `rand-block:k=`: (d/K) times K neighbouring coordinates, cyclically, from a random place on. ω = d/K − 1, like `rand-k`,
 * but the memory that is read and written lies together. Sender and receiver draw the place from the message's key.
 * @type {import('@flotilla/compressors').CompressorEntry}
 */
const randBlock = {
  selector(spec, { dimension, workers, stage }) {
    const k = Number(spec.text('k'));
    if (!Number.isInteger(k) || k < 1 || k > dimension) throw spec.invalid('k', String(k), `1 to ${dimension}`);
    const rng = new Rng();
    const index = new Int32Array(k);
    const omega = dimension / k - 1;
    return {
      dimension,
      maxKept: k,
      omega,
      theta: omega / workers,
      A: omega / workers,
      B: 0,
      alpha: Math.max(0, 1 - omega),
      density: k,
      same: false,
      select(key, length) {
        const count = Math.min(k, length);
        const start = key.own(rng, 'support', stage).below(length);
        for (let i = 0; i < count; i++) index[i] = (start + i) % length;
        return { index, count, scale: length / count };
      },
    };
  },
};

export default { compressors: { 'rand-block': randBlock } };

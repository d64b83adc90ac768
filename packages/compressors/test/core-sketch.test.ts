import { KeyedRandom } from '@flotilla/core';
import { expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { gaussian } from '../dist/testing/statistics.js';
import { plainBytes } from './specs.js';

for (const m of [1, 5, 40]) {
  describeCompressor(`core:m=${m}`, {
    dimensions: [1, 3, 7, 112, 300],
    workers: [1, 3, 16],
    sampled: SAMPLED.filter((c) => c.dimension === 3 || (c.dimension === 112 && m === 40)),
    payloadBytes: plainBytes,
    coordinates: () => m,
    theory: (d) => ({ omega: (d + 1) / m, theta: (d + 1) / m, density: m }),
    projects: true,
    // a product of two normal values has heavy tails
    sensitivity: 0.06,
    // E‖C(x) − x‖² is the same for every x
    extremal: () => 1,
  });
}

test('every worker of a round uses the same vectors, so that messages may be added before they are decoded', () => {
  const d = 30;
  const compressor = createCompressor('core:m=4', { dimension: d, workers: 3, wire: 'f64' });
  const key = new MessageKey(new KeyedRandom('core'), 'uplink', 3);
  const out = new Uint8Array(32);
  const sum = new Float64Array(4);
  const added = new Float64Array(d);
  for (let worker = 0; worker < 3; worker++) {
    const bytes = compressor.encode(
      gaussian(d).map((g) => g * (1 + worker)),
      key.at(5, worker),
      out,
      0,
    );
    new Float64Array(out.buffer).forEach((q, j) => {
      sum[j] += q;
    });
    compressor.decode(out, 0, bytes, key.at(5, worker));
    compressor.addTo(added, 1);
  }
  compressor.decode(new Uint8Array(sum.buffer), 0, 32, key.at(5, 0));
  const together = new Float64Array(d);
  compressor.copyTo(together);
  for (let j = 0; j < d; j++) expect(together[j]).toBeCloseTo(added[j], 12);
});

import { describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { naturalBytes, plainBytes, WORST } from './specs.js';

for (const p of [1, 0.5, 0.1]) {
  describeCompressor(`bernoulli:p=${p}`, {
    dimensions: [1, 3, 7, 112],
    // one coin for all coordinates: more of them say no more
    sampled: SAMPLED.filter((c) => c.dimension <= 7),
    payloadBytes: plainBytes,
    sensitivity: p < 0.5 ? 0.05 : 0.02,
    theory: (d, n) => ({ omega: 1 / p - 1, theta: (1 / p - 1) / n, density: p * d }),
    extremal: () => 1,
  });
}

describeCompressor('bernoulli:p=0.5+natural', {
  dimensions: [1, 3, 7, 112],
  sampled: SAMPLED.filter((c) => c.dimension === 7),
  maxPayloadBytes: naturalBytes,
  sensitivity: 0.05,
  theory: (d, n) => ({ omega: 1.25, theta: 1.25 / n, density: d / 2 }),
  extremal: () => WORST / 2,
});

describeCompressor('rand-k:k=100%+bernoulli:p=0.25', {
  dimensions: [1, 3, 7, 112],
  sampled: SAMPLED.filter((c) => c.dimension === 7),
  payloadBytes: plainBytes,
  sensitivity: 0.05,
  theory: (d, n) => ({ omega: 3, theta: 3 / n, density: d / 4 }),
});

import { describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { naturalBytes, permKTheory, plainBytes } from './specs.js';

const small = { dimensions: [3, 7, 112, 300], sampled: SAMPLED.filter((c) => c.dimension >= 3 && c.dimension <= 112) };
const biased = (omega: number) => {
  const size = omega === 0 ? 0 : Number.POSITIVE_INFINITY;
  return { omega: size, theta: size, alpha: 1 / (1 + omega) };
};

describeCompressor('scaled(rand-k:k=3)', {
  ...small,
  payloadBytes: plainBytes,
  coordinates: () => 3,
  theory: (d) => ({ ...biased(d / 3 - 1), density: 3 }),
});

describeCompressor('scaled(perm-k+natural)', {
  ...small,
  maxPayloadBytes: (d, wire, n) => naturalBytes(Math.ceil(d / n), wire),
  theory: (d, n) => {
    const { scale, density } = permKTheory(d, n);
    return { ...biased((scale * 9) / 8 - 1), density };
  },
});

describeCompressor('scaled(identity)', {
  ...small,
  payloadBytes: plainBytes,
  coordinates: (d) => d,
  theory: (d) => ({ omega: 0, theta: 0, alpha: 1, density: d }),
});

describeCompressor('scaled(l2-quantization)', {
  ...small,
  densityIsBound: true,
  tolerance: 1e-5,
  theory: (d) => ({ ...biased(Math.sqrt(d) - 1), alpha: 1 / (Math.sqrt(d) * (1 + 2 ** -22)), density: Math.sqrt(d) }),
  wires: ['f32'],
});

export {
  type Case,
  type CompressorOptions,
  DIMENSIONS,
  describeCompressor,
  SAMPLED,
  type Theory,
  WORKERS,
} from './describe-compressor.js';

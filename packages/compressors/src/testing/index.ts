export { type CompressorOptions, DIMENSIONS, describeCompressor, SAMPLED } from './describe-compressor.js';

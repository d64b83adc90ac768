export {
  type Compressor,
  type CompressorConstants,
  type Direction,
  type ExplicitSelector,
  MessageKey,
  type Selector,
  type Support,
  type ValueCodec,
  type Wire,
} from './compressor.js';
export { DeltaCodec } from './delta.js';
export { CompressorError, ProtocolError } from './errors.js';
export { log2Binomial } from './index-code.js';
export { type CompressorEntry, compressors, createCompressor, type Environment } from './registry.js';

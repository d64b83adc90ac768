export { Changes } from './changes.js';
export { type Compressor, type Constants, type Direction, MessageKey, type Wire } from './compressor.js';
export { CompressorError, ProtocolError } from './errors.js';
export { compressors, createCompressor } from './registry.js';

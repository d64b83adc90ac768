import { type ErrorContext, FlotillaError } from '@flotilla/core';

/** Bytes that are not what the wire format says. Names what was wrong. */
export class ProtocolError extends FlotillaError {
  override readonly name = 'ProtocolError';

  constructor(message: string, context?: ErrorContext) {
    super('protocol', message, context);
  }
}

/** A value that a codec cannot carry. */
export class CompressorError extends FlotillaError {
  override readonly name = 'CompressorError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('compressor', message, options);
  }
}

/** Refuses a payload that is not of the size it must have. @throws ProtocolError */
export function checkSize(actual: number, expected: number, count: number): void {
  if (actual === expected) return;
  throw new ProtocolError(`a payload of ${actual} bytes, expected ${expected} for ${count} values`);
}

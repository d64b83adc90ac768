import { ProtocolError } from '@flotilla/compressors';
import { expect } from 'vitest';

/** Runs `act` and expects it to throw a ProtocolError, by class and by the code that survives a thread boundary. */
export function expectProtocolError(act: () => unknown, message?: RegExp): void {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ProtocolError);
  expect(thrown).toMatchObject({ code: 'protocol', ...(message && { message: expect.stringMatching(message) }) });
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

import { ProtocolError } from '@flotilla/compressors';
import type { FrameRefusal } from '@flotilla/core';
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

/** Why a ProtocolError that `act` throws refuses a frame; undefined when it throws nothing. */
export function refusalOf(act: () => unknown): FrameRefusal | undefined {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).refusal;
  }
  return undefined;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

import { readFileSync } from 'node:fs';
import { FlotillaError } from '../errors.js';

/** An IDX file of unsigned bytes (the format of MNIST): its dimensions and its values, row-major. */
export interface Idx {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes with `rank` dimensions.
 * @throws FlotillaError `io` when the file cannot be read or is not such a file.
 */
export function readIdx(path: string, rank: number): Idx {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new FlotillaError('io', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const bad = (what: string) => new FlotillaError('io', `${path} is not an IDX file of rank ${rank}: ${what}`);
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw bad(`${bytes.length} bytes are too few for a header`);
  const magic = bytes.readUInt32BE(0);
  if (magic !== (0x08 << 8) + rank) throw bad(`magic number ${magic}, expected ${(0x08 << 8) + rank}`);
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const expected = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - header !== expected) throw bad(`${bytes.length - header} values, expected ${shape.join(' × ')}`);
  return { shape, values: bytes.subarray(header) };
}

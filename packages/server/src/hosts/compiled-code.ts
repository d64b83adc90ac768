import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { getU32 } from '@flotilla/core/internal';

const CHECKSUM_BYTES = 4;
const checked = new Map<string, boolean>();

/**
 * Whether the code that the build has compiled lies whole beside a bundle: what `pool-entry.cts` wrote there, with its CRC-32 at
 * the end. V8 does not look, and crashes over bytes that are not its own. Once a process: who writes the file puts it there whole.
 */
export function hasCompiledCode(bundle: string): boolean {
  let whole = checked.get(bundle);
  if (whole === undefined) {
    whole = isWhole(`${bundle}.code`);
    checked.set(bundle, whole);
  }
  return whole;
}

function isWhole(path: string): boolean {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    return false;
  }
  const end = bytes.length - CHECKSUM_BYTES;
  return end > 0 && crc32(bytes.subarray(0, end)) === getU32(bytes, end);
}

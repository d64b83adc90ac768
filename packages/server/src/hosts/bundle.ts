import { readFileSync, statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { getU32 } from '@flotilla/core/internal';

/** A file that the build has made of a thread's entry and all it imports. */
export interface Bundle {
  readonly source: string;
  /** What V8 compiled of it for the build. */
  readonly compiled?: Uint8Array | undefined;
}

const CHECKSUM_BYTES = 4;
const bundles = new Map<string, Bundle>();

/**
 * A bundle, and the code that lies beside it where that is whole: what `pool-entry.cts` wrote there, with its CRC-32 at the end.
 * V8 does not look whether either is what it was, and crashes. So both are read once by whoever starts threads, and these get them.
 */
export function bundleOf(path: string): Bundle {
  let bundle = bundles.get(path);
  if (bundle === undefined) {
    // in this order: a build takes the code away, then writes the bundle, then compiles it
    bundle = { source: readFileSync(path, 'latin1'), compiled: compiledOf(`${path}.code`) };
    bundles.set(path, bundle);
  }
  return bundle;
}

function compiledOf(path: string): Uint8Array | undefined {
  let bytes: Uint8Array;
  try {
    if (!statSync(path).isFile()) return undefined;
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const end = bytes.length - CHECKSUM_BYTES;
  if (end <= 0 || crc32(bytes.subarray(0, end)) !== getU32(bytes, end)) return undefined;
  return bytes.subarray(0, end);
}

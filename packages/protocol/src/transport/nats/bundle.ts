import { ProtocolError } from '@flotilla/compressors';

/** What stands before each message: link, seq, ack and length, u32 each. */
export const BUNDLED_BYTES = 16;
/** A message that is longer travels by itself, and so does what comes after so many bytes. */
export const MAX_BUNDLED_BYTES = 4 << 10;
export const MAX_BUNDLE_BYTES = 64 << 10;

/** Writes a message into a bundle, from byte `at` on. @returns where the next one begins */
export function writeBundled(
  bundle: DataView,
  at: number,
  link: number,
  seq: number,
  ack: number,
  bytes: Uint8Array,
): number {
  bundle.setUint32(at, link, true);
  bundle.setUint32(at + 4, seq, true);
  bundle.setUint32(at + 8, ack, true);
  bundle.setUint32(at + 12, bytes.length, true);
  const from = bundle.byteOffset + at + BUNDLED_BYTES;
  new Uint8Array(bundle.buffer, from, bytes.length).set(bytes);
  return at + BUNDLED_BYTES + bytes.length;
}

/**
 * Hands out the messages of a bundle, one after the other.
 * @throws ProtocolError for what is no bundle; nothing of it has been handed out then
 */
export function eachBundled(
  bundle: Uint8Array,
  take: (link: number, seq: number, ack: number, bytes: Uint8Array) => void,
): void {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  for (let at = 0; at < bundle.length; ) {
    const rest = bundle.length - at - BUNDLED_BYTES;
    const length = rest < 0 ? 0 : view.getUint32(at + 12, true);
    if (rest < 0 || length > rest) {
      throw new ProtocolError(`a bundle of ${bundle.length} bytes ends within a message`, { refusal: 'truncated' });
    }
    at += BUNDLED_BYTES + length;
  }
  for (let at = 0; at < bundle.length; ) {
    const from = at + BUNDLED_BYTES;
    const end = from + view.getUint32(at + 12, true);
    take(
      view.getUint32(at, true),
      view.getUint32(at + 4, true),
      view.getUint32(at + 8, true),
      bundle.subarray(from, end),
    );
    at = end;
  }
}

import { ProtocolError } from '@flotilla/compressors';

/** A whole message of one link, among others. */
export interface Bundled {
  readonly link: number;
  readonly seq: number;
  readonly ack: number;
  readonly bytes: Uint8Array;
}

/** What stands before each message: link, seq, ack and length, u32 each. */
export const BUNDLED_BYTES = 16;
/** A message that is longer travels by itself, and so does what comes after so many bytes. */
export const MAX_BUNDLED_BYTES = 4 << 10;
export const MAX_BUNDLE_BYTES = 64 << 10;

export function bundleOf(messages: readonly Bundled[]): Uint8Array {
  const bundle = new Uint8Array(messages.reduce((sum, { bytes }) => sum + BUNDLED_BYTES + bytes.length, 0));
  const view = new DataView(bundle.buffer);
  let at = 0;
  for (const { link, seq, ack, bytes } of messages) {
    for (const [k, value] of [link, seq, ack, bytes.length].entries()) view.setUint32(at + 4 * k, value, true);
    bundle.set(bytes, at + BUNDLED_BYTES);
    at += BUNDLED_BYTES + bytes.length;
  }
  return bundle;
}

/** @throws ProtocolError for what is no bundle; nothing of it has been handed out then */
export function bundledIn(bundle: Uint8Array): readonly Bundled[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  const messages: Bundled[] = [];
  for (let at = 0; at < bundle.length; ) {
    const rest = bundle.length - at - BUNDLED_BYTES;
    const length = rest < 0 ? 0 : view.getUint32(at + 12, true);
    if (rest < 0 || length > rest) {
      throw new ProtocolError(`a bundle of ${bundle.length} bytes ends within a message`, { refusal: 'truncated' });
    }
    const bytes = bundle.subarray(at + BUNDLED_BYTES, at + BUNDLED_BYTES + length);
    messages.push({
      link: view.getUint32(at, true),
      seq: view.getUint32(at + 4, true),
      ack: view.getUint32(at + 8, true),
      bytes,
    });
    at += BUNDLED_BYTES + length;
  }
  return messages;
}

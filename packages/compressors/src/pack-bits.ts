import { ProtocolError } from './errors.js';

/** Bytes of `count` symbols of `bits` bits. */
export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/** Writes `count` symbols of `bits` ≤ 24 bits without gaps, lowest bit first. */
export function packBits(symbols: Uint32Array, count: number, bits: number, out: Uint8Array, at: number): void {
  let pending = 0;
  let held = 0;
  let to = at;
  for (let i = 0; i < count; i++) {
    pending |= symbols[i] << held;
    held += bits;
    while (held >= 8) {
      out[to++] = pending;
      pending >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) out[to] = pending;
}

/** Reads what {@link packBits} wrote. @throws ProtocolError when a bit after the last symbol is not 0 */
export function unpackBits(bytes: Uint8Array, at: number, symbols: Uint32Array, count: number, bits: number): void {
  const mask = (1 << bits) - 1;
  let pending = 0;
  let held = 0;
  let from = at;
  for (let i = 0; i < count; i++) {
    while (held < bits) {
      pending |= bytes[from++] << held;
      held += 8;
    }
    symbols[i] = pending & mask;
    pending >>>= bits;
    held -= bits;
  }
  if (pending !== 0) throw new ProtocolError('padding bits are not zero');
}

// Numbers at any place of a byte array, little-endian, whatever the machine's own order and the place's alignment. The caller
// has seen to it that the bytes are there.

/** Writes a whole number below 2³² in 4 bytes; of a larger one the low 32 bits. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** The whole number in 4 bytes. */
export function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Writes a whole number below 2³² in the `size` ≤ 4 bytes that hold it. */
export function putUint(bytes: Uint8Array, at: number, size: number, value: number): void {
  for (let b = 0; b < size; b++) bytes[at + b] = value >>> (8 * b);
}

/** The whole number in `size` ≤ 4 bytes. */
export function getUint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let b = size - 1; b >= 0; b--) value = 256 * value + bytes[at + b];
  return value;
}

/** Writes a whole number of any length in the `size` bytes that hold it. */
export function putBigUint(bytes: Uint8Array, at: number, size: number, value: bigint): void {
  let rest = value;
  for (let b = 0; b < size; b++, rest >>= 8n) bytes[at + b] = Number(rest & 0xffn);
}

/** The whole number in `size` bytes, however many. */
export function getBigUint(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let b = size - 1; b >= 0; b--) value = (value << 8n) | BigInt(bytes[at + b]);
  return value;
}

const float = new DataView(new ArrayBuffer(8));

/** Writes the nearest f32 number in 4 bytes. */
export function putF32(bytes: Uint8Array, at: number, value: number): void {
  float.setFloat32(0, value, true);
  for (let b = 0; b < 4; b++) bytes[at + b] = float.getUint8(b);
}

/** The f32 number in 4 bytes. */
export function getF32(bytes: Uint8Array, at: number): number {
  for (let b = 0; b < 4; b++) float.setUint8(b, bytes[at + b]);
  return float.getFloat32(0, true);
}

/** Writes an f64 number in 8 bytes. */
export function putF64(bytes: Uint8Array, at: number, value: number): void {
  float.setFloat64(0, value, true);
  for (let b = 0; b < 8; b++) bytes[at + b] = float.getUint8(b);
}

/** The f64 number in 8 bytes. */
export function getF64(bytes: Uint8Array, at: number): number {
  for (let b = 0; b < 8; b++) float.setUint8(b, bytes[at + b]);
  return float.getFloat64(0, true);
}

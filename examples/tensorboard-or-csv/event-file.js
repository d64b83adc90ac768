// @ts-check

/** CRC-32C (Castagnoli), masked as TensorFlow's record files have it. @param {Buffer} bytes */
function maskedCrc(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record of an event file: length, its CRC, bytes, their CRC. @param {Buffer} data */
export function record(data) {
  const [head, crcs] = [Buffer.alloc(12), Buffer.alloc(4)];
  head.writeBigUInt64LE(BigInt(data.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  crcs.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([head, data, crcs]);
}

/** A whole number as protobuf writes it. @param {number} n @returns {number[]} */
const varint = (n) => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);
/** Fields of a protobuf message: bytes, double, float, whole number. */
export const bytes = (/** @type {number} */ field, /** @type {Buffer} */ data) =>
  Buffer.concat([Buffer.from([field * 8 + 2, ...varint(data.length)]), data]);
export const double = (/** @type {number} */ field, /** @type {number} */ value) =>
  Buffer.concat([Buffer.from([field * 8 + 1]), Buffer.from(Float64Array.of(value).buffer)]);
export const float = (/** @type {number} */ field, /** @type {number} */ value) =>
  Buffer.concat([Buffer.from([field * 8 + 5]), Buffer.from(Float32Array.of(value).buffer)]);
export const integer = (/** @type {number} */ field, /** @type {number} */ value) =>
  Buffer.from([field * 8, ...varint(value)]);

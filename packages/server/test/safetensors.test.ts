import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { modelFile, readSafetensors } from '../dist/model/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file.safetensors');

/** A file with that header, as text or as an object, and data. */
function file(header: object | string, data: Uint8Array = new Uint8Array(0), said?: number): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(said ?? text.length));
  writeFileSync(path, Buffer.concat([length, text, data]));
  return path;
}

const f64 = (shape: readonly number[], from: number, to: number) => ({ dtype: 'F64', shape, data_offsets: [from, to] });

test('what is written is read again, in any number of tensors, under any names', async () => {
  const name = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('__proto__', 'constructor', '0', '1', ''));
  const shapes = fc.dictionary(name, fc.array(fc.nat(4), { maxLength: 3 }), { maxKeys: 5, noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(shapes, fc.dictionary(name, fc.string()), async (dictionary, metadata) => {
      const tensors = Object.entries(dictionary)
        .filter(([key]) => key !== '__metadata__')
        .map(([key, shape]) => ({ name: key, shape }));
      const size = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      const x = Float64Array.from({ length: size }, (_, j) => 1 / (j + 1));
      writeFileSync(path, Buffer.concat(modelFile({ x, tensors, metadata })));
      const read = await readSafetensors(path);
      expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
      expect(read.tensors.flatMap(({ values }) => [...values])).toEqual([...x]);
      const kept = (list: readonly { name: string; shape: readonly number[] }[]) =>
        list.map((tensor) => JSON.stringify([tensor.name, tensor.shape])).sort();
      expect(kept(read.tensors)).toEqual(kept(tensors));
    }),
    { numRuns: 100 },
  );
});

test('F32 stays F32, wherever it lies', async () => {
  const floats = Float32Array.of(0.1, 1e-40, -3);
  const data = Buffer.concat([Buffer.from(floats.buffer), Buffer.from(Float64Array.of(7).buffer)]);
  file({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 12] }, b: f64([1], 12, 20) }, data);
  const { tensors } = await readSafetensors(path);
  expect(tensors.map(({ values }) => values)).toEqual([floats, Float64Array.of(7)]);
});

const eight = new Uint8Array(8);
test.each<[string, () => void, string]>([
  ['nothing', () => writeFileSync(path, ''), 'it is shorter than 8 bytes'],
  ['a header longer than the file', () => file('{}', eight, 100), 'it ends within its header'],
  [
    'a huge header',
    () => file('{}', eight, 2 ** 40),
    'its header is said to have 1099511627776 bytes; at most 1048576',
  ],
  ['a header that is no JSON', () => file('{a}'), 'its header is not JSON'],
  ['a list', () => file('[]'), 'its header is not a JSON object'],
  [
    'an unknown type',
    () => file({ a: { ...f64([1], 0, 8), dtype: 'BF16' } }, eight),
    'has the type "BF16"; F64 and F32',
  ],
  ['no type', () => file({ a: 3 }, eight), 'has the type nothing'],
  ['a negative side', () => file({ a: f64([-1], 0, 8) }, eight), 'has the shape [-1]'],
  ['a side that is no number', () => file({ a: f64(['1'] as never, 0, 8) }, eight), 'has the shape ["1"]'],
  ['sides past all numbers', () => file({ a: f64([2 ** 52, 2 ** 52], 0, 8) }, eight), 'has 8 bytes'],
  ['one offset', () => file({ a: { dtype: 'F64', shape: [1], data_offsets: [0] } }, eight), 'the data_offsets [0]'],
  ['a hole', () => file({ a: f64([1], 8, 16) }, new Uint8Array(16)), 'begins at byte 8 of the data, not at 0'],
  ['an overlap', () => file({ a: f64([1], 0, 8), b: f64([1], 0, 8) }, eight), 'begins at byte 0 of the data, not at 8'],
  [
    'bytes of nobody',
    () => file({ a: f64([1], 0, 8) }, new Uint8Array(9)),
    'its tensors have 8 bytes, and the file has 9',
  ],
  ['a tensor past the end', () => file({ a: f64([2], 0, 16) }, eight), 'its tensors have 16 bytes, and the file has 8'],
  ['metadata that is no text', () => file({ __metadata__: { a: 1 } }), '__metadata__ has "a", which is not a text'],
])('%s is refused in one line', async (_, write, why) => {
  write();
  await expect(readSafetensors(path)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/^\S+file\.safetensors is not a safetensors file that can be read: [^\n]+$/),
  });
  await expect(readSafetensors(path)).rejects.toThrow(why);
});

test('what is no regular file is never waited for', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const place of [pipe, folder, '/dev/zero']) {
    await expect(readSafetensors(place)).rejects.toThrow('is not a regular file');
  }
  await expect(readSafetensors(join(folder, 'missing'))).rejects.toMatchObject({ code: 'io' });
});

test('any bytes at all are read or refused, never more than that', async () => {
  const good = Buffer.concat(
    modelFile({ x: Float64Array.of(1, 2), tensors: [{ name: 'x', shape: [2] }], metadata: {} }),
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), async (at, value, length) => {
      const bytes = Buffer.from(good);
      bytes[at] = value;
      writeFileSync(path, bytes.subarray(0, length));
      await readSafetensors(path).catch((error) => expect(error.code).toBe('usage'));
    }),
    { numRuns: 300 },
  );
});

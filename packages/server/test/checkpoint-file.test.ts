import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { CheckpointFolder } from '../dist/checkpoint/checkpoint-folder.js';
import { openCheckpoint } from '../dist/checkpoint/read.js';
import type { CheckpointWriter } from '../dist/checkpoint/write.js';
import { openHere } from '../dist/testing/in-process.js';
import type { Training } from '../dist/training.js';
import { MemoryDisk } from './memory-disk.js';

const RUN = '/run';
const about = { identity: { version: '1', wire: 1, modules: {}, data: {} }, rowBytes: 0, workers: 2 };

const open = () =>
  openHere({
    problem: 'quadratic:d=5',
    workers: 2,
    method: 'm3:p=0.5',
    stepSize: 0.1,
    linkModel: 'up=1mbit,down=1mbit',
  });

const writing = (training: Training) => (writer: CheckpointWriter) =>
  training.save({ own: (state) => writer.own(state, about), worker: (state) => writer.worker(state) });

/** A checkpoint of round 3, as bytes. */
let bytes: Buffer = Buffer.alloc(0);
let xHash = '';
beforeAll(async () => {
  const training = await open();
  for (let round = 0; round < 3; round++) await training.round();
  const memory = new MemoryDisk();
  await new CheckpointFolder(RUN, memory.disk).write(3, writing(training));
  const [[path, content]] = memory.files;
  expect(path).toBe('/run/checkpoint/round-3.ckpt');
  bytes = content.bytes;
  for (let round = 3; round < 9; round++) await training.round();
  xHash = training.xHash();
  await training.close();
});

/** What opening these bytes comes to: nothing, or what is wrong. */
function refusal(content: Uint8Array): string | undefined {
  const memory = new MemoryDisk();
  memory.files.set('/c', { bytes: Buffer.from(content) });
  try {
    openCheckpoint('/c', memory.disk).close();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    expect(memory.handles).toBe(0);
  }
}

/** The same with a hash that fits, as somebody would write it who means harm. */
function sealed(content: Uint8Array): Buffer {
  const body = content.subarray(0, content.length - 32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

test('what was written is read: the training goes on at the same x', async () => {
  const memory = new MemoryDisk();
  memory.files.set('/run/checkpoint/round-3.ckpt', { bytes });
  const [checkpoint] = new CheckpointFolder(RUN, memory.disk).open(() => undefined);
  const training = await open();
  await training.restoreParts(checkpoint.own(), checkpoint.workers);
  checkpoint.close();
  expect(training.rounds).toBe(3);
  for (let round = 3; round < 9; round++) await training.round();
  expect(training.xHash()).toBe(xHash);
  await training.close();
});

describe('damage', () => {
  test('every flipped bit is seen', () => {
    expect(refusal(bytes)).toBeUndefined();
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[at] ^= 1 << bit;
        expect(refusal(flipped), `bit ${bit} of byte ${at}`).toMatch(/^its? /);
      }
    }
  });

  test('every truncation is seen, and every byte too many', () => {
    for (let length = 0; length < bytes.length; length++) expect(refusal(bytes.subarray(0, length))).toBeDefined();
    for (let more = 1; more < 256; more++) expect(refusal(Buffer.concat([bytes, Buffer.alloc(1, more)]))).toBeDefined();
  });

  test('what a file of another hand, or of a later version, is called', () => {
    expect(refusal(Buffer.from('PK'.repeat(100)))).toBe('it is no checkpoint');
    expect(refusal(Buffer.alloc(10))).toBe('it is cut short: 10 bytes');
    const later = Buffer.from(bytes);
    later.writeUInt32LE(2, 8);
    expect(refusal(sealed(later))).toBe('its format has version 2; only 1 is read here');
  });

  test('no length is believed, whatever the hash says', () => {
    const header = bytes.readUInt32LE(12);
    const with32 = (at: number, value: number) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt32LE(value, at);
      return sealed(changed);
    };
    expect(refusal(with32(12, 0xffffffff))).toBe('its header has 4294967295 bytes');
    expect(refusal(with32(12, bytes.length))).toMatch(/^it has no \d+ bytes at 16$/);
    // the first part, low and high word of its length
    expect(refusal(with32(16 + header, 0x7fffffff))).toMatch(/^it has no \d+ bytes at /);
    expect(refusal(with32(20 + header, 0x7fffffff))).toMatch(/^it has no \d+ bytes at /);
    expect(refusal(sealed(Buffer.concat([bytes, Buffer.alloc(8)])))).toBe('it has 8 bytes too many');
  });

  test('a header that is none', () => {
    const length = bytes.readUInt32LE(12);
    const text = bytes.toString('utf8', 16, 16 + length);
    const changed = (header: string) => {
      const fixed = Buffer.from(bytes.subarray(0, 16));
      fixed.writeUInt32LE(Buffer.byteLength(header), 12);
      return sealed(Buffer.concat([fixed, Buffer.from(header), bytes.subarray(16 + length)]));
    };
    expect(refusal(changed(text))).toBeUndefined();
    expect(refusal(changed(text.slice(1)))).toBe('its header is not JSON');
    expect(refusal(changed(text.replace('"round":3', '"round":-3')))).toMatch(/^its header is none: round/);
    expect(refusal(changed(text.replace('"workers":2', '"workers":1e9')))).toMatch(/^its header is none: workers/);
    // one worker more than there are
    expect(refusal(changed(text.replace('"workers":2', '"workers":3')))).toMatch(/^it has no \d+ bytes at/);
  });
});

describe('a disk that fails', () => {
  test.each(['ENOSPC', 'EIO', 'ENOENT'])('%s at any call: a typed error, and the one before is whole', async (code) => {
    const training = await open();
    await training.round();
    // as many calls as a second checkpoint makes
    const healthy = new MemoryDisk();
    const folder = new CheckpointFolder(RUN, healthy.disk);
    await folder.write(1, writing(training));
    const first = healthy.calls;
    await folder.write(2, writing(training));
    const calls = healthy.calls - first;
    expect(calls).toBeGreaterThan(5);
    expect([...healthy.files.keys()].sort()).toEqual(['/run/checkpoint/round-1.ckpt', '/run/checkpoint/round-2.ckpt']);
    for (let k = 1; k <= calls; k++) {
      const memory = new MemoryDisk();
      memory.code = code;
      const store = new CheckpointFolder(RUN, memory.disk);
      await store.write(1, writing(training));
      memory.failFrom = memory.calls + k;
      await expect(store.write(2, writing(training)), `call ${k}`).rejects.toMatchObject({
        code: 'io',
        message: expect.stringMatching(/^a checkpoint cannot be written in .*checkpoint: /),
      });
      expect(memory.handles).toBe(0);
      memory.failFrom = Number.POSITIVE_INFINITY;
      const notes: string[] = [];
      const [newest] = new CheckpointFolder(RUN, memory.disk).open((note) => notes.push(note));
      newest.close();
      // before the rename it is the first, after it the second: never half of one
      expect(notes).toEqual([]);
      expect(newest.path).toMatch(/round-[12]\.ckpt$/);
      if (k < calls - 2) expect(newest.path).toMatch(/round-1\.ckpt$/);
      // the next one makes do with what is left
      await store.write(3, writing(training));
      expect([...memory.files.keys()]).toContain('/run/checkpoint/round-3.ckpt');
      expect([...memory.files.keys()]).not.toContain('/run/checkpoint/next.part');
    }
    // a checkpoint that failed is no failed round
    const before = training.rounds;
    await training.round();
    expect(training.rounds).toBe(before + 1);
    await training.close();
  });
});

test('the two newest that are whole stay; a damaged one goes when there is a newer one', async () => {
  const training = await open();
  const memory = new MemoryDisk();
  const names = () => [...memory.files.keys()].map((path) => path.split('/').at(-1)).sort();
  const store = new CheckpointFolder(RUN, memory.disk);
  for (const round of [5, 10, 100]) await store.write(round, writing(training));
  expect(names()).toEqual(['round-10.ckpt', 'round-100.ckpt']);
  memory.files.set('/run/checkpoint/round-100.ckpt', { bytes: Buffer.from('half') });
  memory.files.set('/run/checkpoint/notes.txt', { bytes: Buffer.from('mine') });
  const notes: string[] = [];
  const again = new CheckpointFolder(RUN, memory.disk);
  const [ten] = again.open((note) => notes.push(note));
  expect(ten.path).toBe('/run/checkpoint/round-10.ckpt');
  expect(notes).toEqual(['checkpoint/round-100.ckpt cannot be used: it is cut short: 4 bytes']);
  ten.close();
  again.keep(ten);
  await again.write(20, writing(training));
  expect(names()).toEqual(['notes.txt', 'round-10.ckpt', 'round-20.ckpt']);
  again.trim(1);
  expect(names()).toEqual(['notes.txt', 'round-20.ckpt']);
  await training.close();
});

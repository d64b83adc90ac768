import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BATCH_BYTES, Download, Upload } from '../dist/transport/nats/data.js';

const PIECE = 512 << 10;
const SIZE = 2 * BATCH_BYTES + 12_345;
const whole = Uint8Array.from({ length: SIZE }, (_, k) => (k * 31 + (k >> 8)) & 0xff);
const sha256 = createHash('sha256').update(whole).digest('hex');

/** A download and an upload with a network between them that does to piece k what it is told. */
async function transferred(fate: (k: number) => readonly number[], hash = sha256) {
  const upload = new Upload(SIZE, (from, length) => whole.subarray(from, from + length));
  let [now, pieces, sentBytes] = [0, 0, 0];
  const asked: number[] = [];
  const download = new Download(
    { bytes: SIZE, sha256: hash, ending: '' },
    (from) => void asked.push(from),
    () => now,
  );
  let settled = false;
  const done = download.done.finally(() => {
    settled = true;
  });
  done.catch(() => undefined);
  const onTheWay: { at: number; from: number; piece: Uint8Array }[] = [];
  for (let k = 0; k < 2000 && !settled; k++) {
    for (const from of asked.splice(0)) {
      for (const sent of upload.pieces('host', from, PIECE)) {
        sentBytes += sent.piece.length;
        for (const delay of fate(pieces)) onTheWay.push({ at: now + delay, ...sent });
        pieces++;
      }
    }
    now += 50;
    const due = onTheWay.filter(({ at }) => at <= now);
    for (const one of due) {
      onTheWay.splice(onTheWay.indexOf(one), 1);
      download.arrived(one.from, one.piece);
    }
    download.tick();
    await Promise.resolve();
    await Promise.resolve();
  }
  return { bytes: await done, sentBytes };
}

describe('the data of a run, on their way to a host', () => {
  test('come as they are, once', async () => {
    const { bytes, sentBytes } = await transferred(() => [0]);
    expect(Buffer.compare(bytes, whole)).toBe(0);
    expect(sentBytes).toBe(SIZE);
  });

  test('come as they are where pieces are lost, come twice and late', async () => {
    const { bytes, sentBytes } = await transferred((k) =>
      k % 5 === 2 ? [] : k % 7 === 3 ? [0, 100] : [k % 3 === 0 ? 60 : 0],
    );
    expect(Buffer.compare(bytes, whole)).toBe(0);
    expect(sentBytes).toBeGreaterThan(SIZE);
  });

  test('are refused where they are not those of the offer', async () => {
    await expect(transferred(() => [0], 'f'.repeat(64))).rejects.toMatchObject({
      code: 'io',
      message: 'the data that the server has sent are not those of its offer',
    });
  });

  test('are given up where none come', async () => {
    await expect(transferred(() => [])).rejects.toMatchObject({ message: 'the server does not send its data' });
  });
});

test('nobody is sent the data for ever, and nobody what there is not', () => {
  const upload = new Upload(1000, (_, length) => new Uint8Array(length));
  const bytes = (host: string, from: number) => [...upload.pieces(host, from, 300)].map(({ piece }) => piece.length);
  expect(bytes('a', 0)).toEqual([300, 300, 300, 100]);
  expect(bytes('a', 950)).toEqual([50]);
  expect(bytes('a', 1000)).toEqual([]);
  for (let k = 0; k < 7; k++) bytes('b', 0);
  expect(bytes('b', 0)).toHaveLength(4);
  expect(bytes('b', 0)).toEqual([]);
  // that is each host's own affair
  expect(bytes('c', 0)).toHaveLength(4);
});

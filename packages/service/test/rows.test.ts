import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayOf, endOfRows, readRows, START } from '../dist/rows.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-rows-'));
  file = join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const row = (round: number, pad = 0) => `${JSON.stringify({ round, pad: 'x'.repeat(pad) })}\n`;
const roundsIn = (lines: Buffer) =>
  (JSON.parse(arrayOf(lines).toString()) as { round: number }[]).map(({ round }) => round);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k);

/** Everything behind a position. */
async function all(position = START) {
  const rounds: number[] = [];
  for (;;) {
    const { lines, end } = await readRows(folder, position);
    if (lines.length === 0) return { rounds, end: position };
    rounds.push(...roundsIn(lines));
    position = end;
  }
}

it('there are none where there is no file yet, and none of a line that is not whole', async () => {
  expect((await readRows(folder, START)).lines.length).toBe(0);
  expect((await endOfRows(folder)).round).toBe(-1);
  writeFileSync(file, row(0) + row(1).slice(0, -3));
  expect(await all()).toMatchObject({ rounds: [0], end: { round: 0 } });
  expect((await endOfRows(folder)).round).toBe(0);
});

it('all are read, once and in order, whatever their lengths', async () => {
  const lengths = [0, 1000, 300_000, 0, 262_144, 1_100_000, 5];
  writeFileSync(file, lengths.map((pad, round) => row(round, pad)).join(''));
  expect((await all()).rounds).toEqual(range(0, 7));
  writeFileSync(
    file,
    range(0, 20_000)
      .map((round) => row(round, round % 97))
      .join(''),
  );
  expect((await all()).rounds).toEqual(range(0, 20_000));
});

it('a position goes on with what is appended, and until so many rounds', async () => {
  writeFileSync(file, row(0) + row(1));
  const { end } = await all();
  appendFileSync(file, row(2) + row(3) + row(4));
  const two = await readRows(folder, end, 3);
  expect([roundsIn(two.lines), two.end.round]).toEqual([[2, 3], 3]);
  expect((await all(two.end)).rounds).toEqual([4]);
});

it('a round alone is a position too', async () => {
  writeFileSync(
    file,
    range(0, 10_000)
      .map((round) => row(round, 50))
      .join(''),
  );
  expect((await all({ round: 9_996, at: undefined })).rounds).toEqual([9_997, 9_998, 9_999]);
  expect((await all({ round: 10_000, at: undefined })).rounds).toEqual([]);
  appendFileSync(file, row(10_000) + row(10_001));
  expect((await all({ round: 10_000, at: undefined })).rounds).toEqual([10_001]);
});

describe('rows that are taken back and written again, with other lengths', () => {
  it.each([1, 5, 60])('are known by their rounds, not by their length: %i characters more', async (more) => {
    writeFileSync(
      file,
      range(0, 10)
        .map((round) => row(round, 20))
        .join(''),
    );
    const { end } = await all();
    truncateSync(file, row(0, 20).length * 4);
    // while there are fewer than it has, there is nothing for a reader
    expect((await readRows(folder, end)).lines.length).toBe(0);
    appendFileSync(
      file,
      range(4, 13)
        .map((round) => row(round, 20 + more))
        .join(''),
    );
    expect((await all(end)).rounds).toEqual([10, 11, 12]);
  });

  it('a row of another round in their place is read', async () => {
    writeFileSync(file, row(0) + row(10) + row(17));
    const { end } = await all();
    writeFileSync(file, row(0) + row(10) + row(20));
    expect((await all(end)).rounds).toEqual([20]);
    // one of fewer rounds, and nothing behind it yet
    writeFileSync(file, row(0) + row(10) + row(15));
    expect((await all(end)).rounds).toEqual([]);
    appendFileSync(file, row(20));
    expect((await all(end)).rounds).toEqual([20]);
  });

  it('also when nobody looked while there were fewer', async () => {
    writeFileSync(
      file,
      range(0, 10)
        .map((round) => row(round, 20))
        .join(''),
    );
    const { end } = await all();
    writeFileSync(
      file,
      range(0, 12)
        .map((round) => row(round, 19))
        .join(''),
    );
    expect((await all(end)).rounds).toEqual([10, 11]);
  });
});

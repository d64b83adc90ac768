import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Metrics, train } from '@flotilla/server';
import { afterAll, describe, expect, test } from 'vitest';
import { csv } from '../csv.js';
import { record } from '../event-file.js';
import { tensorboard } from '../tensorboard.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-reporters-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const x = Float64Array.from({ length: 200 }, (_, k) => Math.sin(k));
const y = Float64Array.from({ length: 100 }, (_, s) => (x[2 * s] > 0 ? 1 : -1));
const data = { x, shape: [100, 2] as [number, number], y };
const job = { problem: 'logistic', data, validation: data, method: 'marina', uplink: 'rand-k:k=1', workers: 4 };

/** Trains with the reporter; the rows that it was told. */
async function rowsOf(reporter: object, rounds = 400): Promise<Metrics[]> {
  const rows: Metrics[] = [];
  const run = train({ ...job, threads: 1, rounds, reporters: [reporter] });
  for await (const row of run) rows.push(row);
  await run.result;
  return rows;
}

/** What a row comes to, under the tags of the event file. */
const tagged = ({ loss, gradNormSq, uplink, downlink, metrics, validation }: Metrics) => ({
  loss,
  gradNormSq,
  'bytes/uplink': uplink.frameBytes,
  'bytes/downlink': downlink.frameBytes,
  accuracy: metrics?.accuracy,
  'validation/loss': validation?.loss,
  'validation/accuracy': validation?.accuracy,
});

describe('event files', () => {
  test('a record is as TensorFlow writes it', () => {
    // of a file that TensorFlow has written: length 24, then Event { wall_time, file_version: "brain.Event:2" }
    const event = Buffer.from('0900000080389dd7411a0d', 'hex');
    const body = Buffer.concat([event, Buffer.from('brain.Event:2')]);
    expect(body).toHaveLength(24);
    // 0xa37f4b22 is the masked CRC of the length 24, as every such file begins
    expect(record(body).subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
  });

  test.runIf(spawnSync('python3', ['--version']).error === undefined)(
    'another program reads what was written: every CRC, step and value',
    async () => {
      const logs = join(folder, 'logs', 'run');
      const began = Date.now() / 1000;
      const rows = await rowsOf(tensorboard(logs));
      const [name] = readdirSync(logs);
      expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
      const read = spawnSync('python3', [at('./read_events.py'), join(logs, name)], { encoding: 'utf8' });
      expect(read.stderr).toBe('');
      const [first, ...events] = read.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(first).toEqual({ values: {}, wall_time: expect.any(Number), file_version: 'brain.Event:2' });
      expect(events.map(({ step }) => step)).toEqual(rows.map(({ round }) => round));
      for (const [k, { values, wall_time }] of events.entries()) {
        expect(wall_time).toBeGreaterThanOrEqual(began);
        const expected = Object.entries(tagged(rows[k])).map(([tag, value]) => [tag, Math.fround(Number(value))]);
        expect(values).toEqual(Object.fromEntries(expected));
      }
      expect(rows).toHaveLength(41);
    },
  );
});

test('CSV has the rows', async () => {
  const path = join(folder, 'rows.csv');
  const rows = await rowsOf(csv(path));
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  expect(head).toBe(
    'round,seconds,loss,gradNormSq,uplinkBytes,downlinkBytes,accuracy,validation loss,validation accuracy',
  );
  const expected = rows.map((row) => [row.round, row.seconds, ...Object.values(tagged(row))]);
  expect(lines.map((line) => line.split(',').map(Number))).toEqual(expected);
});

test.runIf(existsSync('/dev/full'))('a full disk fails the run in one line, and names the file', async () => {
  await expect(rowsOf(csv('/dev/full'), 10)).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/^the CSV file \/dev\/full threw: ENOSPC/),
  });
});

test('the program writes both for each method', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [at('../train.js'), join(folder, 'both')]);
  expect(stdout).toMatch(/^gd: f \d\.\d{4}, accuracy 0\.\d+, \d+ bytes up\nmarina: f .*\n$/);
  for (const method of ['gd', 'marina']) {
    expect(readdirSync(join(folder, 'both', method)).sort()).toEqual([
      expect.stringMatching(/^events\.out\.tfevents/),
      'rows.csv',
    ]);
    expect(
      readFileSync(join(folder, 'both', method, 'rows.csv'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(12);
  }
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { openHere } from '../dist/testing/in-process.js';

const [N, q] = [23, 6];
/** Two zeros in each row, elsewhere numbers that have few digits. */
const at = (s: number, j: number) => ((s + j) % 3 === 0 ? 0 : (((7 * s + 5 * j) % 11) - 5) / 8);
const dense = Float64Array.from({ length: N * q }, (_, k) => at(Math.floor(k / q), k % q));
const y = Float64Array.from({ length: N }, (_, s) => ((s * s) % 5 < 2 ? 1 : 2));
const sparse = { rowStart: [0], columns: [] as number[], values: [] as number[], shape: [N, q] as const, y };
for (let s = 0; s < N; s++) {
  for (let j = 0; j < q; j++) {
    if (at(s, j) === 0) continue;
    sparse.columns.push(j);
    sparse.values.push(at(s, j));
  }
  sparse.rowStart.push(sparse.columns.length);
}
const common: TrainOptions = {
  problem: 'logistic',
  method: 'marina',
  workers: 4,
  threads: 2,
  rounds: 20,
  uplink: 'rand-k:k=3',
};

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-memory-'));
  file = join(folder, 'same.libsvm');
  const rows = Array.from(y, (label, s) => {
    const entries = Array.from({ length: q }, (_, j) => (at(s, j) === 0 ? '' : ` ${j + 1}:${at(s, j)}`));
    return `${label}${entries.join('')}\n`;
  });
  writeFileSync(file, rows.join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

const inShared = <T extends Float64Array | Int32Array>(values: T): T => {
  const copy = new (values.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(values.byteLength),
  );
  copy.set(values);
  return copy;
};

describe('data in memory', () => {
  test.each([undefined, 'shuffled', 'label', 'dirichlet:alpha=0.5'])(
    'trains as the same numbers from a file do, bit for bit: split %s',
    async (split) => {
      const { xHash, data } = await train({ ...common, data: file, split }).result;
      expect(data).toBe(file);
      const fromMemory = await train({ ...common, data: sparse, split }).result;
      expect(fromMemory.xHash).toBe(xHash);
      expect(fromMemory.data).toMatch(/^memory:shape=23x6,sha256=[0-9a-f]{64}$/);
    },
  );

  test('dense, as the same numbers from a CSV file do', async () => {
    const csv = join(folder, 'same.csv');
    const rows = Array.from(y, (label, s) => [...dense.subarray(s * q, (s + 1) * q), label].join(','));
    writeFileSync(csv, `${rows.join('\n')}\n`);
    for (const split of [undefined, 'contiguous', 'label']) {
      const { xHash } = await train({ ...common, data: csv, split }).result;
      expect((await train({ ...common, data: { x: dense, shape: [N, q], y }, split }).result).xHash).toBe(xHash);
    }
    expect(() => train({ ...common, data: { x: dense, shape: [N, q], y }, header: 'true' })).toThrow(
      'header must be left out: it is for a CSV file, and the data are in memory',
    );
  });

  test('whatever its arrays are, in shared memory or not, on threads or in one process', async () => {
    const { columns, values, rowStart } = sparse;
    const typed = {
      shape: [N, q] as const,
      rowStart: inShared(Int32Array.from(rowStart)),
      columns: inShared(Int32Array.from(columns)),
      values: inShared(Float64Array.from(values)),
      y: inShared(y),
    };
    const wanted = await train({ ...common, data: sparse }).result;
    for (const transport of ['threads', 'loopback'] as const) {
      expect((await train({ ...common, data: typed, transport }).result).xHash).toBe(wanted.xHash);
    }
    const float = { ...typed, values: Float32Array.from(values), columns: Uint16Array.from(columns), y: [...y] };
    expect((await train({ ...common, data: float }).result).xHash).toBe(wanted.xHash);
  });

  test('dense, f64 and f32 and bytes', async () => {
    const f64 = await train({ ...common, data: { x: dense, shape: [N, q], y } }).result;
    const f32 = await train({ ...common, data: { x: Float32Array.from(dense), shape: [N, q], y } }).result;
    expect(f32.xHash).toBe(f64.xHash);
    const bytes = Uint8Array.from(dense, (v) => 8 * v + 5);
    const asBytes = await train({ ...common, data: { x: bytes, shape: [N, q], y } }).result;
    const asNumbers = await train({ ...common, data: { x: Float64Array.from(bytes), shape: [N, q], y } }).result;
    expect(asBytes.xHash).toBe(asNumbers.xHash);
  });

  test('is copied once when it is not shared, not at all when it is, and may be changed after the call when it was copied', () => {
    const shared = inShared(dense);
    const taken = parseOptions({ ...common, data: { x: shared, shape: [N, q], y: inShared(y) } });
    expect((taken.data as { x: Float64Array }).x.buffer).toBe(shared.buffer);
    const own = dense.slice();
    const copied = parseOptions({ ...common, data: { x: own, shape: [N, q], y } }).data as { x: Float64Array };
    own.fill(Number.NaN);
    expect(copied.x.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(copied.x).toEqual(dense);
    // and a second look at the same options copies nothing
    const again = parseOptions({ ...common, data: copied }).data as { x: Float64Array };
    expect(again.x.buffer).toBe(copied.x.buffer);
  });

  test('the samples that the run works on are those of the caller', async () => {
    const x = inShared(dense);
    const training = await openHere({ ...common, data: { x, shape: [N, q], y: inShared(y) } });
    const { data } = training.plan.problemData as { data: { value: Float64Array } };
    expect(data.value.buffer).toBe(x.buffer);
    await training.close();
  });

  test('its numbers stand in no record; two sets are told apart', async () => {
    const out = join(folder, 'run');
    const { data } = await train({ ...common, data: { x: dense, shape: [N, q], y }, out }).result;
    const config = readFileSync(join(out, 'config.json'), 'utf8');
    expect(JSON.parse(config)).toMatchObject({ data, split: 'shuffled' });
    expect(config.length).toBeLessThan(2000);
    expect(JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')).data).toBe(data);
    const other = dense.slice();
    other[0] += 1;
    const name = async (input: TrainOptions['data']) => (await explain(parseOptions({ ...common, data: input }))).data;
    expect(await name({ x: dense, shape: [N, q], y })).toBe(data);
    expect(await name({ y: [...y], shape: [N, q], x: dense.slice() })).toBe(data);
    expect(await name({ x: other, shape: [N, q], y })).not.toBe(data);
    const relabelled = Float64Array.from(y, (label) => 3 - label);
    expect(await name({ x: dense, shape: [N, q], y: relabelled })).not.toBe(data);
  });

  test.each(['m3:p=0.01', 'marina-p:p=0.01'])(
    'a worker of the autoencoder that has zeros alone: %s',
    async (method) => {
      const x = Float64Array.from({ length: 16 }, (_, k) => Math.max(0, k - 7));
      const options = {
        problem: 'autoencoder',
        data: { x, shape: [2, 8] as const },
        split: 'contiguous',
        workers: 2,
        method,
      };
      const job = { ...options, downlink: 'rand-k:k=2', stepSize: 1e-5, rounds: 40 };
      const runs = [{ transport: 'loopback' as const }, { threads: 2 }];
      const [here, there] = await Promise.all(runs.map((own) => train({ ...job, ...own }).result));
      expect(here?.rounds).toBe(40);
      expect(here?.xHash).toBe(there?.xHash);
      const start = await train({ ...job, rounds: 1, stepSize: 1e-300 }).result;
      expect(here?.loss).toBeLessThan(start.loss);
    },
  );

  test('an instance of heterogeneous-quadratic, and the autoencoder without labels', async () => {
    const instance = { c: [1, 2], b: Float64Array.of(1, 2, 3) };
    const path = join(folder, 'instance.json');
    writeFileSync(path, JSON.stringify({ c: [1, 2], b: [1, 2, 3] }));
    const quadratic: TrainOptions = { problem: 'heterogeneous-quadratic', method: 'gd', workers: 2, rounds: 5 };
    const wanted = await train({ ...quadratic, data: path }).result;
    const { xHash, data } = await train({ ...quadratic, data: instance }).result;
    expect(xHash).toBe(wanted.xHash);
    expect(data).toMatch(/^memory:sha256=/);
    const options: TrainOptions = { method: 'gd', workers: 3, rounds: 3, stepSize: 0.01 };
    expect((await train({ ...options, data: { x: dense, shape: [N, q] } }).result).rounds).toBe(3);
  });
});

describe('validation on data in memory', () => {
  const data = { x: dense, shape: [N, q] as const, y };

  test('its numbers stand in no record', async () => {
    const out = join(folder, 'validated');
    const { validation, metrics } = await train({ ...common, data, validation: sparse, out }).result;
    expect(validation?.accuracy).toBeCloseTo(metrics?.accuracy as number, 12);
    const config = readFileSync(join(out, 'config.json'), 'utf8');
    expect(JSON.parse(config).validation).toMatch(/^memory:shape=23x6,sha256=[0-9a-f]{64}$/);
    expect(config.length).toBeLessThan(2000);
  });

  test('numbers in memory have no test part: they are not validated on themselves', () => {
    expect(() => train({ ...common, data, validation: 'test' })).toThrow(
      'validation cannot be used: data in memory has no test part; those that have one: mnist',
    );
  });

  test('what is wrong with it is said of it', async () => {
    expect(() => train({ ...common, data, validation: new Map() as never })).toThrow(/^validation is a Map/);
    expect(() => train({ ...common, data, validation: join(folder, 'none.csv') })).toThrow(
      /^validation ".*" cannot be/,
    );
    const third = { ...data, y: y.with(0, 7) };
    await expect(train({ ...common, data, validation: third }).result).rejects.toThrow(
      /^validation cannot be used: data set memory has the label 7; /,
    );
    const unlabelled = { x: dense, shape: [N, q] as const };
    await expect(train({ ...common, data, validation: unlabelled }).result).rejects.toThrow(
      'validation cannot be used: these samples have no labels',
    );
  });

  test('how a file is read concerns the one that it can concern', async () => {
    const csv = join(folder, 'first.csv');
    const rows = Array.from(y, (label, s) => [label, ...dense.subarray(s * q, (s + 1) * q)].join(','));
    writeFileSync(csv, `label,a,b,c,d,e,f\n${rows.join('\n')}\n`);
    const read = { ...common, labelColumn: 'label' };
    const wanted = await train({ ...common, data, validation: data }).result;
    for (const [trained, validation] of [
      [csv, data],
      [csv, file],
      [data, csv],
    ]) {
      const result = await train({ ...read, data: trained, validation, split: 'shuffled' }).result;
      expect(result.validation?.loss).toBeCloseTo(wanted.validation?.loss as number, 12);
    }
    expect(() => train({ ...read, data, validation: file })).toThrow('labelColumn must be left out');
  });
});

describe('what cannot be trained on is refused in one line, at once', () => {
  const nan = dense.slice();
  const detached = dense.slice();
  structuredClone(detached, { transfer: [detached.buffer] });
  nan[q + 2] = Number.NaN;
  const { rowStart, columns, values } = sparse;
  const from = (list: readonly number[], at: number, value: number) => list.map((v, k) => (k === at ? value : v));
  test.each<[string, unknown, string | RegExp]>([
    ['a list', [1, 2], /^data must be a string or an object, not \[ 1, 2 \]$/],
    ['an array', dense, /^data must be a string or an object, not Float64Array/],
    ['nothing', {}, 'data in memory has no x; it is { x, shape: [N, q], y } or { rowStart, columns, values, '],
    ['no shape', { x: dense }, 'data in memory has no shape'],
    [
      'a shape',
      { x: dense, shape: [N] },
      'data in memory: shape must be [samples, features], two whole numbers from 1 on',
    ],
    ['a shape of none', { x: dense, shape: [0, q] }, 'shape must be [samples, features]'],
    ['another size', { x: dense, shape: [N, q + 1] }, 'data set memory: 138 values, expected 23 × 7 = 161'],
    [
      'a plain list',
      { x: [1, 2], shape: [1, 2] },
      'data in memory: x must be a Float64Array, a Float32Array or a Uint8Array',
    ],
    [
      'NaN',
      { x: nan, shape: [N, q] },
      'data set memory: sample 1, feature 2, counted from 0, is NaN; values must be finite',
    ],
    ['labels', { x: dense, shape: [N, q], y: [1] }, 'data set memory: 1 labels for 23 samples'],
    [
      'texts',
      { x: dense, shape: [N, q], y: Array(N).fill('1') },
      'the label of sample 0 is "1"; labels are finite numbers',
    ],
    ['memory that has gone', { x: detached, shape: [N, q], y }, 'data.x has no memory any more'],
    ['labels whose memory has gone', { x: dense, shape: [N, q], y: detached }, 'data.y has no memory any more'],
    [
      'a label',
      { x: dense, shape: [N, q], y: 'yes' },
      'data in memory: y must be an array or a typed array of numbers',
    ],
    ['a misspelt key', { X: dense, shape: [N, q] }, 'data in memory has X'],
    ['both forms', { ...sparse, x: dense }, 'data in memory has x'],
    ['rows', { ...sparse, rowStart: rowStart.slice(1) }, '23 offsets in rowStart; 23 samples have 24'],
    ['offsets', { ...sparse, rowStart: from(rowStart, 3, 99) }, 'rowStart[3] is 99 after 6; offsets must not descend'],
    [
      'the last offset',
      { ...sparse, rowStart: from(rowStart, N, 4) },
      'rowStart must run from 0 to 83, not from 0 to 4',
    ],
    [
      'order',
      { ...sparse, columns: from(columns, 1, 1) },
      'sample 0 has column 1 after 2; columns of a row must ascend',
    ],
    ['a column', { ...sparse, columns: from(columns, 3, q) }, 'sample 1 has column 6; columns'],
    ['a negative one', { ...sparse, columns: from(columns, 0, -1) }, 'sample 0 has column -1'],
    ['lengths', { ...sparse, values: values.slice(1) }, '83 columns for 82 values'],
    [
      'infinity',
      { ...sparse, values: from(values, 5, Number.POSITIVE_INFINITY) },
      'value 5, counted from 0, is Infinity',
    ],
    [
      'a function',
      { x: dense, shape: [N, q], y: () => 1 },
      'data.y is a function, which threads cannot share; allowed: ',
    ],
    ['a map', { x: new Map() }, 'data.x is a Map, which threads cannot share'],
  ])('%s', (_, data, message) => {
    const call = () => train({ ...common, data: data as TrainOptions['data'] });
    expect(call).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(call).toThrow(message);
  });

  test('a record that contains itself', () => {
    const loop: Record<string, unknown> = { x: dense, shape: [N, q] };
    loop.y = loop;
    expect(() => train({ ...common, data: loop })).toThrow('records lie in each other more than 20 deep');
  });

  test('data where a problem takes none, and an instance that is none', () => {
    const quadratic = { ...common, problem: 'quadratic:d=4' };
    expect(() => train({ ...quadratic, data: { x: dense, shape: [N, q] } })).toThrow(
      'data in memory must be left out: problem quadratic takes no data',
    );
    expect(() => train({ ...common, problem: 'heterogeneous-quadratic', data: { c: [1], b: ['2'] } })).toThrow(
      'the instance in memory needs b: an array of finite numbers',
    );
  });
});

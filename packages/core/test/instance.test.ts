import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataSource } from '../dist/data/load.js';
import { loadInstance } from '../dist/data/load-instance.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom } from '../dist/random.js';
import { Spec } from '../dist/spec.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-instance-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const file = (content: string) => {
  const path = join(folder, 'instance.json');
  writeFileSync(path, content);
  return path;
};
const create = async (path: string, workers: number) => {
  const input = { workers, random: new KeyedRandom('0'), instance: await loadInstance(path) };
  return problems['heterogeneous-quadratic'].create(Spec.parse('problem', 'heterogeneous-quadratic'), input);
};

test('f_i(x) = ½ c_i xᵀXx − bᵀx', async () => {
  const problem = await create(file('{"c": [1, 3], "b": [1, -2], "note": "ignored"}'), 2);
  const out = new Float64Array(2);
  // X = ¼ [2 −1; −1 2]: Xx = ¼ (2 − 1, −1 + 2) = (¼, ¼) at x = (1, 1)
  expect(problem.oracle(1, new Kernels()).gradient(Float64Array.of(1, 1), out)).toBeCloseTo(0.5 * 3 * 0.5 + 1, 15);
  expect([...out]).toEqual([0.75 - 1, 0.75 + 2]);
});

test('another number of workers than the instance is made for', async () => {
  await expect(create(file('{"c": [1, 3], "b": [1]}'), 3)).rejects.toThrow('made for 2 workers, not 3');
});

test.each(['', '[]', '{}', '{"c": [1]}', '{"c": [], "b": [1]}', '{"c": [1], "b": ["1"]}', '{"c": [1], "b": [null]}'])(
  'refuses %j with the name of the file',
  async (content) => {
    const path = file(content);
    await expect(loadInstance(path)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(path) });
  },
);

test('n and d, when the file states them, must be the lengths', async () => {
  expect(await loadInstance(file('{"n": 1, "d": 2, "c": [1], "b": [3, 4]}'))).toEqual({ c: [1], b: [3, 4] });
  await expect(loadInstance(file('{"n": 2, "c": [1], "b": [1]}'))).rejects.toThrow('says n = 2 and has 1 values');
  await expect(loadInstance(file('{"d": "1", "c": [1], "b": [1]}'))).rejects.toThrow('says d = 1 and has 1 values');
});

test('a data set that is neither known nor a file', () => {
  expect(() => dataSource('nothing-here')).toThrow(
    'unknown data set "nothing-here"; known: mnist, mushrooms, a9a, w8a, phishing, gisette, madelon, duke, or the path of a LIBSVM, CSV, NumPy or IDX file',
  );
});

test('what is no file of its own is never waited for', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(loadInstance(pipe, AbortSignal.timeout(100))).rejects.toMatchObject({ name: 'TimeoutError' });
  await expect(loadInstance('/dev/zero')).rejects.toMatchObject({ code: expect.stringMatching(/^(io|usage)$/) });
});

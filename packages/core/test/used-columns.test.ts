import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { usedColumns } from '../dist/data/used-columns.js';
import { denseDataset, KeyedRandom, problems, Spec, sparseDataset } from '../dist/index.js';
import { loadData } from '../dist/internal.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-wide-'));
afterAll(() => rmSync(folder, { recursive: true }));
const random = new KeyedRandom('wide');

/** 24 samples of three features each, among twelve that lie `apart`. */
function write(apart: number): string {
  const path = join(folder, `${apart}.libsvm`);
  const rows = Array.from({ length: 24 }, (_, s) => {
    const features = [s % 4, 4 + ((s * s) % 4), 8 + (s % 3)].map((j) => `${1 + apart * j}:${1 + Math.sin(s + j)}`);
    return `${s % 2 === 0 ? 1 : -1} ${features.join(' ')}`;
  });
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}

async function make(name: 'logistic' | 'softmax' | 'least-squares', data: string) {
  const spec = () => Spec.parse('problem', `${name}:lambda=0.01`);
  const input = { data, split: 'contiguous', workers: 3, random } as const;
  const { shared } = await loadData(problems[name], spec(), input);
  return problems[name].create(spec(), { ...shared, workers: 3, random });
}

test.each(['logistic', 'softmax', 'least-squares'] as const)(
  '%s: constants are the same however far apart the columns lie, and need not be looked for among them',
  async (name) => {
    // an iteration would keep dozens of vectors of this length
    const [near, far] = [await make(name, write(1)), await make(name, write(1_000_000))];
    expect(far.dimension).toBeGreaterThan(9_000_000);
    const { mu, trace, ...wide } = far.smoothness ?? expect.fail();
    const narrow = near.smoothness ?? expect.fail();
    for (const key of ['f', 'rms', 'max', 'LA', 'LB', 'LPlusMinus', 'sampleRms'] as const) {
      // bounds are up to 0.1 per cent too large, from start vectors of their own
      expect(Math.abs((wide[key] ?? Number.NaN) / (narrow[key] ?? Number.NaN) - 1), key).toBeLessThan(2e-3);
    }
    expect(mu).toBe(0.01);
    // tr(A) has λ d in it
    if (name === 'least-squares')
      expect(trace).toBeCloseTo((narrow.trace ?? 0) + 0.01 * (far.dimension - near.dimension), 6);
  },
);

test('numbers keep their places in order; what is not wide, or dense, stays as it is', () => {
  const label = [1, -1];
  const sparse = (features: number, column: number[]) =>
    sparseDataset({
      name: 'own',
      features,
      label,
      rowStart: Int32Array.of(0, 2, 3),
      column: Int32Array.from(column),
      value: Float64Array.of(5, 6, 7),
    });
  expect(usedColumns(sparse(100, [3, 90, 90]))).toMatchObject({
    features: 2,
    column: Int32Array.of(0, 1, 1),
    value: Float64Array.of(5, 6, 7),
  });
  const narrow = sparse(11, [3, 10, 10]);
  expect(usedColumns(narrow)).toBe(narrow);
  const dense = denseDataset({ name: 'own', values: Float64Array.of(1, 0), samples: 2, features: 1, label });
  expect(usedColumns(dense)).toBe(dense);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { planRun } from '../dist/run/plan.js';
import { openHere } from '../dist/testing/in-process.js';

const at = (name: string) => fileURLToPath(new URL(`./plugins/${name}.js`, import.meta.url));
const target = [1, -2, 3, -4, 5];
let folder = '';
let mine: TrainOptions;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-plugins-'));
  const data = join(folder, 'target.json');
  writeFileSync(data, JSON.stringify(target));
  mine = { problem: 'mine', method: 'mine', data, workers: 3, wire: 'f64', rounds: 8 };
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('registries are a run’s own', () => {
  test('two runs on one thread, round by round in turn, each with its own code under the same names', async () => {
    const runs = [
      await openHere({ ...mine, plugins: [at('one')] }),
      await openHere({ ...mine, plugins: [at('two')], uplink: 'scaled(mine)', method: 'ef21' }),
    ];
    for (let round = 0; round < 60; round++) for (const training of runs) await training.round();
    for (const [run, [c, kept]] of [
      [1, 2],
      [-3, 4],
    ].entries()) {
      const { server, fleet } = runs[run];
      server.iterate().forEach((v, j) => {
        expect(v, `run ${run}`).toBeCloseTo(c * target[j], 2);
      });
      // ef21 begins with dense gradients
      const dense = run === 1 ? 3 * target.length : 0;
      expect((await server.evaluate()).uplink.coordinates).toBe(dense + 60 * 3 * kept);
      await fleet.close();
    }
  });

  test('what is explained is the run’s own', async () => {
    for (const [name, kept] of [
      ['one', 2],
      ['two', 4],
    ] as const) {
      const { uplink, data } = await explain(parseOptions({ ...mine, plugins: [at(name)] }));
      expect(uplink).toMatchObject({ compressor: 'mine', density: kept, omega: 5 / kept - 1 });
      expect(data).toBe('a target');
    }
  });

  test.each([
    [{}, 'unknown method "mine"; known: gd, '],
    [{ method: 'gd' }, 'unknown problem "mine"; known: autoencoder, '],
    [{ method: 'dcgd', problem: 'quadratic', data: undefined, uplink: 'mine' }, 'unknown compressor "mine"; known: '],
    [{ method: 'ef21', problem: 'quadratic', data: undefined, uplink: 'scaled(mine)' }, 'unknown compressor "mine"'],
  ])('a run without plug-ins afterwards does not know the names: %o', async (more, message) => {
    await (await openHere({ ...mine, plugins: [at('one')] })).close();
    await expect(planRun(parseOptions({ ...mine, ...more }))).rejects.toThrow(message);
  });

  test('one plug-in twice is once; two with the same name do not go together', async () => {
    await planRun(parseOptions({ ...mine, plugins: [at('one'), at('one')] }));
    await expect(planRun(parseOptions({ ...mine, plugins: [at('one'), at('two')] }))).rejects.toThrow(
      'there is a compressor "mine" already; choose another name',
    );
  });
});

describe('a family that loads its own data', () => {
  test('the same run on threads and in one process, from its own starting point; its records name the data', async () => {
    const plugins = [at('one')];
    const out = join(folder, 'run');
    const threads = await train({ ...mine, plugins, threads: 2, out }).result;
    const loopback = await train({ ...mine, plugins, transport: 'loopback' }).result;
    expect(threads.xHash).toBe(loopback.xHash);
    expect(threads.data).toBe('a target');
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      data: 'a target',
      split: 'none',
      init: 'problem',
    });
    const rows = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trim().split('\n');
    // x⁰ = 2t: ½‖t‖²
    expect(JSON.parse(rows[0]).loss).toBe(0.5 * target.reduce((sum, v) => sum + v * v, 0));
    const zeros = await train({ ...mine, plugins, transport: 'loopback', init: 'zeros' }).result;
    expect(zeros.xHash).not.toBe(loopback.xHash);
  });

  test('it refuses data itself; a problem without a starting point of its own has none', async () => {
    const { result } = train({ ...mine, plugins: [at('one')], data: undefined });
    await expect(result).rejects.toMatchObject({ code: 'usage', message: 'problem mine needs data' });
    await expect(train({ problem: 'quadratic:d=9', init: 'problem' }).result).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('init "problem" is not known; allowed: reference'),
    });
  });

  test('m of the run’s theory is what it says', async () => {
    const { theory } = await planRun(parseOptions({ ...mine, plugins: [at('one')] }));
    expect(theory.samples).toBe(target.length);
  });
});

test('a gradient may write to x as long as it works: an evaluation is the same on any number of threads', async () => {
  const options: TrainOptions = { plugins: [at('differences')], problem: 'differences', method: 'gd', workers: 4 };
  const rows = [];
  for (const threads of [1, 2, 4]) {
    const { loss, gradNormSq } = await train({ ...options, threads, rounds: 3, evalEvery: 1 }).result;
    rows.push([loss, gradNormSq]);
  }
  expect(rows).toEqual([rows[0], rows[0], rows[0]]);
});

import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../core/dist/index.js';
import { type Phase, type TrainOptions, train } from '../dist/index.js';
import { checkDimension } from '../dist/run/memory.js';

const quick: TrainOptions = { problem: 'quadratic:d=10', method: 'gd', workers: 2, threads: 1, rounds: 3 };
const door = new URL('../dist/index.js', import.meta.url).href;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-edges-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that embeds the library, run under a shell's `limits`; its output, both streams together. */
function program(code: string, limits = ':', cwd = folder): Promise<string> {
  const path = join(folder, `p${readdirSync(folder).length}.mjs`);
  writeFileSync(
    path,
    `import { train } from ${JSON.stringify(door)};\nconst quick = ${JSON.stringify(quick)};\n${code}`,
  );
  return new Promise((resolve) => {
    const script = `${limits}; exec "$0" "$1" 2>&1`;
    execFile('bash', ['-c', script, process.execPath, path], { cwd }, (_error, stdout) => resolve(stdout));
  });
}

describe('signals', () => {
  test('a dozen runs on one: no warning, and all end', async () => {
    const out = await program(`
      process.on('warning', (warning) => console.log(warning.name));
      const stop = new AbortController();
      const runs = Array.from({ length: 12 }, (_, k) => train({ ...quick, rounds: 1e9, seed: String(k), signal: stop.signal }));
      await Promise.all(runs.map(async (run) => { for await (const row of run) return; }));
      stop.abort('enough');
      console.log((await Promise.all(runs.map((run) => run.result.catch((error) => error.code)))).join());`);
    expect(out).toBe(`${Array.from({ length: 12 }, () => 'aborted').join()}\n`);
  });

  test('one that has fired costs nothing: no phase, no data, no folder', async () => {
    const phases: Phase[] = [];
    const out = join(folder, 'never');
    const data = join(folder, 'bad.svm');
    writeFileSync(data, '+1 1:nan\n-1 1:1\n');
    const signal = AbortSignal.abort('shutting down');
    const run = train({ ...quick, problem: 'logistic', data, out, signal, onPhase: (phase) => phases.push(phase) });
    await expect(run.result).rejects.toMatchObject({ code: 'aborted', cause: 'shutting down' });
    expect(phases).toEqual([]);
    expect(existsSync(out)).toBe(false);
  });
});

test('phases come in order, before the rows', async () => {
  const seen: string[] = [];
  const run = train({ ...quick, onPhase: (phase) => seen.push(phase) });
  for await (const { round } of run) seen.push(`round ${round}`);
  const order = ['starting', 'loading', 'building', 'evaluating', 'training'];
  expect(seen.filter((one) => order.includes(one))).toEqual(order);
  expect(seen.indexOf('evaluating')).toBeLessThan(seen.indexOf('round 0'));
});

describe('a failing run that nobody looks at ends no process', () => {
  const failing = `{ ...quick, uplink: 'natural', method: 'gd' }`;

  test('without a logger it is a warning', async () => {
    const out = await program(`train(${failing}); process.on('exit', () => console.log('alive'));`);
    expect(out).toMatch(
      /FlotillaWarning: a run failed, and nobody has asked for its result: uplink "natural" must be left out/,
    );
    expect(out).toMatch(/alive\n$/);
  });

  test('with one it is logged, whatever the logger does', async () => {
    const logger = `{ debug() {}, info() {}, error(fields, message) { console.log(fields.code, message); throw null; } }`;
    const out = await program(`train({ ...${failing}, logger: ${logger} });`);
    expect(out).toMatch(/^usage uplink "natural" must be left out: .*\n$/);
  });

  test('one whose result was asked for is not', async () => {
    const out = await program(
      `const { result } = train(${failing}); console.log((await result.catch((e) => e)).code);`,
    );
    expect(out).toBe('usage\n');
  });
});

describe('limits', () => {
  const outcome = `const e = await train({ ...quick, workers: 12, threads: 12 }).result.catch((e) => e); console.log(e.name, e.code, e.message);`;

  // for root, ulimit -u does not bind; another user cannot read a project in a folder that is root's alone
  const other = ['--reuid', '23462', '--regid', '23462', '--clear-groups'];
  const canBeOther =
    process.getuid?.() === 0 &&
    existsSync('/usr/bin/setpriv') &&
    spawnSync('/usr/bin/setpriv', [...other, 'test', '-r', fileURLToPath(door)]).status === 0;
  test.runIf(canBeOther)('processes', async () => {
    const path = join(folder, 'threads.mjs');
    writeFileSync(
      path,
      `import { train } from ${JSON.stringify(door)};\nconst quick = ${JSON.stringify(quick)};\n${outcome}`,
    );
    const node = `ulimit -u 20; exec ${process.execPath} ${path}`;
    const out = await new Promise<string>((resolve) => {
      const args = [...other, 'bash', '--norc', '-c', node];
      // the folder is root's own; a shell whose input is a socket would read a file that is root's too
      execFile('bash', ['-c', `chmod a+rx ${folder}; exec setpriv "$@" 2>&1`, 'setpriv', ...args], (_e, stdout) =>
        resolve(stdout),
      );
    });
    expect(out).toMatch(/^FlotillaError limit no more threads can be started: .*ulimit -u/);
  });

  test('address space', async () => {
    const out = await program(outcome, 'ulimit -v 24000000');
    expect(out).toMatch(/^FlotillaError limit .*ulimit -v/);
    expect(out.trim().split('\n').length).toBe(1);
  });

  test('open files', async () => {
    const out = await program(outcome.replaceAll('12', '60'), 'ulimit -n 150');
    expect(out).toMatch(/^FlotillaError limit no more files can be opened by this process: .*ulimit -n/);
  });

  test('a dimension that is too large is refused before it is allocated', () => {
    expect(() => checkDimension(2 ** 31, 2, 'logistic on d.svm')).toThrow(
      'logistic on d.svm: dimension d = 2147483648 is too large; it is at most 268435440',
    );
    const check = () => checkDimension(1e8, 10, 'quadratic:d=1e8', { memory: 2 ** 32 });
    expect(check).toThrow(/takes at least 12.7 GiB, and there are 4.0 GiB of memory/);
    expect(check).toThrow(expect.objectContaining({ code: 'limit' }));
    expect(() => checkDimension(1e8, 10, 'quadratic:d=1e8', { memory: 2 ** 34 })).not.toThrow();
  });

  test('a current folder that is gone', async () => {
    const gone = join(folder, 'gone');
    mkdirSync(gone);
    expect(await program(outcome, 'rmdir ../gone', gone)).toBe(
      'FlotillaError io the current folder is gone: change to one that exists\n',
    );
  });
});

describe('what a plug-in throws becomes one error, on threads and without', () => {
  const plugin = (what: string) => {
    const path = join(folder, `plugin${readdirSync(folder).length}.mjs`);
    const core = new URL('../../core/dist/index.js', import.meta.url).href;
    writeFileSync(
      path,
      `import { UsageError } from ${JSON.stringify(core)};
       const revoked = () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; };
       const mean = { name: 'mean', summary: '', data: 'none', init: 'zeros', stepSize: () => '0.1', create: () => ({ dimension: 3, oracle: () => ({ smoothness: 1, gradient() { ${what} } }) }) };
       export default { problems: { mean } };`,
    );
    return path;
  };

  describe.each(['threads', 'loopback'] as const)('%s', (transport) => {
    test.each([
      ['throw null', /^worker 0, round 0: null was thrown, which is no Error$/],
      ['throw Object.create(null)', /^worker 0, round 0: \[object Object\] was thrown/],
      ['throw revoked()', /^worker 0, round 0: a value that cannot be shown was thrown$/],
      [
        'throw new Error("x".repeat(3e6) + " in the end")',
        /^worker 0, round 0: x{3000,} … \(\d+ characters left out\) … x+ in the end$/,
      ],
    ])('%s', async (what, message) => {
      const error = await train({ ...quick, problem: 'mean', plugins: [plugin(what)], transport }).result.catch(
        (e) => e,
      );
      expect(error).toMatchObject({ code: 'internal', message: expect.stringMatching(message) });
    });

    test('a UsageError stays one', async () => {
      const plugins = [plugin('throw new UsageError("no such sample")')];
      const error = await train({ ...quick, problem: 'mean', plugins, transport }).result.catch((e) => e);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toBe('worker 0, round 0: no such sample');
    });
  });

  test('null, thrown out of turn, ends the run', async () => {
    const plugins = [plugin('queueMicrotask(() => { throw null; }); return 1;')];
    const run = train({ ...quick, problem: 'mean', plugins, transport: 'loopback', rounds: 1e9 });
    await expect(run.result).rejects.toThrow('the server thread ended: nobody knows why');
  });

  test('a plug-in that only a worker thread cannot load: as it was thrown', async () => {
    const path = join(folder, 'main-only.mjs');
    writeFileSync(
      path,
      `import { workerData } from 'node:worker_threads';
       const module = [workerData].flat().find((one) => one?.module)?.module;
       if (module.includes('thread.js') && !module.includes('server-thread')) throw new Error('not here');
       export default { problems: {} };`,
    );
    const error = await train({ ...quick, plugins: [path] }).result.catch((e) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(`plugin ${path} cannot be imported: not here`);
  });
});

describe('numbers that overflow', () => {
  const run = async (data: string, options: TrainOptions = {}) => {
    const path = join(folder, 'large.svm');
    writeFileSync(path, data);
    return train({ ...quick, problem: 'logistic', data: path, ...options }).result.catch((e) => e);
  };

  test.each([
    ['1e160', 'threads'],
    ['1e200', 'loopback'],
  ] as const)('%s as a value: the sample and the feature', async (value, transport) => {
    const error = await run(`+1 1:1\n-1 1:1 3:-${value}\n`, { transport, stepSize: 0.1 });
    expect(error).toMatchObject({
      code: 'usage',
      message: `data set large.svm: ‖a‖² of sample 2 overflows, feature 3 is -${value.replace('e', 'e+')}; scale the data`,
    });
  });

  test('as a parameter, and where only the step size overflows', async () => {
    expect(await run('+1 1:1\n-1 1:2\n', { problem: 'logistic:lambda=1e308*L' })).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/logistic:lambda=1e308\*L|needs finite constants/),
    });
    const m3 = await run('+1 1:1e140\n-1 1:2\n', { method: 'm3' });
    expect(m3).toMatchObject({ code: 'usage', message: expect.stringMatching(/^stepSize theory/) });
  });
});

describe('the run folder', () => {
  const left = (out: string) => readdirSync(out).sort();

  test.each(['config.json', 'summary.json', 'report.html', 'model.safetensors'])(
    'a %s that no run wrote stays, and the run is refused before it trains',
    async (name) => {
      const out = join(folder, `mine-${name}`);
      mkdirSync(out);
      writeFileSync(join(out, name), 'mine');
      await expect(train({ ...quick, out }).result).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining(`holds ${name} already; name a new folder`),
      });
      expect(left(out)).toEqual([name]);
    },
  );

  test('a run that fails before its first row leaves nothing; the next one may have the folder', async () => {
    const out = join(folder, 'deep', 'er');
    const failing = {
      ...quick,
      method: 'm3',
      problem: 'autoencoder',
      data: join(folder, 'tiny.svm'),
      stepSize: 'theory',
    };
    writeFileSync(failing.data, '+1 1:1 2:1\n-1 1:2\n');
    await expect(train({ ...failing, out }).result).rejects.toMatchObject({ code: 'usage' });
    expect(existsSync(join(folder, 'deep'))).toBe(false);
    await train({ ...quick, out }).result;
    expect(left(out)).toEqual(['checkpoint', 'config.json', 'metrics.jsonl', 'model.safetensors', 'summary.json']);
  });

  test('a folder that was there stays, with what is in it', async () => {
    const out = join(folder, 'there');
    mkdirSync(out);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const failing = train({ ...quick, data: undefined, problem: 'logistic:lambda=1e308', out });
    await expect(failing.result).rejects.toMatchObject({ code: 'usage' });
    expect(left(out)).toEqual(['notes.txt']);
  });
});

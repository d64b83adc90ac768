import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, modulesOf, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { openHere } from '../dist/testing/in-process.js';

let folder = '';
let module = '';
let made = 0;
const core = JSON.stringify(import.meta.resolve('@flotilla/core'));
const DISTANCE = `import { defineProblem } from ${core};
export default defineProblem({
  name: 'distance',
  parameters: { scale: { default: 1, min: 0 }, upTo: 3 },
  async load({ data, parameters: { scale } }) {
    const target = typeof data === 'object' ? data.target : [1, 2];
    return { target: Float64Array.from(target, (v) => v * scale) };
  },
  dimension: ({ data }) => data.target.length,
  tensors: ({ data }) => [{ name: 'place', shape: [data.target.length] }],
  smoothness: () => 1,
  gradient({ data: { target } }, x, out) {
    if (!(target.buffer instanceof SharedArrayBuffer)) throw new Error('not shared');
    let sum = 0;
    for (let j = 0; j < x.length; j++) {
      out[j] = x[j] - target[j];
      sum += 0.5 * out[j] ** 2;
    }
    return sum;
  },
});
`;

beforeAll(() => {
  // a colon, a blank and a capital letter are as good as any
  folder = mkdtempSync(join(tmpdir(), 'flotilla-problem-module-'));
  mkdirSync(join(folder, 'My own: problems'));
  module = join(folder, 'My own: problems', 'Distance_2.mjs');
  writeFileSync(module, DISTANCE);
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const common: TrainOptions = { method: 'gd', workers: 4, rounds: 5, wire: 'f64', stepSize: 1 };

describe('a problem from a module', () => {
  test('is the same by URL, by path, with parameters of either kind, on threads and in one process', async () => {
    const url = pathToFileURL(module);
    const ways: TrainOptions['problem'][] = [
      { module: url, parameters: { scale: 2, 'up-to': 4 } },
      { module: url.href, parameters: { scale: 2 } },
      { module, parameters: { scale: '2' } },
      `${module}:scale=2`,
      `${url.href}:scale=2,up-to=5`,
      `${relative(process.cwd(), module)}:scale=2`,
    ];
    const hashes = new Set<string>();
    for (const problem of ways) {
      for (const where of [{ threads: 2 }, { transport: 'loopback' }] as const) {
        const { xHash, loss } = await train({ ...common, ...where, problem }).result;
        expect(loss).toBe(0);
        hashes.add(xHash);
      }
    }
    expect(hashes.size).toBe(1);
    const { xHash } = await train({ ...common, problem: url }).result;
    expect(hashes.has(xHash)).toBe(false);
  });

  test('its records have its path', async () => {
    const out = join(folder, 'run');
    const summary = await train({ ...common, problem: pathToFileURL(module), out }).result;
    expect(summary.problem).toBe(module);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).problem).toBe(module);
    const explained = await explain(parseOptions({ ...common, problem: module }));
    expect(explained).toMatchObject({ dimension: 2, smoothness: { max: 1 } });
  });

  test('takes data of its own shape from memory', async () => {
    const training = await openHere({ ...common, problem: module, data: { target: Float64Array.of(5, 6, 7) } });
    await training.round();
    expect(training.model().tensors).toMatchObject({ place: { values: Float64Array.of(5, 6, 7) } });
    await training.close();
    const out = join(folder, 'own-data');
    const { data, loss } = await train({ ...common, problem: module, data: { target: [5, 6] }, out }).result;
    expect(loss).toBe(0);
    expect(data).toMatch(/^memory:sha256=[0-9a-f]{64}$/);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).data).toBe(data);
    const other = await train({ ...common, problem: module, data: { target: [5, 7] } }).result;
    expect(other.data).not.toBe(data);
  });

  test('is named by the options alone: they say which modules they name', () => {
    expect(modulesOf(parseOptions({ plugins: ['a.js'], problem: pathToFileURL(module) }))).toEqual(['a.js', module]);
    expect(modulesOf(parseOptions({ problem: 'quadratic:d=3' }))).toEqual([]);
    expect(modulesOf(parseOptions({ problem: 'C:\\work\\my.js:a=b' }))).toEqual(['C:\\work\\my.js']);
  });
});

describe('one line for', () => {
  const refused = (problem: unknown, message: string | RegExp) =>
    expect(
      (async () => train({ ...common, problem: problem as string }).result)(),
      String(problem),
    ).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(message) });

  test('a module that is not there, has no default export, or exports something else', async () => {
    await refused(join(folder, 'none.js'), /^problem .*none\.js cannot be imported: there is no such file$/);
    await refused(
      write('a.js', 'export const x = 1;'),
      /^problem .*a\.js exports nothing by default; export default def/,
    );
    await refused(write('b.js', 'export default { dimension: 2 };'), /its default export has no function create/);
    await refused(write('c.js', 'export default { problems: {} };'), /it is a plug-in: name it under plugins/);
    await refused(write('d.js', 'export default ;\n'), /^problem .*d\.js cannot be imported: Unexpected token/);
    await refused(write('e.js', "import 'not-installed';"), /^problem .*e\.js cannot be imported: Cannot find package/);
    await refused(write('f.js', "throw new Error('no\\nmore');"), /^problem .*f\.js cannot be imported: no more$/);
  });

  test('what a function returns that no model or run can be made of', async () => {
    const wrong = (own: string) =>
      write(
        `wrong-${made++}.mjs`,
        `import { defineProblem } from ${core};
export default defineProblem({ name: 'wrong', load: () => ({}), smoothness: () => 1, dimension: () => 2,
  gradient(worker, x, out) { out.fill(0); return 0; }, ${own} });`,
      );
    const batch = 'batchGradient: () => 0, samples: () =>';
    for (const [own, message] of [
      ["tensors: () => [{ name: 'w', shape: [3] }]", /its tensors have 3 numbers, and its dimension is 2$/],
      ["tensors: () => [{ name: 'w', shape: [1] }, { name: 'w', shape: [1] }]", /names of their own; "w" is taken$/],
      ["tensors: () => [{ name: '__metadata__', shape: [2] }]", /"__metadata__" is taken$/],
      ["tensors: () => [{ name: 'w', shape: [-1, -2] }]", /tensors is .* it must be a list of \{ name, shape \}/],
      ["tensors: () => 'w'", /tensors is "w"; it must be a list/],
      ['facts: () => ({ a: new Map() })', /facts is \{ a: Map\(0\) \{\} \}; it must have texts, flags/],
      ['facts: () => ({ a: NaN })', /facts is \{ a: NaN \}/],
      ['facts: () => ({ a: Array(300_000).fill(0.5) })', /take \d+ bytes of a model's header; at most 524288 are/],
      ["metrics: { loss: { better: 'lower', value: () => 1 } }", /no metric can be called loss, which is f$/],
      ['smoothness: () => -1', /smoothness returned -1; it must return a number ≥ 0, or undefined/],
      ["smoothness: () => '1'", /smoothness returned "1"; /],
      [`${batch} NaN`, /samples of worker 0 is NaN; it must be a whole number from 1 on$/],
      [`${batch} 2.5`, /samples of worker 0 is 2.5; /],
    ] as const) {
      await refused(wrong(own), message);
    }
    for (const own of ['() => [1, 2]', '() => Float32Array.of(1, 2)', '() => {}', 'async () => new Float64Array(2)']) {
      await expect(train({ ...common, problem: wrong(`start: ${own}`) }).result).rejects.toThrow(
        /^the problem's start returned .*; it must return a Float64Array$/,
      );
    }
    const validated = { ...common, data: 'somewhere', validation: 'test', problem: wrong('facts: () => ({ a: 1 })') };
    await expect(train(validated).result).rejects.toThrow('problem wrong loads its own data, which has no test part');
  });

  test('a definition that is none', async () => {
    const define = (name: string, body: string) =>
      write(name, `import { defineProblem } from ${core};\nexport default defineProblem(${body});\n`);
    await refused(
      define('g.js', "{ name: 'g', gradient: () => 0, stepSize: 1 }"),
      /defineProblem of g needs dimension$/,
    );
    await refused(
      define('h.js', "{ name: 'h', batchgradient: 1 }"),
      /defineProblem of h does not know batchgradient; it/,
    );
    await refused(define('i.js', "{ name: 'i', gradient: 1 }"), /defineProblem of i: gradient must be a function$/);
    await refused(define('j.js', 'undefined'), /defineProblem takes an object/);
    await refused(
      define('k.js', "{ name: 'k', gradient: () => 0, dimension: () => 2 }"),
      /defineProblem of k needs smoothness, for the step size theory, or a stepSize$/,
    );
    await refused(
      define('l.js', "{ name: 'l', gradient: () => 0, dimension: () => 1.5, stepSize: 1, load: () => ({}) }"),
      /problem l: dimension is 1.5; it must be a whole number from 1 on$/,
    );
    await refused(
      define('m.js', "{ name: 'm', gradient: () => 0, dimension: () => 1, stepSize: 1, load: () => ({ f: Map }) }"),
      /problem m: the data that load returned\.f is a function, which threads cannot share/,
    );
  });

  test('parameters that it does not have or take', async () => {
    await refused(`${module}:size=2`, /problem distance-2 has no parameter size; it takes scale, up-to$/);
    await refused(`${module}:scale=-1`, /problem distance-2: scale=-1 is not allowed; scale must be a number ≥ 0$/);
    await refused({ module, parameters: { scale: '1,2' } }, /scale cannot be "1,2": no blanks and no commas$/);
  });

  test.each([
    [new URL('https://example.org/p.js'), /must be the file: URL of a module$/],
    [new URL('data:text/javascript,1'), /must be the file: URL of a module$/],
    ['./problem', /problem ".\/problem" is neither a name nor the path of a module, which ends in \.js/],
    ['/tmp/problem.txt:a=b', /is neither a name nor the path of a module/],
    [{ module: 7 }, /^problem must be a string, a URL or { module, parameters }, not { module: 7 }$/],
    [{ module: './a.js', parameter: {} }, /^problem must be a string, a URL or { module, parameters }, not /],
    [['./a.js'], /^problem must be a string, a URL or { module, parameters }, not /],
    [null, /^problem must be .*, not null$/],
  ])('%o', async (problem, message) => {
    await refused(problem, message);
  });

  test('a module in a message is not imported', async () => {
    const { problem: _, ...rest } = common;
    const marker = join(folder, 'imported');
    const path = write(
      'n.js',
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, '');`,
    );
    const training = await openHere({ ...rest, problem: 'quadratic:d=3' });
    const { request } = await import('../dist/hosts/request.js');
    const { WIRE_VERSION } = await import('@flotilla/protocol');
    const job = { ...training.plan.job, problem: path };
    await expect(
      request(training.fleet, { type: 'configure', wireVersion: WIRE_VERSION, job }, 'ready', training.stragglers),
    ).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('unknown problem') });
    await training.close();
    expect(() => readFileSync(marker)).toThrow();
  });
});

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flotilla as inFolder } from './command-line.js';

const core = JSON.stringify(import.meta.resolve('@flotilla/core'));
let folder = '';
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'flotilla-problem-')));
  const module = `import { defineProblem } from ${core};
export default defineProblem({
  name: 'well',
  parameters: { at: 1, fails: false },
  stepSize: 0.5,
  dimension: ({ data }) => data.features,
  gradient({ parameters: { at, fails } }, x, out) {
    if (fails) throw new TypeError('the pump is broken');
    for (let j = 0; j < x.length; j++) out[j] = x[j] - at;
    return out.reduce((sum, v) => sum + 0.5 * v * v, 0);
  },
});
`;
  writeFileSync(join(folder, 'well.js'), module);
  writeFileSync(join(folder, 'data.libsvm'), '1 1:1\n2 2:1\n1 3:1\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const flotilla = (...args: string[]) => inFolder(args, folder);
const common = [
  '--data',
  'data.libsvm',
  '--method',
  'gd',
  '--workers',
  '3',
  '--threads',
  '2',
  '--rounds',
  '40',
  '--quiet',
];

test('--problem ./my-problem.js:key=value trains it, and its folder names it', async () => {
  const { code, stdout, stderr } = await flotilla('--problem', './well.js:at=3', ...common, '--json', '--out', 'run');
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ problem: './well.js:at=3', dimension: 3, data: 'data.libsvm' });
  expect(JSON.parse(stdout).loss).toBeLessThan(1e-6);
  expect(JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8'))).toMatchObject({
    problem: './well.js:at=3',
  });
});

test("code of one's own that throws is one line with its file and line, whatever the transport", async () => {
  for (const transport of ['threads', 'loopback']) {
    const problem = ['--problem', 'well.js:fails=true', '--transport', transport];
    const { code, stderr } = await flotilla(...problem, ...common, '--out', `failed-${transport}`);
    const where = `${join(folder, 'well.js')}:8:22`;
    expect([code, stderr]).toEqual([1, `flotilla: worker 0, round 0: the pump is broken (${where})\n`]);
  }
});

test.each([
  ['./none.js', 'flotilla: problem ./none.js cannot be imported: there is no such file\n'],
  ['./well.js:on=3', 'flotilla: problem well has no parameter on; it takes at, fails\n'],
  [
    './well',
    'flotilla: problem "./well" is neither a name nor the path of a module, which ends in .js, .mjs or .cjs\n',
  ],
])('%s is refused in one line', async (problem, line) => {
  const { code, stderr } = await flotilla('--problem', problem, ...common);
  expect([code, stderr]).toEqual([2, line]);
});

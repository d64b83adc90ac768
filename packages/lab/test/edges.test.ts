import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-lab-edges-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (...names: string[]) => join(folder, ...names);
const read = (...names: string[]) => readFileSync(at(...names), 'utf8');
const RUN = 'start --problem quadratic:d=20 --method gd --workers 2 --threads 1 --transport loopback --rounds 5';
const FILES = ['checkpoint', 'config.json', 'metrics.jsonl', 'model.safetensors', 'report.html', 'summary.json'];

/** Runs a shell's line, in which `ft` is the command, in the folder. */
function shell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const script = `ft() { ${JSON.stringify(process.execPath)} ${JSON.stringify(main)} "$@"; }\n${line}`;
    const child = execFile('bash', ['-c', script], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe('stdout and stderr may go away', () => {
  test.each([
    [
      'a reader of both that leaves',
      `ft ${RUN} --eval-every 1 --rounds 2000 --out OUT 2>&1 | head -1 > /dev/null; exit \${PIPESTATUS[0]}`,
    ],
    ['both closed', `ft ${RUN} --out OUT >&- 2>&-`],
    ['both full', `ft ${RUN} --out OUT > /dev/full 2> /dev/full`],
    ['a result that nobody reads', `ft ${RUN} --json --out OUT | true; exit \${PIPESTATUS[0]}`],
  ])('%s: the run ends in order', async (what, line) => {
    const out = what.replaceAll(' ', '-');
    expect((await shell(line.replaceAll('OUT', out))).code).toBe(0);
    expect(readdirSync(at(out)).sort()).toEqual(FILES);
  });

  test('a full stdout is said once on stderr', async () => {
    const { code, stderr } = await shell(`ft ${RUN} --quiet --json --out full > /dev/full`);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'flotilla: stdout cannot be written: no space is left\n',
    });
  });
});

test('SIGHUP, also twice, ends a run as SIGTERM does', async () => {
  const args = `${RUN} --quiet --out hup`.replace('--rounds 5', '--rounds 1000000000 --eval-every 100');
  const child = spawn(process.execPath, [main, ...args.split(' ')], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  while (!existsSync(at('hup', 'metrics.jsonl'))) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGHUP');
  child.kill('SIGHUP');
  expect(await ended).toBe(130);
  expect(JSON.parse(read('hup', 'summary.json'))).toMatchObject({ stopReason: 'aborted' });
  expect(readdirSync(at('hup')).sort()).toEqual(FILES);
});

describe('--json: stdout is one object, whatever a plug-in prints', () => {
  const plugin = `
    console.log('loaded');
    process.stdout.write('and again\\n');
    const oracle = () => ({ smoothness: 1, gradient(x, out) { console.log('gradient'); for (let i = 0; i < 3; i++) out[i] = x[i] - 1; return 1; } });
    const noisy = { name: 'noisy', summary: '', data: 'none', init: 'zeros', stepSize: () => '0.1', create: () => ({ dimension: 3, oracle }) };
    export default { problems: { noisy } };`;

  test.each(['--transport threads', '--transport loopback', '--explain'])('%s', async (how) => {
    writeFileSync(at('noisy.mjs'), plugin);
    const run = `ft --plugin noisy.mjs --problem noisy --method gd --workers 2 --rounds 2 --json --quiet ${how}`;
    const { code, stdout, stderr } = await shell(run);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ method: 'gd', problem: 'noisy' });
    expect(stderr).toContain('loaded\nand again\n');
  });
});

test('before the first round each phase is a line on a pipe, and nothing under --quiet', async () => {
  const { stderr } = await shell(`ft ${RUN} --out phases`);
  expect(stderr).toMatch(
    /^starting threads\nreading data and planning\nbuilding the functions of 2 workers\nevaluating the starting point\nround 0 /,
  );
  expect(await shell(`ft ${RUN} --quiet --out no-phases`)).toEqual({ code: 0, stdout: '', stderr: '' });
});

describe('what no run wrote is never replaced', () => {
  test('a folder with a file of one of its names is refused, and gets no report', async () => {
    mkdirSync(at('project'));
    writeFileSync(at('project', 'config.json'), '{"name":"my-service"}\n');
    const { code, stderr } = await shell(`ft ${RUN} --quiet --out project`);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'flotilla: --out "project" holds config.json already; name a new folder\n',
    });
    expect(readdirSync(at('project'))).toEqual(['config.json']);
  });

  test('it is refused before any data are read', async () => {
    // a pipe that nobody writes to: whoever opened it would wait
    await shell('mkfifo pipe.libsvm');
    mkdirSync(at('taken'));
    writeFileSync(at('taken', 'config.json'), '{"name":"my-service"}\n');
    const run = 'ft --problem logistic --data pipe.libsvm --workers 2 --rounds 2 --out taken --quiet';
    const { code, stderr } = await shell(run);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'flotilla: --out "taken" holds config.json already; name a new folder\n',
    });
  });

  test('a second run leaves the report of the first one as it is', async () => {
    await shell(`ft ${RUN} --quiet --out twice`);
    const before = read('twice', 'report.html');
    expect((await shell(`ft ${RUN} --quiet --out twice`)).code).toBe(2);
    expect(read('twice', 'report.html')).toBe(before);
  });

  test('a page of another hand, or a link; a report of ours is', async () => {
    await shell(`ft ${RUN} --quiet --out shown`);
    writeFileSync(at('mine.html'), '<!doctype html>mine');
    symlinkSync(at('mine.html'), at('link.html'));
    for (const out of ['mine.html', 'link.html', '/dev/full']) {
      const { code, stderr } = await shell(`ft report shown --out ${out}`);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `flotilla: --out "${out}" cannot be written: something else is there; name another one\n`,
      });
    }
    expect(read('mine.html')).toBe('<!doctype html>mine');
    for (let k = 0; k < 2; k++) expect((await shell('ft report shown --out page.html')).stdout).toBe('page.html\n');
  });

  test('results of a bench: those of another hand stay, its own are replaced', async () => {
    mkdirSync(at('out', 'bench', 'links'), { recursive: true });
    writeFileSync(at('out', 'bench', 'links', 'results.json'), '{"mine": 1}');
    const refused = await shell('ft bench links --smoke --out out');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      `${join('out', 'bench', 'links', 'results.json')} is there already and no bench wrote it`,
    );
    expect(read('out', 'bench', 'links', 'results.json')).toBe('{"mine": 1}');
    for (let k = 0; k < 2; k++) expect((await shell('ft bench links --smoke --out other')).code).toBe(0);
    expect(readdirSync(at('other', 'bench', 'links')).filter((name) => name.includes('part'))).toEqual([]);
  });
});

test.runIf(process.getuid?.() === 0 && existsSync('/usr/bin/unshare'))(
  'a report that does not fit says so, and leaves no remains',
  async () => {
    mkdirSync(at('disk'));
    const mounted = `mount -t tmpfs -o size=64k tmpfs disk && ft ${RUN} --quiet --out disk/r; echo "code $?"; ls -A disk/r`;
    const script = `ft() { ${process.execPath} ${main} "$@"; }; ${mounted}`;
    const { stdout, stderr } = await shell(`unshare -m bash -c ${JSON.stringify(script).replaceAll('$', '\\$')}`);
    expect(stdout).toBe('code 0\ncheckpoint\nconfig.json\nmetrics.jsonl\nmodel.safetensors\nsummary.json\n');
    expect(stderr).toMatch(/^flotilla: report.html was not written: .*no space is left\n$/);
  },
);

test('rows that are not whole are left out, and it is said where', async () => {
  await shell(`ft ${RUN} --quiet --eval-every 1 --out cut`);
  const rows = read('cut', 'metrics.jsonl');
  writeFileSync(at('cut', 'metrics.jsonl'), rows.replace('\n', '\n{"round":1}\n'));
  appendFileSync(at('cut', 'metrics.jsonl'), `${rows.split('\n')[0].slice(0, 80)}}`);
  const { code, stderr } = await shell('ft report cut --out cut.html');
  const said = `${join('cut', 'metrics.jsonl')}, line 2, 8: not a whole row, left out`;
  expect({ code, stderr }).toEqual({ code: 0, stderr: `flotilla: ${said}\n` });
  expect(read('cut.html')).toContain(said);
});

test('a current folder that is gone, and a disk that is only read: one line', async () => {
  const gone = await shell(`mkdir gone; cd gone; rmdir ../gone; ft ${RUN} --quiet`);
  expect(gone).toEqual({
    code: 1,
    stdout: '',
    stderr: 'flotilla: the current folder is gone: change to one that exists\n',
  });
  const { code, stderr } = await shell(`ft ${RUN} --quiet --out /proc/none/run`);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `flotilla: --out "/proc/none/run" cannot be written: no such file or folder\n`,
  });
});

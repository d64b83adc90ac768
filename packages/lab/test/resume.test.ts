import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flotilla, main } from './command-line.js';
import { killed, type Point, undisturbed } from './kill.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-kill-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (line: string, interruptAt?: string) => flotilla(line.split(' '), folder, interruptAt);
const QUICK = 'start --problem quadratic:d=20 --method m3:p=0.3 --workers 3 --threads 1 --step-size 0.1 --eval-every 7';
const last = (stderr: string) => stderr.trim().split('\n').at(-1);

describe('SIGKILL at six points, then --resume: the run that was never killed', () => {
  let known: ReturnType<typeof undisturbed> | undefined;
  const whole = () => {
    known ??= undisturbed(folder);
    return known;
  };

  const points: Point[] = [
    { ms: 0.6 },
    { file: 'config.json', ms: 0 },
    { file: 'checkpoint/next.part', ms: 0 },
    { file: 'checkpoint/round-50.ckpt', ms: 3 },
    { file: 'model.safetensors', ms: 0 },
    { file: 'summary.json', ms: 0 },
  ];
  test.each(points.map((point, k) => [k, point] as const))('%i: %o', async (k, point) => {
    const expected = await whole();
    const ms = point.file === undefined ? point.ms * expected.ms : point.ms;
    await killed(folder, `killed-${k}`, [{ ...point, ms }], expected);
  });

  test('again and again', async () => {
    const file = (name: string, ms: number) => ({ file: `checkpoint/${name}`, ms });
    const times = await killed(
      folder,
      'often',
      [file('round-50.ckpt', 0), file('round-150.ckpt', 0), file('round-250.ckpt', 0)],
      await whole(),
    );
    // on a machine that has no time to look, a run may have ended before it was killed
    expect(times).toBeGreaterThan(0);
  });
});

test('--quiet does not wait in silence for the process that has the folder', async () => {
  const words = [...`${QUICK} --rounds 1000000000 --quiet --out stands-still`.split(' ')];
  const owner = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: 'ignore' });
  try {
    while (!existsSync(join(folder, 'stands-still', 'checkpoint', 'lock'))) await setTimeout(10);
    while (!existsSync(join(folder, 'stands-still', 'checkpoint', 'round-0.ckpt'))) await setTimeout(10);
    owner.kill('SIGSTOP');
    const { code, stderr } = await run('start --resume stands-still --quiet', 'waiting for process');
    expect(code).toBe(130);
    expect(stderr).toMatch(
      new RegExp(
        `^waiting for process ${owner.pid}, which is at work on this run, says .*lock\n.*aborted before its first round.*\n$`,
      ),
    );
  } finally {
    owner.kill('SIGKILL');
  }
});

test('Ctrl-C leaves a checkpoint of the round that it ended with; the message is the command that goes on', async () => {
  const long = `${QUICK} --rounds 1000000000`;
  const { code, stderr } = await run(`${long} --out interrupted`, 'round 7 ');
  expect(code).toBe(130);
  const [, round, command] =
    /the run was aborted after round (\d+); go on with: flotilla (.*)$/.exec(`${last(stderr)}`) ?? [];
  expect(command).toBe('start --resume interrupted');
  expect(readdirSync(join(folder, 'interrupted', 'checkpoint'))).toContain(`round-${round}.ckpt`);
  const end = String(Number(round) + 10);
  const [resumed, whole] = [
    await run(`${command} --rounds ${end} --json`),
    await run(`${QUICK} --rounds ${end} --quiet --json --out whole-${end}`),
  ];
  expect(resumed.stderr).toContain(`the run goes on after round ${round}\n`);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ xHash: JSON.parse(whole.stdout).xHash, resumed: 1 });
  // and once more, now that it has ended
  const again = await run(`${command} --json`);
  expect({ code: again.code, stdout: again.stdout }).toEqual({ code: 0, stdout: resumed.stdout });
});

test.each(['SIGTERM', 'SIGHUP'] as const)('%s as well', async (signal) => {
  const words = `${QUICK} --rounds 1000000000 --out ${signal}`.split(' ');
  const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let stderr = '';
  for await (const piece of child.stderr) {
    stderr += piece;
    if (stderr.includes('round 7 ') && !child.killed) child.kill(signal);
  }
  expect(await ended).toBe(130);
  expect(last(stderr)).toMatch(/go on with: .* --resume SIG/);
  const { rounds } = JSON.parse(readFileSync(join(folder, signal, 'summary.json'), 'utf8'));
  expect(existsSync(join(folder, signal, 'checkpoint', `round-${rounds}.ckpt`))).toBe(true);
});

test('neither a run that diverges nor one that cannot begin names the command that goes on: they would come to the same', async () => {
  const diverging = await run(`${QUICK.replace('0.1', '1000')} --wire f64 --rounds 100000 --quiet --out diverged`);
  expect(diverging.code).toBe(1);
  expect(diverging.stderr).toMatch(/^flotilla: diverged in round .*; try a smaller step size\n$/);
  const refused = await run(`${QUICK} --uplink rand-k:k=21 --quiet --out refused`);
  expect({ code: refused.code, left: existsSync(join(folder, 'refused')) }).toEqual({ code: 2, left: false });
  expect(refused.stderr).not.toContain('--resume');
});

test.runIf(process.getuid?.() === 0 && existsSync('/usr/bin/unshare'))(
  'a disk that fills up: exit 1, the command that goes on, and with room again the same x',
  async () => {
    const job = `${QUICK.replace('d=20', 'd=400')} --rounds 30 --checkpoint-every 10 --quiet --json`;
    const script = `
      ft() { ${process.execPath} ${main} "$@"; }
      mkdir disk && mount -t tmpfs -o size=120k tmpfs disk
      ft ${job} --out disk/r > first; echo "code $?"; ls disk/r/checkpoint
      mount -o remount,size=20m disk
      ft start --resume disk/r --quiet --json > second; echo "code $?"; ls disk/r/checkpoint`;
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      execFile('/usr/bin/unshare', ['-m', 'bash', '-c', script], { cwd: folder }, (_error, out, err) =>
        resolve({ stdout: out, stderr: err }),
      );
    });
    expect(stderr).toMatch(
      /(^|\n)flotilla: a checkpoint cannot be written in .*checkpoint: no space is left; go on with: flotilla start --resume disk\/r\n$/,
    );
    const before = ['code 1', 'round-0.ckpt', 'round-10.ckpt'];
    expect(stdout.trim().split('\n')).toEqual([...before, 'code 0', 'resumes.jsonl', 'round-30.ckpt']);
    const whole = await run(`${job} --out whole-disk`);
    const summary = JSON.parse(readFileSync(join(folder, 'second'), 'utf8'));
    expect(summary).toMatchObject({ xHash: JSON.parse(whole.stdout).xHash, resumed: 1 });
  },
);

test('nothing is added to a run that is beyond the rounds it is given, and that is said', async () => {
  await run(`${QUICK} --rounds 9 --quiet --out nine`);
  const { code, stderr } = await run('start --resume nine --rounds 5');
  expect(code).toBe(0);
  expect(stderr).toContain('\nno round is added: by rounds the run is at its end after round 9\n');
  const more = await run('start --resume nine --rounds 12');
  expect(more.stderr).not.toContain('no round is added');
  expect(JSON.parse(readFileSync(join(folder, 'nine', 'summary.json'), 'utf8')).rounds).toBe(12);
});

test('the folder of --seeds runs names one that can be resumed', async () => {
  await run(`${QUICK} --rounds 2 --quiet --seeds 10,9 --out seeds`);
  const { code, stderr } = await run('start --resume seeds --rounds 3');
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'flotilla: --resume "seeds" holds 2 runs of --seeds, and each goes on by itself: --resume seeds/seed-9\n',
  });
  expect((await run('start --resume seeds/seed-9 --rounds 3 --quiet')).code).toBe(0);
});

test.each([
  ['--resume stored', '--resume "stored"'],
  ['--config stored', '--config "stored"'],
])('%s: what is wrong with an option is said of where it is stored', async (how, where) => {
  const data = join(folder, 'gone.libsvm');
  writeFileSync(data, '+1 1:1\n-1 2:1\n');
  await run('start --problem logistic --data gone.libsvm --workers 2 --method gd --rounds 2 --quiet --out stored');
  rmSync(data);
  const told = {
    code: 2,
    stdout: '',
    stderr: `flotilla: ${where}: its data "gone.libsvm" cannot be read: no file is there\n`,
  };
  expect(await run(`start ${how} --explain`)).toEqual(told);
  expect(await run(`start ${how} --rounds 3 --quiet`)).toEqual(told);
  expect((await run('start --config stored --data other.libsvm --explain')).stderr).toBe(
    'flotilla: --data "other.libsvm" cannot be read: no file is there\n',
  );
});

test('--checkpoint-every never leaves no folder of checkpoints', async () => {
  await run(`${QUICK} --rounds 3 --checkpoint-every never --quiet --out never`);
  expect(readdirSync(join(folder, 'never')).sort()).toEqual([
    'config.json',
    'metrics.jsonl',
    'model.safetensors',
    'report.html',
    'summary.json',
  ]);
  const { code, stderr } = await run(`${QUICK} --rounds 3 --quiet --out never`);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'flotilla: --out "never" holds a run already; name a new folder\n',
  });
});

test('a folder that has an option by its other name goes on, and the option may be given anew by either', async () => {
  await run(`${QUICK} --rounds 7 --quiet --out older`);
  const path = join(folder, 'older', 'config.json');
  const { roundTimeout, onStraggler: _, divergedFactor: _f, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
  expect(roundTimeout).toBe(600);
  writeFileSync(path, JSON.stringify({ ...rest, workerTimeout: 300 }));
  expect(await run('start --resume older --rounds 14 --quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ roundTimeout: 300, rounds: 14 });
  await run('start --resume older --rounds 21 --worker-timeout 90 --quiet');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  expect(config).toMatchObject({ roundTimeout: 90, rounds: 21 });
  expect(config).not.toHaveProperty('workerTimeout');
  const refused = await run('start --resume older --worker-timeout 0');
  expect(refused.stderr).toBe('flotilla: --worker-timeout must be a number > 0, not 0\n');
  const both = await run('start --worker-timeout 5 --round-timeout 5');
  expect(both.stderr).toBe('flotilla: --worker-timeout is given by its other name as well: leave one of them out\n');
});

test('what does not go together', async () => {
  await run(`${QUICK} --rounds 3 --quiet --out three`);
  const lines = {
    '--resume three --config three': '--config and --resume cannot both be given',
    '--resume three --seeds 0..3': '--seeds and --resume cannot both be given; resume a folder seed-<s>',
    '--force --rounds 3': '--force is for a run that goes on: --resume',
    '--resume three --seed 1': '--seed cannot be "1" where a run goes on: it was "0"; leave it out, or begin a new run',
    '--resume three --checkpoint-every 1.5':
      '--checkpoint-every must be a whole number of rounds from 1 to 1000000000, seconds such as 60s, or never, not "1.5"',
    '--resume nothing': '--resume "nothing" holds no run: there is no config.json',
  };
  for (const [line, message] of Object.entries(lines)) {
    expect(await run(`start ${line}`)).toEqual({ code: 2, stdout: '', stderr: `flotilla: ${message}\n` });
  }
});

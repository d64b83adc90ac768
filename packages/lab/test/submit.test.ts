import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { train } from '@flotilla/server';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { shellWord } from '../dist/terminal/shell-word.js';
import { commandLine, main } from './command-line.js';
import { hasBroker } from './nats-broker.js';

const { folder, flotillaWords } = commandLine('submit');
const JOB = ['--problem', 'heterogeneous-quadratic:d=30', '--workers', '6', '--rounds', '20'];
const FAR = ['--nats', 'tls://broker:4222', '--nats-token', 'token'];

test('any words come out of a shell as they went in', () => {
  const word = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[ -~]{0,9}$/),
    fc.constantFrom(
      '',
      '~',
      '~/x',
      '-x',
      '--a=~',
      '--a=$(b)',
      "it's",
      '*',
      '=ls',
      '--a',
      '--',
      'a\nb',
      'é',
      '!x',
      '\\',
    ),
  );
  // a NUL is in no word
  const list = fc.array(
    word.filter((text) => !text.includes('\0')),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(list, (words) => {
      for (const shell of ['bash', 'sh']) {
        const said = execFileSync(shell, ['-c', `printf '%s\\0' ${words.map(shellWord).join(' ')}`], {
          encoding: 'utf8',
        });
        expect(said.split('\0').slice(0, -1)).toEqual(words);
      }
    }),
    { numRuns: 50 },
  );
});

describe('submit --slurm', () => {
  const submit = (words: readonly string[]) => flotillaWords(['submit', '--slurm', ...words]);
  const read = (name: string) => readFileSync(join(folder(), name), 'utf8');

  test('writes what Slurm reads, and a shell', async () => {
    const given = [...JOB, ...FAR, '--nodes', '2', '--hosts', '4', '--cpus', '3', '--out', 'runs/a'];
    const more = [
      '--sbatch=--partition=long',
      '--sbatch=--mem=4G',
      '--plugin',
      'p.js',
      '--data',
      'd.csv',
      '--run',
      'mine',
    ];
    expect(await submit([...given, ...more, '--seed', "it's $x"])).toEqual({
      code: 0,
      stdout: 'a.sbatch\n',
      stderr: '',
    });
    const script = read('a.sbatch');
    expect(spawnSync('bash', ['-n', '-c', script]).status).toBe(0);
    expect(script.match(/^#SBATCH .*$/gm)).toEqual([
      '#SBATCH --job-name=flotilla',
      '#SBATCH --nodes=2',
      '#SBATCH --ntasks=4',
      '#SBATCH --cpus-per-task=3',
      '#SBATCH --requeue',
      '#SBATCH --open-mode=append',
      '#SBATCH --signal=B:USR1@120',
      '#SBATCH --partition=long',
      '#SBATCH --mem=4G',
    ]);
    expect(script).toContain(
      "\nbegin=(--problem=heterogeneous-quadratic:d=30 --data=d.csv --workers=6 --rounds=20 '--seed=it'\\''s $x' --plugin=p.js)\n",
    );
    // what no message may name
    expect(script).toContain('\nown=(--data=d.csv --plugin=p.js)\n');
    expect(script).toContain('\nrun=mine\n');
    expect(script).toContain('\nbroker=(--nats=tls://broker:4222 --nats-token=token)\n');
    expect(script).not.toContain('nats-server');
  });

  test('goes on without --config, which a run that goes on has in its folder', async () => {
    writeFileSync(join(folder(), 'c.json'), JSON.stringify({ workers: 3, problem: 'quadratic:d=9' }));
    expect((await submit(['--config', 'c.json', ...FAR, '--hosts', '3', '--method', 'gd', '--out', 'c'])).code).toBe(0);
    expect(read('c.sbatch')).toContain('\nbegin=(--method=gd --config=c.json)\ngo_on=(--method=gd)\n');
    expect((await submit(['--config', 'c.json', ...FAR, '--hosts', '4', '--out', 'c'])).stderr).toBe(
      'flotilla: --hosts 4 must be at most --workers 3\n',
    );
  });

  test('replaces its own script, and nothing else', async () => {
    const given = [...JOB, ...FAR, '--out', 'twice'];
    for (let k = 0; k < 2; k++) expect((await submit(given)).code).toBe(0);
    writeFileSync(join(folder(), 'mine.sh'), '#!/bin/bash\necho mine\n');
    expect((await submit([...given, '--script', 'mine.sh'])).stderr).toBe(
      'flotilla: --script "mine.sh" cannot be written: something else is there; name another one\n',
    );
    expect(read('mine.sh')).toContain('echo mine');
  });

  test('says what sbatch says', async () => {
    const bin = join(folder(), 'bin');
    mkdirSync(bin);
    const sbatch = (text: string) => {
      writeFileSync(join(bin, 'sbatch'), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, 'sbatch'), 0o755);
      const words = ['submit', '--slurm', '--submit', ...JOB, ...FAR, '--out', 'sent'];
      return flotillaWords(words, undefined, { PATH: `${bin}:${process.env.PATH}` });
    };
    expect(await sbatch('echo "Submitted $2"')).toMatchObject({ code: 0, stdout: 'Submitted sent.sbatch\n' });
    expect(await sbatch('echo "sbatch: error: no partition" >&2; exit 1')).toMatchObject({
      code: 1,
      stderr: 'flotilla: sbatch does not take "sent.sbatch": sbatch: error: no partition\n',
    });
  });

  test.each<[string, string]>([
    ['--out a', 'submit needs a broker: --nats tls://HOST:PORT, or --broker on one node'],
    ['--broker', 'submit needs --out, the folder that the run goes on from when it is requeued'],
    ['--out a --broker --nodes 2', '--broker is for one node, not 2: it is on loopback; name a broker with --nats'],
    ['--out a --broker --nats nats://127.0.0.1', '--broker and --nats cannot both be given'],
    [
      '--out a --nats nats://far:4222 --nats-token t',
      'nats "nats://far:4222" is not on this machine: it must be tls://',
    ],
    [
      '--out a --nats nats://localhost:4222 --nodes 2 --hosts 2',
      '--nats "nats://localhost:4222" is another broker on each of the 2 nodes: name its host',
    ],
    ['--out a --broker --hosts 7', '--hosts 7 must be at most --workers 6'],
    [
      '--out a --nats tls://far --nats-token t --nodes 3 --hosts 2',
      '--hosts 2 must be at least --nodes 3: none would be idle',
    ],
    ['--out a --broker --hosts 0', '--hosts must be a whole number from 1 to 1000, not "0"'],
    ['--out a --broker --transport threads', '--transport cannot be "threads" here: it is nats'],
    [
      '--out a --broker --sbatch=--x=$(id)',
      '--sbatch must be an option of sbatch without blanks and quotes, such as --sbatch=--partition=long, not "--x=$(id)"',
    ],
    ['--out a --broker --method sgd', 'unknown method "sgd"; known: gd,'],
    ['--out a --broker --problem rosenbrock', 'unknown problem "rosenbrock"; known:'],
    ['--out a --broker --wire f16', '--wire must be f32 or f64, not "f16"'],
    ['--out a --broker --resume a', 'unknown option --resume'],
    ['--out a --broker b', 'unexpected "b": options are written --name value'],
    [
      '--out a --broker --link up=1mbit',
      '--link "up=1mbit" is for links within one process: with transport nats they are what they are',
    ],
    ['--out a --broker --run a.b', 'run "a.b" must be 1 to 64 letters, digits, - or _'],
  ])('%s is refused', async (words, line) => {
    const { code, stdout, stderr } = await submit([...JOB, ...words.split(' ')]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n')).toHaveLength(2);
    expect(stderr).toContain(`flotilla: ${line}`);
  });

  test('without a scheduler it says which there is', async () => {
    expect((await flotillaWords(['submit', ...JOB])).stderr).toBe(
      'flotilla: submit needs the scheduler: --slurm, the one there is\n',
    );
  });

  describe.skipIf(!hasBroker)('its script, with a stand-in for srun', () => {
    beforeAll(() => {
      const bin = join(folder(), 'stand-in');
      mkdirSync(bin);
      // tasks of one step; one that fails ends the others
      writeFileSync(
        join(bin, 'srun'),
        `#!/bin/bash
while [[ $1 == --* ]]; do [[ $1 == --ntasks=* ]] && n=\${1#--ntasks=}; shift; done
pids=()
trap 'kill "\${pids[@]}" 2>/dev/null; wait; exit 143' TERM
for ((k = 0; k < n; k++)); do SLURM_PROCID=$k SLURM_NTASKS=$n "$@" & pids+=($!); done
code=0
for pid in "\${pids[@]}"; do wait -n || { code=$?; kill "\${pids[@]}" 2>/dev/null; }; done
exit $code
`,
      );
      chmodSync(join(bin, 'srun'), 0o755);
    });
    const bash = (script: string) => {
      const env = {
        ...process.env,
        PATH: `${join(folder(), 'stand-in')}:${process.env.PATH}`,
        SLURM_JOB_ID: '7',
        TMPDIR: folder(),
      };
      return spawnSync('bash', [script], { cwd: '/', env, encoding: 'utf8' });
    };

    test('trains with its own broker and leaves nothing behind', async () => {
      const out = "runs/it's here";
      mkdirSync(join(folder(), 'runs'), { recursive: true });
      expect((await submit([...JOB, '--broker', '--hosts', '3', '--out', out, '--script', 's.sh'])).code).toBe(0);
      const first = bash(join(folder(), 's.sh'));
      expect(first.status, first.stderr).toBe(0);
      const { xHash } = await train({
        problem: 'heterogeneous-quadratic:d=30',
        workers: 6,
        rounds: 20,
        transport: 'loopback',
      }).result;
      expect(JSON.parse(read(join(out, 'summary.json')))).toMatchObject({ xHash, transport: 'nats' });
      expect(first.stderr).toContain('run job-7-0: workers 4 to 5 take part');
      // neither broker nor token
      expect(execFileSync('ls', [folder()], { encoding: 'utf8' })).not.toMatch(/^tmp\./m);
      expect(spawnSync('pgrep', ['-f', `${folder()}/tmp`]).status).toBe(1);
    });

    test('hosts that cannot take part end it', async () => {
      const token = ['--nats', 'nats://127.0.0.1:1', '--nats-token', 'no-such-file'];
      expect((await submit([...JOB, ...token, '--hosts', '2', '--out', 'no'])).code).toBe(0);
      const { status, stderr } = bash(join(folder(), 'no.sbatch'));
      expect(status, stderr).not.toBe(0);
      expect(stderr).toContain('token "no-such-file" cannot be read');
    });
  });
});

test('its program is this one', async () => {
  await flotillaWords(['submit', '--slurm', ...JOB, ...FAR, '--out', 'program']);
  expect(readFileSync(join(folder(), 'program.sbatch'), 'utf8')).toContain(`program=(${process.execPath} ${main})`);
});

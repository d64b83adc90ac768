import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commands } from '../dist/cli/commands.js';
import { COUNTER_KEYS, ROW_KEYS, SUMMARY_KEYS } from '../dist/cli/result-keys.js';
import { commandLine, main, flotilla as run } from './command-line.js';

const { folder, flotilla } = commandLine('cli');

const quick = '--problem heterogeneous-quadratic:d=50 --workers 4 --threads 2 --step-size 0.3 --rounds 20';

describe('results', () => {
  test('--json prints one object on stdout and nothing else; progress goes to stderr', async () => {
    const { code, stdout, stderr } = await flotilla(`${quick} --json --out json`);
    expect(code).toBe(0);
    const summary = JSON.parse(stdout);
    expect(stdout.trim().split('\n').length).toBe(1);
    expect(summary).toEqual(JSON.parse(readFileSync(join(folder(), 'json', 'summary.json'), 'utf8')));
    // as docs/cli.md has them
    const occasional = new Set([
      'batch',
      'batchDense',
      'checksum',
      'broker',
      'late',
      'measured',
      'output',
      'outputRound',
      'refused',
      'repeated',
      'attendance',
    ]);
    expect(Object.keys(summary)).toEqual(Object.keys(SUMMARY_KEYS).filter((key) => !occasional.has(key)));
    for (const side of [summary.uplink, summary.downlink]) expect(Object.keys(side)).toEqual(Object.keys(COUNTER_KEYS));
    const [row] = readFileSync(join(folder(), 'json', 'metrics.jsonl'), 'utf8').split('\n');
    const optional = new Set(['modelSeconds', 'metrics', 'validation', 'late', 'away']);
    expect(Object.keys(JSON.parse(row))).toEqual(Object.keys(ROW_KEYS).filter((key) => !optional.has(key)));
    expect(stderr).toMatch(/\nround 0 {2}f .*\nround 10 .*up .* down .*rounds\/s\nround 20 /);
  });

  test('without --json: a table of measured bytes beside gradient descent', async () => {
    const { code, stdout } = await flotilla(quick);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /m3 on heterogeneous-quadratic:d=50: 4 workers, 20 rounds, step size 0.3 \(stopped by rounds\)/,
    );
    // GD in 20 rounds: 20 · 4 frames of 208 bytes each way
    expect(stdout).toMatch(/uplink +84 .*16\.6 kB +\d\.\d+ ×/);
    expect(stdout).toMatch(/total .*33\.3 kB +\d\.\d+ ×/);
    const [name] = readdirSync(join(folder(), 'runs'));
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT.*-m3-heterogeneous-quadratic$/);
    expect(stdout).toContain(join('runs', name));
  });

  test('--quiet says nothing', async () => {
    expect(await flotilla(`${quick} --quiet --out quiet`)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('--help begins with examples, as the command is called here, and names options; --version', async () => {
    const { code, stdout } = await flotilla('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Examples\n {2}flotilla start/);
    const script = { npm_lifecycle_event: 'start', npm_package_name: 'flotilla-workspace' };
    expect((await flotilla('start --help', undefined, script)).stdout).toMatch(/^Examples\n {2}pnpm start/);
    for (const option of ['--method', '--step-size', '--target', '--eval-every', '--json'])
      expect(stdout).toContain(option);
    expect((await flotilla('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('in a checkout commands are its scripts', async () => {
    const checkout = fileURLToPath(new URL('../../../', import.meta.url));
    const called = async (words: string) => (await run(words.split(' '), checkout)).stdout;
    expect(await called('start --help')).toMatch(/^Examples\n {2}pnpm start/);
    // there is no script of that name
    expect(await called('evaluate --help')).toContain('pnpm flotilla evaluate');
  });

  test('--help, -h and help list the commands; help COMMAND is COMMAND --help', async () => {
    const { stdout: page } = await flotilla('--help');
    for (const [name, { summary }] of Object.entries(commands)) {
      expect(page).toMatch(new RegExp(`^ {2}${name} +${summary.replaceAll(' ', '\\s+')}$`, 'm'));
    }
    for (const asked of ['-h', 'help']) expect(await flotilla(asked)).toEqual({ code: 0, stdout: page, stderr: '' });
    for (const name of Object.keys(commands)) {
      const help = await flotilla(`${name} --help`);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`flotilla ${name}`);
      expect(await flotilla(`help ${name}`)).toEqual(help);
    }
    expect((await flotilla('help bench methods')).stdout).toContain('--step-base');
    const unknown = {
      code: 2,
      stdout: '',
      stderr:
        'flotilla: unexpected "twenty": options are written --name value, commands are start worker submit manifest evaluate predict bench report dashboard sweep compare export reproduce\n',
    };
    expect(await flotilla('help twenty')).toEqual(unknown);
  });

  test.each(Object.keys(commands))(
    'called as pnpm %s, help says so; the separator of pnpm run is not an argument',
    async (name) => {
      const script = { npm_lifecycle_event: name, npm_package_name: 'flotilla-workspace' };
      const { code, stdout } = await flotilla(`${name} -- --help`, undefined, script);
      expect(code).toBe(0);
      expect(stdout).toContain(`pnpm ${name}`);
      // a name that things have is no command
      expect(stdout).not.toMatch(/flotilla [a-z]/);
    },
  );

  test('Ctrl-C: exit 130, one line, the summary of the rounds until then', async () => {
    const { code, stderr } = await flotilla(
      `${quick} --rounds 1000000000 --eval-every 1000 --out ctrl-c`.replace('--rounds 20 ', ''),
      'round 1000',
    );
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /\nflotilla: the run was aborted after round \d+; go on with: flotilla start --resume ctrl-c\n$/,
    );
    const summary = JSON.parse(readFileSync(join(folder(), 'ctrl-c', 'summary.json'), 'utf8'));
    expect(summary).toMatchObject({ stopReason: 'aborted' });
  });
});

describe('bad usage: exit 2 and one line that names the value and what is allowed', () => {
  test.each([
    ['--method sgd', 'unknown method "sgd"; known: gd, dcgd, diana, vr-diana, marina, vr-marina'],
    ['--method diana --uplink top-k:k=9', 'diana needs an unbiased compressor on the uplink; top-k:k=9 is biased'],
    ['--downlink top-k:k=1%+natural', 'm3 needs an unbiased compressor on the downlink; top-k:k=1%+natural is biased'],
    ['--method ef21-p --downlink rand-k:k=9', 'ef21-p needs a contractive compressor on the downlink'],
    ['--method m3:q=1', 'method m3 has no parameter q; it takes p, p-downlink, p-uplink, beta, mu'],
    ['--method ef21-bc --uplink rand-k:k=9', 'ef21-bc needs a contractive compressor on the uplink'],
    ['--method dist-ef-sgd --downlink rand-k:k=9', 'dist-ef-sgd needs a contractive compressor on the downlink'],
    ['--method mcm --downlink top-k:k=9', 'mcm needs an unbiased compressor on the downlink; top-k:k=9 is biased'],
    ['--method m3:p=2', 'p=2 is not allowed; p must be a number in (0, 1]'],
    ['--uplink rand-k:k=25089', 'rand-k: k=25089 is not allowed; k must be 1 to 25088'],
    ['--uplink rand-k', 'compressor rand-k needs k='],
    ['--method gd --uplink natural', '--uplink "natural" must be left out: method gd sends no compressed messages'],
    ['--workers 0', '--workers must be a whole number from 1 to 10000, not 0'],
    ['--workers many', '--workers must be a whole number from 1 to 10000, not "many"'],
    ['--workers 10001', '--workers must be a whole number from 1 to 10000, not 10001'],
    ['--threads 0', '--threads must be a whole number from 1 to 1024 or auto, not 0'],
    ['--wire f16', '--wire must be f32 or f64, not "f16"'],
    ['--step-size 0', '--step-size must be a number > 0, theory, theory*FACTOR, measured or measured*FACTOR, not "0"'],
    ['--step-size theory', 'this problem has none; give a number, or measured'],
    ['--step-size mesured*2', 'not "mesured*2"; did you mean measured?'],
    ['--measure', '--measure belongs to --explain; to train with measured constants: --step-size measured'],
    ['--init ones', '--init "ones" is not known; allowed: reference, zeros or normal:SCALE'],
    ['--problem heterogeneous-quadratic:d=2.5', 'd=2.5 is not allowed; d must be a whole number'],
    [
      '--data cifar',
      'unknown data set "cifar"; known: mnist, mushrooms, a9a, w8a, phishing, gisette, madelon, duke, or the path',
    ],
    ['--split random', 'unknown split "random"; known: contiguous, shuffled, label, dirichlet'],
    ['--method vr-marina --problem quadratic', 'method vr-marina draws batches of samples; problem quadratic has none'],
    ['--method pp-marina:sampled=9 --workers 5', 'sampled=9 is not allowed; sampled must be a number in [1, 5]'],
    ['--method marina:downlink=sparse', 'downlink=sparse is not allowed; downlink must be dense or delta'],
    ['--bandwidth 10mbit', 'unknown option --bandwidth; known: --method'],
    ['--link up=10', '--link "up=10": up cannot be 10; it is a rate (bit, kbit, mbit or gbit a second)'],
    [
      '--link-model bandwidth=1mbit',
      '--link-model "bandwidth=1mbit": "bandwidth=1mbit" is not of the form key=value with a key of up, down, latency, duplex, compute, server',
    ],
    ['--stepSize 1', 'unknown option --stepSize; did you mean --step-size?'],
    ['--methd gd', 'unknown option --methd; did you mean --method?'],
    ['--eval 1', 'unknown option --eval; did you mean --eval-every?'],
    ['--method M3', 'did you mean m3?'],
    ['--method m3:P=1', 'method m3 has no parameter P; it takes p, p-downlink, p-uplink, beta, mu; did you mean p?'],
    ['--problem autoencodr', 'did you mean autoencoder?'],
    ['--uplink randk:k=5', 'did you mean rand-k?'],
    ['--data mushroom --problem logistic', 'did you mean mushrooms?'],
    ['--data ./mushrooms --problem logistic', '--data "./mushrooms" cannot be read: no file is there'],
    ['--data data.svm --problem logistic', '--data "data.svm" cannot be read: no file is there'],
    ['--problem quadratic --data mnist', '--data "mnist" must be left out: problem quadratic takes no data'],
    ['--link up=9x1mbit --workers 3 --problem quadratic', '--link lists 9 workers in up; there are 3'],
    ['--link-model up=9x1mbit --workers 3 --problem quadratic', '--link-model lists 9 workers in up; there are 3'],
    ['--target -1', '--target must be a number > 0, not -1'],
    ['--json=yes', '--json takes no value; leave out "yes"'],
    ['--rounds', '--rounds needs a value'],
    ['--rounds --json', '--rounds needs a value'],
    ['--seed --other', '--seed needs a value; if that is "--other", write --seed=--other'],
    ['strat', 'unexpected "strat"; did you mean start?'],
    ['report nowhere', '"nowhere" does not hold a run: no folder is there'],
    [`report ${main}`, 'does not hold a run: it is a file, not a folder'],
    ['report .', '"." does not hold a run: it has no config.json and no metrics.jsonl'],
    ['report --out', '--out needs a value'],
    ['bench methods --seeds 0x2', '--seeds must be a whole number from 1 to 1000, not "0x2"'],
    ['bench methods --wrkers 3', 'unknown option --wrkers; did you mean --workers?'],
    ['reproduce marina1', 'did you mean marina-1?'],
    ['twenty', 'unexpected "twenty"'],
    ['--out /proc/flotilla', '--out "/proc/flotilla" cannot be written: no such file or folder'],
  ])('%s', async (args, message) => {
    const { code, stdout, stderr } = await flotilla(
      /^(?:report|bench|reproduce|strat)/.test(args) ? args : `--quiet ${args}`,
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(stderr).toMatch(/^flotilla: /);
  });

  test('nothing of another program is in them, nor a name that only the library has', async () => {
    const odd = [
      '--workers 0',
      '--threads x',
      '--step-size x',
      '--eval-every 0',
      '--json=1',
      '--rounds',
      'report x',
      '--out /proc/x',
    ];
    for (const args of odd) {
      const { stderr } = await flotilla(args);
      expect(stderr, args).not.toMatch(
        /expected|received|invalid input|too small|<value>|argument|ENO|stepSize|evalEvery/i,
      );
    }
  });

  test('an --out that is a file', async () => {
    const { code, stderr } = await flotilla(`${quick} --out ${main}`);
    expect(code).toBe(2);
    expect(stderr).toContain('cannot be written');
  });
});

test('divergence: exit 1, one line with round and place, the folder keeps its rows', async () => {
  const { code, stdout, stderr } = await flotilla(
    '--method gd --step-size 0.01 --threads 2 --eval-every 2 --out diverged --json',
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /\nflotilla: diverged in round \d+ at (the server|worker \d+): .*; try a smaller step size\n$/,
  );
  expect(
    readFileSync(join(folder(), 'diverged', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n').length,
  ).toBeGreaterThan(2);
  expect(existsSync(join(folder(), 'diverged', 'summary.json'))).toBe(false);
});

test('a LIBSVM file by path; a damaged one is refused with its line', async () => {
  const path = join(folder(), 'tiny.libsvm');
  writeFileSync(path, '+1 1:0.5 3:1\n-1 2:1\r\n-1\n+1 3:-2 # comment\n');
  const run = `--problem nonconvex-logistic --method gd --workers 2 --threads 1 --rounds 3 --json --quiet --data ${path}`;
  const { code, stdout } = await flotilla(run);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ dimension: 4, data: path });
  writeFileSync(path, '+1 1:0.5\n-1 2:x\n');
  const bad = await flotilla(run);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/^flotilla: .*tiny\.libsvm.*2.*"?x/);
  expect(bad.stderr.trim().split('\n').length).toBe(1);
});

describe('--explain', () => {
  // the instance of experiments on heterogeneous quadratics by hand: L_i = c_i λ, λ = ½ (1 + cos(π/4)) for d = 3
  const lambda = 0.5 * (1 + Math.SQRT1_2);
  const instance = () => writeFileSync(join(folder(), 'two.json'), JSON.stringify({ c: [1, 3], b: [1, 1, 1] }));

  test('prints the constants, the formula and its value, and runs nothing', async () => {
    instance();
    const before = readdirSync(folder()).length;
    const { code, stdout, stderr } = await flotilla(
      '--explain --problem heterogeneous-quadratic --data two.json --workers 2 --method marina --uplink rand-k:k=1',
    );
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(readdirSync(folder()).length).toBe(before);
    expect(stdout).toContain('Algorithm 1');
    expect(stdout).toMatch(new RegExp(`L_rms +${Number((lambda * Math.sqrt(5)).toPrecision(5))}`));
    expect(stdout).toContain('1/(L_rms (1 + √((1 − p)ω/(pn))))');
    // ω = 2, p = 1/3: √(⅔·2/(⅓·2)) = √2
    const theory = 1 / (lambda * Math.sqrt(5) * (1 + Math.SQRT2));
    expect(stdout).toMatch(new RegExp(`theory +${Number(theory.toPrecision(5))}`));
  });

  test('where theory covers nothing it says so and why, after what is known', async () => {
    const options = '--explain --problem quadratic:d=8 --workers 4 --method pp-marina --uplink perm-k';
    const { code, stdout, stderr } = await flotilla(options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\n {2}A, B +1, 1 /);
    expect(stdout).toMatch(/\n {2}theory +does not cover it: Theorem 4\.1 assumes .* these have A = 1 and B = 1\n/);
    expect(stdout).toMatch(/\n {2}γ +none: --step-size must be a number here\n/);
    const { stepSize } = JSON.parse((await flotilla(`${options} --json`)).stdout);
    expect(Object.keys(stepSize)).toEqual(['refused', 'formula', 'uncovered']);
    writeFileSync(join(folder(), 'rough.libsvm'), '+1 1:1\n-1 2:1\n');
    const quartic = '--explain --problem autoencoder --data rough.libsvm --workers 2 --step-size theory';
    const { stdout: rough } = await flotilla(quartic);
    expect(rough).toMatch(
      /\n {2}γ +none: --step-size theory needs a smoothness constant and this problem has none; give a/,
    );
  });

  test('says that even coins are not those of the theorem', async () => {
    instance();
    const options = '--explain --problem heterogeneous-quadratic --data two.json --workers 2 --method m3:p=0.25';
    const { stdout } = await flotilla(`${options} --coins even`);
    expect(stdout).toMatch(/coins +even +one round in 1\/p; the theorem assumes independent coins/);
    expect((await flotilla(options)).stdout).not.toContain('coins');
    const refused = await flotilla(`${options} --coins sometimes`);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^flotilla: --coins must be independent or even, not "sometimes"/);
  });

  test('--json gives the same as an object; expected bytes from dense and compressed messages', async () => {
    instance();
    const { stdout } = await flotilla(
      '--explain --json --problem heterogeneous-quadratic --data two.json --workers 2 --method m3:p=0.25 --step-size 0.1',
    );
    const { uplink, downlink, smoothness, parameters, coins, stepSize } = JSON.parse(stdout);
    expect(coins).toBe('independent');
    expect(smoothness.f).toBeCloseTo(2 * lambda, 12);
    expect(smoothness.LA).toBeCloseTo(Math.SQRT2 * lambda, 12);
    // ¼ · (8 + 12) + ¾ · (8 + 4): RandK keeps ⌊3/2⌋ = 1 of 3, PermK 3/2 on average
    expect(uplink.bytesPerRound).toBeCloseTo(0.25 * 20 + 0.75 * 12, 12);
    expect(downlink.bytesPerRound).toBeCloseTo(0.25 * 20 + 0.75 * 14, 12);
    expect(stepSize.value).toBe(0.1);
    expect(stepSize.theory).toBeGreaterThan(0);
    const names = parameters.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['p', 'p-downlink', 'p-uplink', 'beta', 'mu']);
  });

  test('with a target the bound on rounds and bytes, which is called one; without, or for no such target, nothing of it', async () => {
    // d = 1, c = 1, 3, b = 4: f(x) = ½x² − 4x, γ = 1, δ⁰ = 8
    writeFileSync(join(folder(), 'parabola.json'), JSON.stringify({ c: [1, 3], b: [4] }));
    const options = '--explain --problem heterogeneous-quadratic --data parabola.json --workers 2 --method gd';
    const { stdout } = await flotilla(`${options} --target-relative 0.01`);
    expect(stdout).toContain('\nBound on the way to the target: a worst case, no forecast');
    for (const row of [
      'ε +0.16 ',
      'inf f ≥ +-8',
      'δ⁰ +8 ',
      'rounds +100 +bound: 2δ⁰',
      'uplink +1.20 kB',
      'total +4.80 kB',
    ]) {
      expect(stdout).toMatch(new RegExp(`\n  ${row}`));
    }
    const { stdout: json } = await flotilla(`${options} --target 0.16 --json`);
    expect(JSON.parse(json).prediction).toMatchObject({ delta: 8, bound: { rounds: 100, downlinkBytes: 1200 } });
    expect((await flotilla(options)).stdout).not.toContain('Bound');
    const { stdout: none } = await flotilla(`${options} --target 0.16 --step-size 2`);
    expect(none).toMatch(/\n {2}bound +none: the theorem is about γ ≤ 1, and the run's is 2\n/);
  });
});

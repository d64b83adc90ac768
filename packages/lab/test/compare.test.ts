import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { train } from '../../server/dist/index.js';
import { csv } from '../dist/report/csv.js';
import { escapeLatex, latexTable } from '../dist/report/latex.js';
import { runReport } from '../dist/report/run-report.js';
import { flotilla } from './command-line.js';

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-compare-'));
  const common = {
    problem: 'heterogeneous-quadratic:d=40',
    workers: 4,
    transport: 'loopback',
    stepSize: 0.5,
    rounds: 40,
    evalEvery: 1,
  } as const;
  await train({ ...common, method: 'gd', out: join(folder, 'gd') }).result;
  for (const seed of ['0', '1', '2']) {
    await train({ ...common, method: 'marina', seed, out: join(folder, 'marina', `seed-${seed}`) }).result;
  }
  // rows as problems with metrics, and runs that are validated, have them
  cpSync(join(folder, 'gd'), join(folder, 'validated'), { recursive: true });
  const path = join(folder, 'validated/metrics.jsonl');
  const rows = readRows('validated').map((row, k) => ({
    ...row,
    metrics: { accuracy: k / 100 },
    validation: { loss: 10 ** (1 - k / 10), accuracy: k / 200, note: 'none', 'odd, "key"': k },
  }));
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (line: string) => flotilla(line.split(' '), folder);
const read = (path: string) => readFileSync(join(folder, path), 'utf8');
function readRows(path: string) {
  const lines = read(`${path}/metrics.jsonl`).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

describe('flotilla compare', () => {
  test('what differs, what the runs came to, and what they needed to a target', async () => {
    const { code, stdout, stderr } = await run('compare gd marina --target 4');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [title, differs, outcome, goal] = stdout.split('\n\n');
    expect(title).toBe('heterogeneous-quadratic:d=40, 4 workers · method gd, marina · 3 seeds');
    expect(differs).toMatch(/^What differs\nrun +method +uplink +seeds +folders\n.*gd.*\n.*marina.*0 1 2/);
    expect(outcome).toMatch(/\nrun +seeds +f +‖∇f‖² +rounds +uplink +downlink +total +wall seconds\n/);
    const { loss, uplink } = readRows('gd')[40];
    expect(outcome).toContain(String(Number(loss.toPrecision(5))));
    expect(outcome).toContain(`${(uplink.frameBytes / 1000).toPrecision(3)} kB`);
    expect(outcome).toMatch(/marina +3 .* ± /);
    expect(outcome).not.toMatch(/± 0\b(?!\.)/);
    expect(goal).toMatch(/^To ‖∇f‖² ≤ 4\nrun +reached +rounds .*\ngd +1 of 1 .*\nmarina +\d of 3 /);
  });

  test('--json has every number', async () => {
    const { code, stdout } = await run('compare gd marina --target 4 --target-loss -1 --json');
    expect(code).toBe(0);
    const { common, groups } = JSON.parse(stdout);
    expect(common).toMatchObject({ workers: 4, rounds: 40, stepSize: 0.5 });
    expect(common).not.toHaveProperty('method');
    const [gd, marina] = groups;
    const rows = readRows('gd');
    expect(gd).toMatchObject({ label: 'gd', config: { method: 'gd' }, ended: [true], folders: ['gd'] });
    const first = rows.find(({ gradNormSq }) => gradNormSq <= 4);
    expect(gd.goals[0]).toMatchObject({ of: 'gradNormSq', value: 4, reached: 1 });
    expect(gd.goals[0].mean).toMatchObject({
      rounds: first.round,
      totalBytes: first.uplink.frameBytes + first.downlink.frameBytes,
      wallSeconds: first.seconds,
    });
    expect(gd.goals[1]).toMatchObject({ of: 'loss', value: -1 });
    expect(gd.std.loss).toBeNull();
    const losses = [0, 1, 2].map((seed) => readRows(`marina/seed-${seed}`)[40].loss);
    expect(marina.runs.map(({ loss }: { loss: number }) => loss)).toEqual(losses);
    expect(marina.mean.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 3, 10);
  });

  test('--latex is a table for a paper', async () => {
    const { code, stdout } = await run('compare gd marina --latex');
    expect(code).toBe(0);
    expect(stdout.match(/\\begin\{tabular\}/g)?.length).toBe(2);
    for (const rule of ['\\toprule', '\\midrule', '\\bottomrule']) expect(stdout.split(rule).length).toBe(3);
    expect(stdout).toMatch(/\ngd & 1 & .* \\\\\n/);
    const widths = stdout.split('\n').filter((line) => line.endsWith('\\\\'));
    expect(new Set(widths.slice(0, 3).map((line) => line.split(' & ').length)).size).toBe(1);
  });

  test('metrics and validation are there when runs have them', async () => {
    const { stdout } = await run('compare validated gd');
    expect(stdout).toMatch(/‖∇f‖² +accuracy +validation loss +validation accuracy +validation odd, "key" +rounds/);
    // the same run once more is a line of its own, told by its folder
    expect(stdout).toMatch(/^gd on .* workers\n/);
    expect(stdout).toMatch(/\nvalidated .* 0\.001 /);
    expect(stdout).toMatch(/\ngd .* – /);
    const page = await runReport([join(folder, 'validated')]);
    const titles = [...page.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title);
    for (const axis of ['rounds', 'total frame bytes', 'seconds']) {
      for (const name of ['accuracy', 'validation loss', 'validation accuracy']) {
        expect(titles).toContain(`${name} against ${axis}`);
      }
    }
    expect(titles).not.toContain('validation loss against uplink frame bytes');
  });

  test.each([
    ['compare', 'compare needs the folders of runs'],
    ['compare nowhere', '"nowhere" does not hold a run: no folder is there'],
    ['compare .', '"." does not hold a run: it has no config.json and no metrics.jsonl; its folders do: *'],
    ['compare gd --target many', '--target cannot be "many"; it is a number'],
    ['compare gd --target 0x10', '--target cannot be "0x10"; it is a number'],
    ['compare gd --target 1e999', '--target cannot be "1e999"; it is a number'],
    ['compare gd --json --latex', '--json and --latex cannot both be given'],
    ['export gd', 'export needs --csv'],
    ['export --csv gd', 'export needs the folder of a run before --csv'],
    ['export gd --json', 'unknown option --json'],
    ['export gd --csv=', '--csv cannot be ""'],
    ['export gd --csv gd/metrics.jsonl', '--csv "gd/metrics.jsonl" cannot be written: something else is there'],
    ['report gd --out page.html --svg gd/config.json', '--svg "gd/config.json'],
  ])('%s is refused', async (line, why) => {
    const { code, stderr } = await run(line);
    expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 });
    expect(stderr).toContain(why);
  });
});

test('text and numbers for LaTeX', () => {
  expect(escapeLatex('a_b & 50% of #1 {x}^2 ~ \\input$')).toBe(
    'a\\_b \\& 50\\% of \\#1 \\{x\\}\\textasciicircum{}2 \\textasciitilde{} \\textbackslash{}input\\$',
  );
  const { length } = latexTable({ title: '', columns: ['a'], rows: [] });
  expect(length).toBeGreaterThan(0);
  const table = latexTable({
    title: 'To ‖∇f‖² ≤ 1',
    columns: ['run', 'f'],
    rows: [
      ['rand-k:k=1%', '1.500e-8 ± 2.000e-9'],
      ['x', '-1.50 MB ± 20.0 kB'],
      ['y', null],
    ],
  });
  expect(table).toContain('\\caption{To \\(\\|\\nabla f\\|^2\\) \\(\\le\\) 1}');
  expect(table).toContain('rand-k:k=1\\% & \\(1.500\\cdot10^{-8}\\) \\(\\pm\\) \\(2.000\\cdot10^{-9}\\) \\\\');
  expect(table).toContain('x & \\(-\\)1.50\\,MB \\(\\pm\\) 20.0\\,kB \\\\');
  expect(table).toContain('y & -- \\\\');
});

describe('flotilla export', () => {
  const python = (file: string) =>
    JSON.parse(
      execFileSync(
        'python3',
        ['-c', 'import csv,json,sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline="")))))', file],
        { cwd: folder, encoding: 'utf8' },
      ),
    ) as Record<string, string>[];

  test("the rows of a run as flat columns, read by Python's csv module", async () => {
    const toFile = await run('export validated --csv rows.csv');
    expect(toFile).toEqual({ code: 0, stdout: 'rows.csv\n', stderr: '' });
    const rows = readRows('validated');
    const table = python('rows.csv');
    expect(table.length).toBe(rows.length);
    for (const [k, row] of rows.entries()) {
      expect(Number(table[k]?.loss)).toBe(row.loss);
      expect(Number(table[k]?.['uplink.frameBytes'])).toBe(row.uplink.frameBytes);
      expect(Number(table[k]?.['validation.loss'])).toBe(row.validation.loss);
      expect(table[k]?.['validation.odd, "key"']).toBe(String(k));
    }
    const toStdout = await run('export validated --csv');
    expect(toStdout.stdout).toBe(read('rows.csv'));
    // its own file is replaced
    expect((await run('export gd --csv=rows.csv')).code).toBe(0);
    expect(python('rows.csv')[0]).not.toHaveProperty('metrics.accuracy');
  });

  test('several runs one after the other, told apart', async () => {
    expect((await run('export marina gd --csv all.csv')).code).toBe(0);
    const table = python('all.csv');
    expect(table.length).toBe(4 * 41);
    expect(table[41]).toMatchObject({ run: join('marina', 'seed-1'), seed: '1', round: '0' });
  });

  test('cells that hold what CSV is made of', () => {
    expect(csv([{ a: 'x,"y"\n', b: { c: null, d: Number.NaN } }, { e: true }])).toBe(
      'a,b.c,b.d,e\n"x,""y""\n",,,\n,,,true\n',
    );
  });
});

describe('flotilla report', () => {
  test('--svg: each chart as a file of its own; what else is there is left alone', async () => {
    const { code, stdout } = await run('report gd marina --out page.html --svg charts --target 4');
    expect(code).toBe(0);
    const files = readdirSync(join(folder, 'charts')).sort();
    expect(files).toEqual(
      ['downlink', 'rounds', 'seconds', 'total', 'uplink']
        .flatMap((axis) => [`loss-${axis}.svg`])
        .concat(['downlink', 'rounds', 'seconds', 'total', 'uplink'].map((axis) => `gradient-${axis}.svg`))
        .sort(),
    );
    expect(stdout.trim().split('\n').length).toBe(1 + files.length);
    // XML as a parser that is not ours reads it
    for (const file of files) {
      execFileSync('python3', ['-c', 'import sys,xml.dom.minidom as m; m.parse(sys.argv[1])', `charts/${file}`], {
        cwd: folder,
      });
    }
    expect(read('charts/loss-uplink.svg')).toMatch(/>\d+ kB</);
    const page = read('page.html');
    expect(page).toMatch(/<h1>heterogeneous-quadratic:d=40, 4 workers · method gd, marina · 3 seeds<\/h1>/);
    expect(page).toContain('<caption>To ‖∇f‖² ≤ 4</caption>');
    // what all runs share stands there once
    expect(page.match(/heterogeneous-quadratic:d=40&quot;/g)?.length).toBe(1);
    writeFileSync(join(folder, 'charts/loss-total.svg'), '<svg>mine</svg>');
    const again = await run('report gd --out page.html --svg charts');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('something else is there; name another one');
    expect(read('charts/loss-total.svg')).toBe('<svg>mine</svg>');
  });

  test('a row that was cut is left out, and named', async () => {
    cpSync(join(folder, 'gd'), join(folder, 'cut'), { recursive: true });
    const whole = read('cut/metrics.jsonl');
    // also where the cut looks like an end
    for (const end of [whole.length - 3, whole.lastIndexOf('},"downlink"') + 1, whole.length - 1]) {
      writeFileSync(join(folder, 'cut/metrics.jsonl'), whole.slice(0, end));
      const rows = await run('export cut --csv');
      expect(rows.code).toBe(0);
      expect(rows.stdout.trim().split('\n').length).toBe(1 + (end === whole.length - 1 ? 41 : 40));
    }
    writeFileSync(join(folder, 'cut/metrics.jsonl'), `{"round": 0}\n${whole}`);
    expect((await run('export cut --csv')).stderr).toBe(
      `flotilla: ${join('cut', 'metrics.jsonl')}, line 1: not a whole row, left out\n`,
    );
    writeFileSync(join(folder, 'cut/metrics.jsonl'), whole);
    for (const summary of ['{}', '[]', '{"workers": "4"}', '{"uplink": null']) {
      writeFileSync(join(folder, 'cut/summary.json'), summary);
      const { code, stderr } = await run('report cut --out cut.html');
      expect({ code, lines: stderr.split('\n').length }, summary).toEqual({ code: 2, lines: 2 });
      expect(stderr).toMatch(/^flotilla: "cut" does not hold a run: /);
    }
  });
});

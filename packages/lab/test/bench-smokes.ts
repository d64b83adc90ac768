import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';
import { flotilla } from './command-line.js';
import { hasBroker } from './nats-broker.js';

type Smokes = Readonly<Record<string, string>>;

/** A run of each bench in seconds: the whole path, with figures that say nothing. */
export const quickSmokes: Smokes = {
  compressors: '',
  links: '',
  methods: '--seeds 1 --methods gd,dcgd --problem heterogeneous-quadratic:d=20 --workers 2 --target 0.5 --rounds 50',
  nats: '',
  scale: '',
};

/** Those that take longest: in the long suite. */
export const slowSmokes: Smokes = {
  checksum: '',
  embed: '',
  'methods-table': '--seeds 1 --problems quadratic --methods gd,marina-p',
  recovery: '',
  soak: '',
  speed: `--mushrooms ${fixture('mushrooms-508.libsvm')}`,
  wallclock: '--rounds 5 --methods M3 --workers 2 --paced 1000',
};

export function runSmokes(smokes: Smokes): void {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-smokes-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const runnable = Object.entries(smokes).filter(([name]) => name !== 'nats' || hasBroker);
  test.each(runnable)('pnpm bench %s --smoke', async (name, args) => {
    const words = ['bench', name, '--smoke', '--out', 'smoke', ...args.split(' ').filter((word) => word !== '')];
    const { code, stdout, stderr } = await flotilla(words, folder);
    expect(code, stderr).toBe(0);
    expect(stdout).not.toMatch(/NaN|undefined/);
    const out = join(folder, 'smoke', 'bench', name);
    const { command, results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    expect(command).toContain(`bench ${name} --smoke`);
    expect(JSON.stringify(results).length).toBeGreaterThan(80);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    // every table of the terminal is in the page, with rows
    const tables = page.match(/<table.*?<\/table>/gs) ?? [];
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) expect(table.match(/<tr/g)?.length).toBeGreaterThan(1);
  });
}

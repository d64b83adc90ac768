import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'flotilla-own-data-'));
afterAll(() => rmSync(folder, { recursive: true }));
const node = async (...args: string[]) => (await run(process.execPath, args, { cwd: folder })).stdout;

/** The commands of the page that speaks of this example, in order. */
const page = readFileSync(at('../../../docs/your-own-data.md'), 'utf8');
const commands = [...page.matchAll(/^pnpm (?:flotilla )?(.*)$/gm)].map((match) => (match[1] as string).split(' '));

beforeAll(async () => {
  await node(at('../make-data.js'));
});

test('the program does what it says', async () => {
  const stdout = await node(at('../train.js'));
  const accuracy = Number(/accuracy on held-out.csv: ([0-9.]+)/.exec(stdout)?.[1]);
  expect(accuracy).toBeGreaterThan(0.85);
  expect(stdout).toContain(`accuracy: ${accuracy} }`);
  expect(stdout.match(/^row \d: kind [012], probability 0\.\d+$/gm)).toHaveLength(5);
  const [, before, after] = /loss ([0-9.]+), after 100 more rounds ([0-9.]+)/.exec(stdout) ?? [];
  expect(Number(after)).toBeLessThan(Number(before));
});

test('the commands of the page do what it says', async () => {
  expect(commands.map(([name]) => name)).toEqual(['start', 'evaluate', 'predict', 'start']);
  const outputs: string[] = [];
  for (const command of commands) outputs.push(await node(at('../../../packages/lab/dist/cli/main.js'), ...command));
  const [trained = '', evaluated = '', predicted = '', again = ''] = outputs;
  const [, accuracy] = /validation: loss [0-9.]+, accuracy ([0-9.]+)/.exec(trained) ?? [];
  expect(evaluated).toContain(`accuracy  ${accuracy}`);
  expect(predicted.split('\n')[0]).toBe('label,probability');
  expect(predicted.trim().split('\n')).toHaveLength(6);
  const loss = (output: string) => Number(/^f ([0-9.]+)/m.exec(output)?.[1]);
  expect(loss(again)).toBeLessThan(loss(trained));
});

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeMethod } from '@flotilla/server/testing';
import { expect, test } from 'vitest';

const plugins = [fileURLToPath(new URL('../heavy-ball.js', import.meta.url))];

describeMethod('heavy-ball', {
  identity: { method: 'heavy-ball:beta=0', uplink: 'identity' },
  unbiased: 'heavy-ball:beta=0',
  problem: { plugins },
});

test('train.js trains with both methods', async () => {
  const script = fileURLToPath(new URL('../train.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const [plain, ball] = [...stdout.matchAll(/f = ([0-9.]+)/g)].map((match) => Number(match[1]));
  expect(ball).toBeLessThan(plain as number);
});

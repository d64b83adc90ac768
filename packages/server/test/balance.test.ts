import { expect, test } from 'vitest';
import { Balance } from '../dist/hosts/balance.js';

/** The hosts of 9 workers on two threads after each move, where the server's own work takes as long as four workers. */
function moves(start: readonly number[]): string[] {
  let hosts = start;
  let waited = 0;
  let seconds = 0;
  const times = { working: 0, waiting: 0 };
  const server = { workers: 9, hosts: 2, times, hostOf: (worker: number) => hosts[worker], waited: () => waited };
  const balance = new Balance(server as unknown as ConstructorParameters<typeof Balance>[0], 0);
  const list: string[] = [];
  for (let round = 0; round < 1000 && !balance.isSettled; round++) {
    balance.beforeRound(seconds);
    const own = hosts.filter((host) => host === 0).length;
    const ms = Math.max(40 + 10 * own, 10 * (9 - own));
    times.working += 10 * own;
    times.waiting += ms - 40 - 10 * own;
    waited += 1000 * (ms - 10 * (9 - own));
    seconds += ms / 1000;
    hosts = balance.afterRound(seconds) ?? hosts;
    if (list.at(-1) !== hosts.join('')) list.push(hosts.join(''));
  }
  return list;
}

test('workers that are hosted in blocks stay in blocks, those in turns in turns', () => {
  const blocks = moves([0, 0, 0, 0, 1, 1, 1, 1, 1]);
  expect(blocks.length).toBeGreaterThan(2);
  for (const hosts of blocks) expect(hosts).toMatch(/^0+1+$/);
  const turns = moves([0, 1, 0, 1, 0, 1, 0, 1, 0]);
  expect(turns.length).toBeGreaterThan(2);
  for (const hosts of turns) expect(hosts).not.toMatch(/00|1111/);
  // back to what was before is back to where everybody was
  expect(new Set(turns).size).toBeLessThan(turns.length);
});

import { expect, it } from 'vitest';
import { killHosts } from './kills.js';

it('a host that is killed twice loses nothing that it has promised', async () => {
  const { runs, done } = await killHosts(2, 4);
  expect(runs).toBeGreaterThan(0);
  expect(done).toBeGreaterThan(0);
});

import { expect, it } from 'vitest';
import { killHosts } from './kills.js';

it('a host that is killed twenty times loses nothing that it has promised', async () => {
  const happened = await killHosts(20, 40);
  console.log(happened);
  expect(happened.interrupted).toBeGreaterThan(5);
  expect(happened.done).toBeGreaterThan(5);
});

import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { train } from '@flotilla/server';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../multi-machine.js', import.meta.url));
const hasBroker = spawnSync('nats-server', ['--version']).status === 0;

test.skipIf(!hasBroker)('five processes and a broker come to the x of one process', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  const { stdout } = await promisify(execFile)(process.execPath, [program, `${port}`, '10']);
  const { xHash, uplink } = await train({ rounds: 10, checksum: 'on' }).result;
  expect(stdout).toContain(`x ${xHash}\n`);
  expect(stdout).toContain(`frames: up ${uplink.frameBytes} bytes`);
  expect(stdout).toMatch(/^round 10 {2}f [\d.]+$/m);
});

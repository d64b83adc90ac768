// A host that is killed: trains and answers until then. `node killed-host.js FOLDER` prints its port, and with --expose-gc on SIGUSR2
// the bytes of its heap.
import Fastify from 'fastify';
import { flotilla } from '../dist/index.js';

const [, , folder = ''] = process.argv;
const app = Fastify({ logger: { level: 'warn', stream: process.stderr } });
app.register(flotilla, {
  folder,
  resume: 'auto',
  allow: { methods: ['marina', 'gd'], problems: ['quadratic'], limits: { rounds: 100_000_000 } },
  limits: { maxConcurrent: 2 },
  options: { checkpointEvery: 100 },
});
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
console.log(typeof address === 'object' && address !== null ? address.port : 0);
process.on('SIGUSR2', () => {
  globalThis.gc?.();
  console.log(process.memoryUsage().heapUsed);
});

// @ts-check
// A broker, a server and four processes of workers on one machine: M3 on MNIST. On several machines each process is started on its own.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { joinRun, train } from '@flotilla/server';

const PROCESSES = 4;
const [port, rounds = '50', rank] = process.argv.slice(2);
const nats = `nats://127.0.0.1:${port ?? 4222}`;
const run = 'multi-machine';

/** A process of workers: `flotilla worker --nats URL --run ID --share R/H` is the same from a shell. */
async function host() {
  const workers = { rank: Number(rank), of: PROCESSES };
  await joinRun({ nats: { url: nats }, run, workers, threads: 1 });
}

/** The server: `flotilla start --transport nats --nats URL --run ID` is the same from a shell. */
async function serve() {
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', `${port ?? 4222}`], { stdio: 'ignore' });
  broker.on('error', () =>
    console.error('install nats-server: apt-get install -y --no-install-recommends nats-server'),
  );
  await Promise.race([setTimeout(1000), once(broker, 'exit')]);
  if (broker.exitCode !== null || broker.pid === undefined) process.exit(1);
  const self = fileURLToPath(import.meta.url);
  const hosts = Array.from({ length: PROCESSES }, (_, k) => fork(self, [`${port ?? 4222}`, rounds, `${k}`]));
  try {
    const running = train({ transport: 'nats', nats, run, rounds: Number(rounds) });
    for await (const { round, loss } of running) console.log(`round ${round}  f ${loss.toFixed(2)}`);
    const { uplink, downlink, broker: counted, xHash } = await running.result;
    console.log(`frames: up ${uplink.frameBytes} bytes, down ${downlink.frameBytes} bytes`);
    console.log(`through the broker: ${JSON.stringify(counted)}`);
    console.log(`x ${xHash}`);
    await Promise.all(hosts.map((child) => child.exitCode === null && once(child, 'exit')));
  } finally {
    for (const child of hosts) child.kill();
    broker.kill();
  }
}

await (rank === undefined ? serve() : host());

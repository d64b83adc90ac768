// @ts-check
// Gradient descent and M3 over the same links, really slowed down: f against megabytes and against seconds, as one SVG.
import { writeFileSync } from 'node:fs';
import { train } from '@flotilla/server';
import { svg } from './svg.js';

const [path = 'wall-clock-vs-bytes.svg', rounds = '500'] = process.argv.slice(2);
const link = 'up=10mbit,down=50mbit,latency=20ms';
const job = { problem: 'autoencoder', data: 'mnist', workers: 20, threads: 2, link, rounds: Number(rounds) };
const methods = { gd: { name: 'gradient descent', colour: '#0a7cc4' }, m3: { name: 'M3', colour: '#d55e00' } };

/** @type {import('./svg.js').Curve[]} */
const curves = [];
for (const [method, look] of Object.entries(methods)) {
  /** @type {import('./svg.js').Point[]} */
  const points = [];
  const run = train({ ...job, method, evalEvery: Math.ceil(job.rounds / 50) });
  for await (const { seconds, loss, uplink, downlink } of run) {
    points.push({ seconds, megabytes: (uplink.frameBytes + downlink.frameBytes) / 1e6, f: loss });
  }
  curves.push({ ...look, points });
  const { loss, wallSeconds, uplink, downlink } = await run.result;
  const megabytes = ((uplink.frameBytes + downlink.frameBytes) / 1e6).toFixed(0);
  console.log(`${look.name}: f ${loss.toFixed(2)} after ${megabytes} MB and ${wallSeconds.toFixed(1)} s`);
}
const title = `f of a linear autoencoder on MNIST, ${rounds} rounds, 20 workers, each link ${link}`;
writeFileSync(path, svg(title, curves));

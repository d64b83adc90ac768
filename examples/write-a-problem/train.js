import { train } from '@flotilla/server';

// in the memory of this program: 300 samples (a, b, 1) with labels 3a − 2b + 1
const samples = Array.from({ length: 300 }, (_, s) => [(s * 0.618) % 1, (s * 0.414) % 1, 1]);
const x = Float64Array.from(samples.flat());
const y = Float64Array.from(samples, ([a, b]) => 3 * a - 2 * b + 1);

const run = train({
  problem: { module: new URL('./ridge.js', import.meta.url), parameters: { lambda: 0.001 } },
  data: { x, shape: [300, 3], y },
  method: 'gd',
  workers: 4,
  rounds: 2000,
  evalEvery: 500,
});
for await (const { round, loss } of run) console.log(`round ${round}: f = ${loss.toFixed(6)}`);

import { fileURLToPath } from 'node:url';
import { train } from '@flotilla/server';

const common = {
  problem: 'nonconvex-logistic',
  uplink: 'rand-k:k=5%',
  workers: 10,
  threads: 2,
  rounds: 100,
  stepSize: 0.02,
};
const plugins = [fileURLToPath(new URL('./heavy-ball.js', import.meta.url))];
for (const method of ['dcgd', 'heavy-ball:beta=0.8']) {
  const { loss, uplink } = await train({ ...common, plugins, method }).result;
  console.log(`${method}: f = ${loss.toFixed(5)} after ${uplink.frameBytes} bytes up`);
}

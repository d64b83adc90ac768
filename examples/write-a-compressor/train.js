import { fileURLToPath } from 'node:url';
import { train } from '@flotilla/server';

const { result } = train({
  plugins: [fileURLToPath(new URL('./rand-block.js', import.meta.url))],
  problem: 'heterogeneous-quadratic',
  method: 'marina',
  uplink: 'rand-block:k=10+natural',
  workers: 10,
  rounds: 200,
});
const { rounds, gradNormSq, uplink } = await result;
console.log(`${rounds} rounds, ‖∇f‖² = ${gradNormSq}, ${uplink.frameBytes} bytes up`);

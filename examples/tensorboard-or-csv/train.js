// @ts-check
import { join } from 'node:path';
import { train } from '@flotilla/server';
import { csv } from './csv.js';
import { tensorboard } from './tensorboard.js';

// one folder for all runs, for `tensorboard --logdir logs`; a folder in it for each run
const logs = process.argv[2] ?? 'logs';
const job = {
  problem: 'softmax',
  data: 'mnist',
  validation: 'test',
  workers: 10,
  stepSize: 0.5,
  rounds: 20,
  evalEvery: 2,
};

for (const method of ['gd', 'marina']) {
  const folder = join(logs, method);
  // the folder is made by the first reporter
  const reporters = [tensorboard(folder), csv(join(folder, 'rows.csv'))];
  const { loss, validation, uplink } = await train({ ...job, method, reporters }).result;
  console.log(`${method}: f ${loss.toFixed(4)}, accuracy ${validation?.accuracy}, ${uplink.frameBytes} bytes up`);
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROUNDS = 100_000;
/** A leak is in every window of rounds; code that the compiler makes or throws away is not. */
const WINDOWS = 3;

/** In a process of its own, whose heap is the run's: prints the bytes that the heap has grown by, window by window. */
const program = (job: object) => `
  const { parseOptions } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)});
  const { Training } = await import(${JSON.stringify(new URL('../dist/internal.js', import.meta.url).href)});
  const training = await Training.open(parseOptions(${JSON.stringify(job)}));
  const used = () => {
    gc();
    gc();
    return process.memoryUsage().heapUsed;
  };
  for (let k = 0; k < ${ROUNDS / 5}; k++) await training.round();
  const growth = [];
  let before = used();
  do {
    for (let k = 0; k < ${ROUNDS}; k++) await training.round();
    const after = used();
    growth.push(after - before);
    before = after;
  } while (growth.at(-1) > ${ROUNDS} && growth.length < ${WINDOWS});
  console.log(JSON.stringify(growth));
`;

for (const method of ['m3', 'marina']) {
  test(`100,000 rounds of ${method} leave at most a byte a round on the heap`, async () => {
    const job = { method, problem: 'heterogeneous-quadratic:d=20', workers: 2, transport: 'loopback' };
    const args = ['--expose-gc', '--input-type=module', '-e', program(job)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(Math.min(...(JSON.parse(stdout) as number[]))).toBeLessThanOrEqual(ROUNDS);
  });
}

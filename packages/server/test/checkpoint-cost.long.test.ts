import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CheckpointFolder } from '../dist/checkpoint/checkpoint-folder.js';
import { parseOptions } from '../dist/index.js';
import { Training } from '../dist/internal.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-cost-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TURNS = 5;
const ROUNDS = 100;
const about = { identity: { version: '', wire: 0, modules: {}, data: {} }, rowBytes: 0 };
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

test('what a checkpoint costs beside 100 rounds of the default job', async () => {
  const training = await Training.open(parseOptions({}));
  const { workers } = training.plan.job;
  const store = new CheckpointFolder(folder);
  store.make();
  const [rounds, checkpoints]: number[][] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    const from = performance.now();
    for (let round = 0; round < ROUNDS; round++) await training.round();
    const between = performance.now();
    await store.write(training.rounds, (writer) =>
      training.save({
        own: (state) => writer.own(state, { ...about, workers }),
        worker: (state) => writer.worker(state),
      }),
    );
    rounds.push(between - from);
    checkpoints.push(performance.now() - between);
  }
  const { size } = statSync(join(store.path, `round-${training.rounds}.ckpt`));
  await training.close();
  const share = (100 * median(checkpoints)) / median(rounds);
  console.log(
    `${ROUNDS} rounds ${median(rounds).toFixed(0)} ms, a checkpoint of ${(size / 1e6).toFixed(1)} MB ${median(checkpoints).toFixed(0)} ms: ${share.toFixed(2)} %`,
  );
  expect(checkpoints).toHaveLength(TURNS);
});

import { afterEach, expect, test } from 'vitest';
import { parseOptions, type TrainOptions } from '../dist/index.js';
import { Training } from '../dist/training.js';

let training: Training | undefined;
afterEach(() => training?.close());

async function trained(options: TrainOptions) {
  training = await Training.open(parseOptions({ transport: 'loopback', workers: 2, stepSize: 0.01, ...options }));
  for (let k = 0; k < 2; k++) await training.round();
  return { model: training.model(), training };
}

test("the autoencoder's model is its decoder and its encoder, views of x in the order of flattening", async () => {
  const { model, training } = await trained({ method: 'gd' });
  const { x, tensors } = model;
  expect(x).toEqual(training.iterate());
  expect(tensors.map(({ name, shape, values }) => [name, shape, values.length])).toEqual([
    ['D', [784, 16], 12544],
    ['E', [16, 784], 12544],
  ]);
  const [D, E] = tensors;
  expect([D?.values.buffer, E?.values.buffer]).toEqual([x.buffer, x.buffer]);
  expect(D?.values).toEqual(x.slice(0, 12544));
  expect(E?.values).toEqual(x.slice(12544));
});

test('a problem that names no tensors has one, x', async () => {
  const { model } = await trained({ method: 'gd', problem: 'quadratic:d=7' });
  expect(model.tensors).toEqual([{ name: 'x', shape: [7], values: model.x }]);
});

test('a model is a copy: rounds to come leave it as it is', async () => {
  const { model, training } = await trained({ method: 'gd', problem: 'quadratic:d=7' });
  const before = model.x.slice();
  await training.round();
  expect(model.x).toEqual(before);
  expect(training.model().x).not.toEqual(before);
});

// From a CSV file to a model, its accuracy on data that it has not seen, predictions, and more rounds.
import { evaluate, predict, train } from '@flotilla/server';

const job = { problem: 'softmax', data: 'my-data/training.csv', method: 'marina', workers: 4 };

// a new folder each time: a run never writes into that of another
const out = `runs/${new Date().toISOString().replaceAll(':', '-')}`;
const first = await train({ ...job, rounds: 100, validation: 'my-data/held-out.csv', out }).result;
console.log('accuracy on held-out.csv:', first.validation?.accuracy);

// the model: all its numbers as one array, or each tensor by name
const { model } = first;
console.log(Object.entries(model.tensors).map(([name, { shape }]) => `${name} [${shape}]`));
console.log('evaluated later:', await evaluate(out, { data: 'my-data/held-out.csv' }));

const { label, probability } = await predict(model, { data: 'my-data/new.csv' });
for (const [row, kind] of label.entries()) {
  console.log(`row ${row}: kind ${kind}, probability ${probability[row].toFixed(3)}`);
}

// go on from there: init takes the numbers, or the path of a model.safetensors
const second = await train({ ...job, rounds: 100, validation: 'my-data/held-out.csv', init: model.x }).result;
console.log(`loss ${first.loss.toFixed(4)}, after 100 more rounds ${second.loss.toFixed(4)}`);

// Writes training.csv, held-out.csv and new.csv into the folder given, my-data without one: four measurements and a kind, 0 to 2.
// new.csv has no kinds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'my-data';
mkdirSync(folder, { recursive: true });
const KINDS = [
  [1, 0, 0, 0.5],
  [0, 1, 0, -0.5],
  [0, 0, 1, 0],
];

let state = 1;
const uniform = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
};
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

/** @param {string} name @param {number} rows @param {boolean} labelled */
function write(name, rows, labelled) {
  const lines = [['length', 'width', 'height', 'weight', ...(labelled ? ['kind'] : [])].join(',')];
  for (let r = 0; r < rows; r++) {
    const kind = Math.floor(KINDS.length * uniform());
    const measured = KINDS[kind].map((mean) => (mean + 0.5 * normal()).toFixed(3));
    lines.push([...measured, ...(labelled ? [kind] : [])].join(','));
  }
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

write('training.csv', 2000, true);
write('held-out.csv', 500, true);
write('new.csv', 5, false);

// node test/unchanged/record.js [part of an id]…   measures rows of table.json anew: all, or those whose id has one of the parts
// node test/unchanged/record.js --names            records the names that the packages export today
import { folder, groups, readTable, writeTable } from './cases.js';
import { recordNames } from './names.js';

process.chdir(folder);
const filters = process.argv.slice(2);
if (filters.includes('--names')) {
  recordNames();
} else {
  const cases = Object.values(groups).flatMap((group) => Object.entries(group()));
  /** @type {Record<string, unknown>} */
  let before = {};
  try {
    before = readTable();
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
  // in the order of the cases; a row whose case is gone goes too
  /** @type {Record<string, unknown>} */
  const rows = {};
  let measured = 0;
  for (const [id, measure] of cases) {
    if (filters.length > 0 && !filters.some((part) => id.includes(part))) {
      if (id in before) rows[id] = before[id];
      continue;
    }
    try {
      rows[id] = await measure();
    } catch (error) {
      throw new Error(`${id} cannot be measured`, { cause: error });
    }
    measured++;
    if (JSON.stringify(rows[id]) !== JSON.stringify(before[id])) console.log(id in before ? 'changed' : 'new', id);
  }
  for (const id of Object.keys(before)) if (!(id in rows)) console.log('gone', id);
  writeTable(rows);
  console.log(`${measured} of ${cases.length} rows measured`);
}

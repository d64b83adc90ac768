import { expect, test } from 'vitest';
import { folder, groups, readTable } from './cases.js';

/** Measures a group's rows, those that `isIn` takes by their name and place, and compares each with its row on record. */
export function compareGroup(name: keyof typeof groups, isIn: (id: string, k: number) => boolean = () => true): void {
  // options and command lines name files of this folder
  process.chdir(folder);
  const table = readTable();
  const cases = Object.entries(groups[name]()).filter(([id], k) => isIn(id, k));
  test.each(cases)('%s', async (id, measure) => {
    expect(table, `no row; record it with: node test/unchanged/record.js '${id}'`).toHaveProperty([id]);
    expect(JSON.parse(JSON.stringify(await measure()))).toEqual(table[id]);
  });
}

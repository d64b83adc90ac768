import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { groups, readTable } from './cases.js';
import { doorFiles, namesToday, readNames } from './names.js';

const changelog = fileURLToPath(new URL('../../CHANGELOG.md', import.meta.url));

/** Everything that the changelog has in backticks under Renamed or Removed. */
const told = new Set(
  readFileSync(changelog, 'utf8')
    .split(/^### /m)
    .filter((part) => /^(Renamed|Removed)\n/.test(part))
    .flatMap((part) => [...part.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name)),
);

describe('a name that was exported still is, from some door of its package, or the changelog says what became of it', () => {
  const today = namesToday();
  const ofPackage = (name: string, kind: 'values' | 'types') =>
    new Set(
      Object.entries(today)
        .filter(([door]) => door.startsWith(`${name} `))
        .flatMap(([, names]) => names[kind]),
    );

  test.each(Object.entries(readNames()))('%s', (door, { values, types }) => {
    const [name] = door.split(' ');
    const valuesNow = ofPackage(name, 'values');
    const typesNow = ofPackage(name, 'types');
    expect(values.filter((value) => !valuesNow.has(value) && !told.has(value))).toEqual([]);
    // a class is a type too
    expect(types.filter((type) => !typesNow.has(type) && !valuesNow.has(type) && !told.has(type))).toEqual([]);
  });
});

// doors on record only: a new one may be a program, which runs when it is imported
const onRecord = Object.entries(doorFiles()).filter(([door]) => door in readNames());
test.each(onRecord)('%s has the values that its declarations say', async (door, file) => {
  const module = await import(/* @vite-ignore */ pathToFileURL(file).href);
  expect(Object.keys(module).sort()).toEqual(namesToday()[door].values);
});

test('every row of the table has its case', () => {
  const ids = Object.values(groups).flatMap((group) => Object.keys(group()));
  expect(new Set(ids).size).toBe(ids.length);
  expect(Object.keys(readTable())).toEqual(ids);
});

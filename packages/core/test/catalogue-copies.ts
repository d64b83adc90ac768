import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadFromCatalogue } from '../dist/data/cache.js';
import { catalogue } from '../dist/data/catalogue.js';
import { readDataFile } from '../dist/data/read-file.js';

/**
 * A set's own file is what the catalogue says it is, and so are copies of it with other line ends and blanks; with another
 * label it is not. Nothing is downloaded.
 * @param source a folder that holds `<name>.xz`
 * @param empty a folder for the copies
 */
export async function expectCopiesKnown(name: string, source: string, empty: string): Promise<void> {
  const entry = catalogue[name];
  const load = (folder: string) =>
    loadFromCatalogue(name, entry, { FLOTILLA_DATA: folder, FLOTILLA_DATA_URL: 'file:///nowhere/' });
  expect((await load(source)).samples).toBe(entry.samples);
  const put = (text: string) => {
    mkdirSync(empty, { recursive: true });
    writeFileSync(join(empty, name), text);
  };
  const text = (await readDataFile(join(source, `${name}.xz`))).toString('latin1').replaceAll('\r', '');
  for (const lines of [text, `${text}\n`, text.replaceAll(' \n', '\n'), text.replaceAll(' ', '\t')]) {
    put(lines);
    expect((await load(empty)).features).toBe(entry.features);
  }
  put(text.replace(/^./, '9'));
  await expect(load(empty)).rejects.toThrow(`expected ${entry.sha256}`);
}

import { Readable } from 'node:stream';
import { readRows, START } from './rows.js';

/** The rows of a run so far, as they lie in its folder: whole lines, at the pace of whoever reads them. */
export function rowsStream(runFolder: string): Readable {
  const pieces = async function* () {
    for (let position = START; ; ) {
      const { lines, end } = await readRows(runFolder, position);
      if (lines.length === 0) break;
      yield lines;
      position = end;
    }
  };
  return Readable.from(pieces(), { objectMode: false });
}

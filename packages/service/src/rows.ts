import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

const PIECE = 1 << 16;
/** Longer than any row there is: one of 10,000 late workers has some 500 kB. */
const MAX_ROW = 1 << 24;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

/** A place between two rows of a run's metrics.jsonl. */
export interface RowPosition {
  /** Rows before it. */
  readonly rows: number;
  /** Bytes before it, and the row that ends there; undefined where only the number of rows is known. */
  readonly at: { readonly bytes: number; readonly last: Buffer } | undefined;
}

export const START: RowPosition = { rows: 0, at: { bytes: 0, last: NOTHING } };

export interface Rows {
  /** Whole lines. */
  readonly lines: Buffer;
  /** Behind them. */
  readonly end: RowPosition;
}

/**
 * Reads rows behind a position, at most `maxRows` of them and some 64 kB. A run whose workers are lost, or that goes on from a
 * checkpoint, takes rows back and writes them again, with other times and so other lengths: the row before the position tells that, and
 * the position is then found anew, by the number of rows.
 * @returns no rows where there are none behind the position yet
 */
export async function readRows(runFolder: string, from: RowPosition, maxRows = Infinity): Promise<Rows> {
  const none = { lines: NOTHING, end: from };
  const file = await openRows(runFolder);
  if (file === undefined) return none;
  try {
    const found = await readBehind(file, from, maxRows);
    if (found !== undefined) return found;
    const there = await findRow(file, from.rows);
    if (there.rows < from.rows) return { lines: NOTHING, end: { rows: from.rows, at: undefined } };
    return (await readBehind(file, there, maxRows)) ?? none;
  } finally {
    await file.close();
  }
}

/** The position behind the last row that is whole. */
export async function endOfRows(runFolder: string): Promise<RowPosition> {
  const file = await openRows(runFolder);
  if (file === undefined) return START;
  try {
    return await findRow(file, Infinity);
  } finally {
    await file.close();
  }
}

async function openRows(runFolder: string): Promise<FileHandle | undefined> {
  try {
    return await open(join(runFolder, 'metrics.jsonl'), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** One read, of the row before the position and of what is behind it, so that both are of the same file. Undefined when that row has changed. */
async function readBehind(file: FileHandle, from: RowPosition, maxRows: number): Promise<Rows | undefined> {
  if (from.at === undefined) return undefined;
  const { bytes, last } = from.at;
  for (let size = PIECE; ; size *= 4) {
    const piece = Buffer.allocUnsafe(last.length + size);
    const { bytesRead } = await file.read(piece, 0, piece.length, bytes - last.length);
    if (bytesRead < last.length || last.compare(piece, 0, last.length) !== 0) return undefined;
    const text = piece.subarray(last.length, bytesRead);
    const { end, count, lastStart } = wholeLines(text, maxRows);
    if (count === 0 && bytesRead === piece.length && size < MAX_ROW) continue;
    if (count === 0) return { lines: NOTHING, end: from };
    // a copy: the position outlives the piece
    const lastRow = Buffer.from(text.subarray(lastStart, end));
    return {
      lines: text.subarray(0, end),
      end: { rows: from.rows + count, at: { bytes: bytes + end, last: lastRow } },
    };
  }
}

/** Where the first `maxRows` lines of a text end, and where the last of them begins. */
function wholeLines(text: Buffer, maxRows: number): { end: number; count: number; lastStart: number } {
  let [end, count, lastStart] = [0, 0, 0];
  while (count < maxRows) {
    const at = text.indexOf(NEWLINE, end);
    if (at < 0) break;
    lastStart = end;
    end = at + 1;
    count++;
  }
  return { end, count, lastStart };
}

/** The position behind the first `rows` rows, or behind the last when there are fewer. */
async function findRow(file: FileHandle, rows: number): Promise<RowPosition> {
  let position = START;
  while (position.rows < rows) {
    const read = await readBehind(file, position, rows - position.rows);
    // written anew meanwhile: from the beginning
    if (read === undefined) position = START;
    else if (read.end === position) break;
    else position = read.end;
  }
  return position;
}

/** Lines of JSON as one array, without a look into them. */
export function arrayOf(lines: Buffer): Buffer {
  const array = Buffer.allocUnsafe(lines.length + 1);
  array[0] = 0x5b;
  lines.copy(array, 1);
  for (let at = array.indexOf(NEWLINE); at >= 0; at = array.indexOf(NEWLINE, at + 1)) array[at] = 0x2c;
  array[lines.length] = 0x5d;
  return array;
}

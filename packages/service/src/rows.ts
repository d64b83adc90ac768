import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

const PIECE = 1 << 16;
/** Longer than any row there is: one of 10,000 late workers has some 500 kB. */
const MAX_ROW = 1 << 24;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

/** A place between two rows of a run's metrics.jsonl, which has them in the order of their rounds. */
export interface RowPosition {
  /** The round of the row before it; −1 where there is none. */
  readonly round: number;
  /** Bytes before it, and the row that ends there; undefined where only the round is known. */
  readonly at: { readonly bytes: number; readonly last: Buffer } | undefined;
}

export const START: RowPosition = { round: -1, at: { bytes: 0, last: NOTHING } };

export interface Rows {
  /** Whole lines. */
  readonly lines: Buffer;
  /** Behind them. */
  readonly end: RowPosition;
}

/**
 * Reads rows behind a position, of rounds until `through`, and some 64 kB of them. A run whose workers are lost, or that goes on from
 * a checkpoint, takes rows back and writes them again, with other times and so other lengths, but for the row of the round that it
 * was stopped at: the row before the position tells that, and the position is then found anew, by its round.
 * @returns no rows where there are none behind the position yet
 */
export async function readRows(runFolder: string, from: RowPosition, through = Infinity): Promise<Rows> {
  const none = { lines: NOTHING, end: from };
  const file = await openRows(runFolder);
  if (file === undefined) return none;
  try {
    const found = await readBehind(file, from, through);
    if (found !== undefined) return found;
    const rows = await readBehind(file, await findRow(file, from.round), through);
    if (rows === undefined) return none;
    // what comes until its round has been read, if only as it was
    return rows.lines.length > 0 ? rows : { lines: NOTHING, end: { round: from.round, at: undefined } };
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
async function readBehind(file: FileHandle, from: RowPosition, through: number): Promise<Rows | undefined> {
  if (from.at === undefined) return undefined;
  const { bytes, last } = from.at;
  for (let size = PIECE; ; size *= 4) {
    const piece = Buffer.allocUnsafe(last.length + size);
    const { bytesRead } = await file.read(piece, 0, piece.length, bytes - last.length);
    if (bytesRead < last.length || last.compare(piece, 0, last.length) !== 0) return undefined;
    const text = piece.subarray(last.length, bytesRead);
    const { end, lastStart, isLonger } = wholeLines(text, through);
    if (isLonger && end === 0 && bytesRead === piece.length && size < MAX_ROW) continue;
    if (end === 0) return { lines: NOTHING, end: from };
    // a copy: the position outlives the piece
    const lastRow = Buffer.from(text.subarray(lastStart, end));
    return {
      lines: text.subarray(0, end),
      end: { round: roundOf(lastRow, 0), at: { bytes: bytes + end, last: lastRow } },
    };
  }
}

/** Where the lines of a text end that are whole and of rounds until `through`, where the last of them begins, and whether one begins behind them that is not whole. */
function wholeLines(text: Buffer, through: number): { end: number; lastStart: number; isLonger: boolean } {
  let [end, lastStart] = [0, 0];
  for (;;) {
    const at = text.indexOf(NEWLINE, end);
    if (at < 0) return { end, lastStart, isLonger: true };
    if (roundOf(text, end) > through) return { end, lastStart, isLonger: false };
    lastStart = end;
    end = at + 1;
  }
}

/** The round of the row that begins here: its first member. */
function roundOf(text: Buffer, start: number): number {
  const digits = /^\{"round":(\d+)[,}]/.exec(text.toString('latin1', start, start + 30))?.[1];
  return Number(digits ?? -1);
}

/** The position behind the rows of rounds until `through`. */
async function findRow(file: FileHandle, through: number): Promise<RowPosition> {
  let position = START;
  for (;;) {
    const read = await readBehind(file, position, through);
    // written anew meanwhile: from the beginning
    if (read === undefined) position = START;
    else if (read.end === position) return position;
    else position = read.end;
  }
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

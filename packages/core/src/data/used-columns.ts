import type { Dataset } from './dataset.js';

/** Where at least so many columns are there for each number in them, those that are used are few. */
const WIDE = 4;

/**
 * The same rows without columns that no sample has a number in, where they are most of them: as of features that are hashed.
 * Inner products of rows stay what they are, and with them the eigenvalues of their Gram matrices but for zeros. Any other data
 * set as it is.
 */
export function usedColumns(data: Dataset): Dataset {
  const { column, rowStart, features } = data;
  if (column === undefined || rowStart === undefined || features < WIDE * column.length) return data;
  const used = Int32Array.from(new Set(column)).sort();
  const place = new Map(Array.from(used, (j, k) => [j, k]));
  return { ...data, features: used.length, column: Int32Array.from(column, (j) => place.get(j) as number) };
}

// The combinatorial number system [D. H. Lehmer 1964]: the subset c_1 < … < c_K of {0 … length − 1} is number Σ C(c_k, k) of
// the C(length, K) of its size. Time O(length) in integers of log₂ C(length, K) bits: for short lists. Where K is small the
// binomials are kept: at K = 30 of 300 that takes a tenth of the time.

/** Columns of Pascal's triangle that are kept, for lists of up to a thousand some 3 MB in all. */
const KEPT = 64;

/** columns[k][c] = C(c, k), as far as they were asked for. */
const columns: bigint[][] = [];

/** C(0, k), … C(n, k) and perhaps more. @param k At most `KEPT`. */
function column(k: number, n: number): readonly bigint[] {
  const known = columns[k];
  if (known !== undefined && known.length > n) return known;
  for (let j = 0; j <= k; j++) {
    columns[j] ??= [];
    const own = columns[j] as bigint[];
    const before = columns[j - 1];
    for (let c = own.length; c <= n; c++) {
      own.push(before === undefined ? 1n : c === 0 ? 0n : (before[c - 1] as bigint) + (own[c - 1] as bigint));
    }
  }
  return columns[k] as bigint[];
}

/** C(n, k), exact. */
export function binomial(n: number, k: number): bigint {
  if (k <= KEPT) return column(k, n)[n] as bigint;
  let value = 1n;
  for (let i = 0; i < Math.min(k, n - k); i++) value = (value * BigInt(n - i)) / BigInt(i + 1);
  return value;
}

/** Bits that hold every number below `count`. */
export function bitsBelow(count: bigint): number {
  return count <= 1n ? 0 : (count - 1n).toString(2).length;
}

/** The number of the subset index[0 … count), ascending. */
export function numberOfSubset(index: Int32Array, count: number, length: number): bigint {
  let number = 0n;
  if (count <= KEPT) {
    for (let k = 1; k <= count; k++) number += column(k, length)[index[k - 1]] as bigint;
    return number;
  }
  descend(count, length, (c, k, ways) => {
    if (index[k - 1] !== c) return false;
    number += ways;
    return true;
  });
  return number;
}

/** Lists subset `number` < C(length, count) in index[0 … count), ascending. */
export function subsetOfNumber(number: bigint, count: number, length: number, index: Int32Array): void {
  let left = number;
  if (count <= KEPT) {
    for (let k = count, c = length - 1; k > 0; k--, c--) {
      const ways = column(k, length);
      // the largest c with C(c, k) at most what is left; C(k − 1, k) = 0 ends it
      while ((ways[c] as bigint) > left) c--;
      left -= ways[c] as bigint;
      index[k - 1] = c;
    }
    return;
  }
  for (let k = 0; k < count; k++) index[k] = k;
  descend(count, length, (c, k, ways) => {
    if (ways > left) return false;
    left -= ways;
    index[k - 1] = c;
    return true;
  });
}

/**
 * Goes down through the coordinates c = length − 1, length − 2, … with `ways` = C(c, k), k of `count` being left to find,
 * until the last k coordinates must all be in. `found` says whether c is.
 */
function descend(count: number, length: number, found: (c: number, k: number, ways: bigint) => boolean): void {
  let k = count;
  let c = length - 1;
  let ways = c < k ? 0n : binomial(c, k);
  for (; k > 0 && c >= k; c--) {
    const isIn = found(c, k, ways);
    ways = (ways * BigInt(isIn ? k : c - k)) / BigInt(c);
    if (isIn) k--;
  }
}

// The combinatorial number system [D. H. Lehmer 1964]: the subset c_1 < … < c_K of {0 … length − 1} is number Σ C(c_k, k) of
// the C(length, K) of its size. Time O(length) in integers of log₂ C(length, K) bits: for short lists.

/** C(n, k), exact. */
export function binomial(n: number, k: number): bigint {
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

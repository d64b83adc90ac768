// The loops of src/top-k.ts, which says how the largest magnitudes are found.

/** By a mask of four bits: the bytes of the i32 lanes whose bit is 1, first. */
const LANES: usize = memory.data(16 * 16, 16);
const BUCKETS = 2048;
const HISTOGRAM: usize = memory.data(BUCKETS * 4, 16);
/** How many keys are equal to the one found, and how many of them are wanted. */
let found: u32 = 0;
let wanted: u32 = 0;

for (let mask = 0; mask < 16; mask++) {
  let to = 0;
  for (let lane = 0; lane < 4; lane++) {
    if (!((mask >> lane) & 1)) continue;
    for (let b = 0; b < 4; b++) store<u8>(LANES + 16 * mask + to++, <u8>(4 * lane + b));
  }
}

export function equalKeys(): u32 {
  return found;
}

export function wantedKeys(): u32 {
  return wanted;
}

/**
 * Lists the values, of `count` f64, whose high word without the sign is above `bound`: their numbers, which begin at `first`, and
 * those words, both u32. Returns how many there are. There is room for three values and four of the others more.
 */
export function listAbove(values: usize, count: u32, first: u32, bound: i32, index: usize, keys: usize): u32 {
  const mask = i32x4.splat(0x7fffffff);
  const bounds = i32x4.splat(bound);
  const four = i32x4.splat(4);
  let numbers = i32x4.add(i32x4.splat(first), i32x4(0, 1, 2, 3));
  let to = index;
  let key = keys;
  for (let left = <i32>count; left > 0; left -= 4, values += 32) {
    const high = v128.and(v128.shuffle<i32>(v128.load(values), v128.load(values, 16), 1, 3, 5, 7), mask);
    let above = i32x4.bitmask(i32x4.gt_s(high, bounds));
    if (left < 4) above &= (1 << left) - 1;
    // mostly none
    if (above !== 0) {
      const lanes = v128.load(LANES + (<usize>above << 4));
      v128.store(to, i8x16.swizzle(numbers, lanes));
      v128.store(key, i8x16.swizzle(high, lanes));
      const more = <usize>popcnt(above) << 2;
      to += more;
      key += more;
    }
    numbers = i32x4.add(numbers, four);
  }
  return <u32>((to - index) >> 2);
}

/**
 * The `rank`-th largest of `count` keys (u32), 1 ≤ rank ≤ count, by radix selection; how many are equal to it is what
 * `equalKeys` says, how many of these are among the `rank` largest `wantedKeys`. `scratch` is room for as many keys.
 */
export function selectKey(keys: usize, count: u32, scratch: usize, rank: u32): u32 {
  let from = keys;
  let left = count;
  let key: u32 = 0;
  wanted = rank;
  // digits of 11, 11 and 10 bits
  for (let digit = 0; digit < 3; digit++) {
    const shift: u32 = digit === 0 ? 21 : digit === 1 ? 10 : 0;
    const mask: u32 = digit === 2 ? 1023 : 2047;
    memory.fill(HISTOGRAM, 0, BUCKETS * 4);
    for (let at = from, end = from + (<usize>left << 2); at < end; at += 4) {
      const bucket = HISTOGRAM + (<usize>((load<u32>(at) >>> shift) & mask) << 2);
      store<u32>(bucket, load<u32>(bucket) + 1);
    }
    let bucket = mask;
    for (let some = load<u32>(HISTOGRAM + (<usize>bucket << 2)); some < wanted; ) {
      wanted -= some;
      bucket--;
      some = load<u32>(HISTOGRAM + (<usize>bucket << 2));
    }
    key |= bucket << shift;
    let to = scratch;
    for (let at = from, end = from + (<usize>left << 2); at < end; at += 4) {
      const other = load<u32>(at);
      store<u32>(to, other);
      to += <usize>(((other >>> shift) & mask) === bucket) << 2;
    }
    left = <u32>((to - scratch) >> 2);
    from = scratch;
  }
  found = left;
  return key;
}

// The permutation of src/perm-k.ts: Rng.shuffle of packages/core/src/random.ts, of slots that know their worker.

/**
 * Lists the slots of worker 0, of worker 1, …, `share` each and ascending (u32), after dealing them out by a Fisher–Yates shuffle
 * with the stream of four words. `owners` is room for two bytes a slot, `filled` for four a worker.
 */
export function deal(
  a: i32,
  b: i32,
  c: i32,
  n: i32,
  workers: u32,
  share: u32,
  owners: usize,
  filled: usize,
  slots: usize,
): void {
  if (workers <= 256) dealAs<u8>(a, b, c, n, workers, share, owners, filled, slots);
  else dealAs<u16>(a, b, c, n, workers, share, owners, filled, slots);
}

// @ts-ignore: decorator of AssemblyScript
@inline
function dealAs<T>(
  a: i32,
  b: i32,
  c: i32,
  n: i32,
  workers: u32,
  share: u32,
  owners: usize,
  filled: usize,
  slots: usize,
): void {
  const count = workers * share;
  const size: usize = sizeof<T>();
  for (let w: u32 = 0, at = owners; w < workers; w++) {
    store<u32>(filled + (<usize>w << 2), <u32>slots + (((w + 1) * share) << 2));
    for (let k: u32 = 0; k < share; k++, at += size) store<T>(at, <T>w);
  }
  for (let bound = count; bound > 1; bound--) {
    let j: u32 = 0;
    // as Rng.below
    const mask: u32 = <u32>-1 >>> <u32>clz(bound - 1);
    const uneven: u32 = bound > 0x200000 ? 0 : bound;
    let again = false;
    do {
      const word = <u32>(a + b + n++);
      a = b ^ (b >>> 9);
      b = c + (c << 3);
      c = rotl(c, 21) + word;
      if (uneven === 0) {
        j = word & mask;
        again = j >= bound;
      } else {
        const product = <u64>word * bound;
        j = <u32>(product >>> 32);
        again = <u32>product < bound && <u32>product < (0 - bound) % bound;
      }
    } while (again);
    const last = owners + <usize>(bound - 1) * size;
    const other = owners + <usize>j * size;
    const owner = load<T>(other);
    store<T>(other, load<T>(last));
    // the last slot has its worker for good
    place(filled, owner, bound - 1);
  }
  if (count > 0) place(filled, load<T>(owners), 0);
}

/** Lists a slot before those that its worker has. */
// @ts-ignore: decorator of AssemblyScript
@inline
function place(filled: usize, owner: u32, slot: u32): void {
  const next = filled + (<usize>owner << 2);
  const to = load<u32>(next) - 4;
  store<u32>(to, slot);
  store<u32>(next, to);
}

// Plain values: f64 to f32 and back, four at a time, with a look for NaN and infinities. There is room for three values more.

/** Rounds `count` values to the nearest f32 numbers. Returns whether all of them are finite. */
export function narrow(from: usize, to: usize, count: u32): bool {
  const mask = i32x4.splat(0x7fffffff);
  let largest = i32x4.splat(0);
  clear(from + (<usize>count << 3), 24);
  for (const end = from + (<usize>count << 3); from < end; from += 32, to += 16) {
    const x = f32x4.demote_f64x2_zero(v128.load(from));
    const y = f32x4.demote_f64x2_zero(v128.load(from, 16));
    const four = v128.shuffle<i64>(x, y, 0, 2);
    largest = i32x4.max_u(largest, v128.and(four, mask));
    v128.store(to, four);
  }
  return !v128.any_true(i32x4.gt_u(largest, i32x4.splat(0x7f7fffff)));
}

/** Widens `count` f32 numbers. Returns whether all of them are finite. */
export function widen(from: usize, to: usize, count: u32): bool {
  const mask = i32x4.splat(0x7fffffff);
  let largest = i32x4.splat(0);
  clear(from + (<usize>count << 2), 12);
  for (const end = from + (<usize>count << 2); from < end; from += 16, to += 32) {
    const four = v128.load(from);
    largest = i32x4.max_u(largest, v128.and(four, mask));
    v128.store(to, f64x2.promote_low_f32x4(four));
    v128.store(to, f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1)), 16);
  }
  return !v128.any_true(i32x4.gt_u(largest, i32x4.splat(0x7f7fffff)));
}

/** Whether `count` f64 values are finite. */
export function finite(from: usize, count: u32): bool {
  const mask = i32x4.splat(0x7fffffff);
  let largest = i32x4.splat(0);
  clear(from + (<usize>count << 3), 24);
  for (const end = from + (<usize>count << 3); from < end; from += 32) {
    const high = v128.shuffle<i32>(v128.load(from), v128.load(from, 16), 1, 3, 5, 7);
    largest = i32x4.max_u(largest, v128.and(high, mask));
  }
  return !v128.any_true(i32x4.gt_u(largest, i32x4.splat(0x7fefffff)));
}

function clear(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}

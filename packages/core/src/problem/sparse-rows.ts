import type { Dataset } from '../data/dataset.js';

// The only loops over the non-zeros of a gradient. `rows` are sample numbers, which may repeat. With `offset` 1 every row
// begins with a one, the bias, and the features come after it.

/** product[r] ← ⟨a_s, x⟩, s = rows[r]. `x` has features + offset coordinates. */
export function multiplyRows(
  { rowStart, column, value, scale }: Dataset,
  rows: Int32Array,
  offset: 0 | 1,
  x: Float64Array,
  product: Float64Array,
): void {
  for (let r = 0; r < rows.length; r++) {
    const s = rows[r];
    const end = rowStart[s + 1];
    let sum = 0;
    for (let k = rowStart[s]; k < end; k++) sum += value[k] * x[column[k] + offset];
    sum *= scale;
    product[r] = offset === 1 ? sum + x[0] : sum;
  }
}

/** out ← out + Σ_r factor[r] · a_s, s = rows[r]. */
export function addRows(
  { rowStart, column, value, scale }: Dataset,
  rows: Int32Array,
  offset: 0 | 1,
  factor: Float64Array,
  out: Float64Array,
): void {
  for (let r = 0; r < rows.length; r++) {
    const s = rows[r];
    const end = rowStart[s + 1];
    if (offset === 1) out[0] += factor[r];
    const scaled = factor[r] * scale;
    for (let k = rowStart[s]; k < end; k++) out[column[k] + offset] += scaled * value[k];
  }
}

/** ‖a_s‖². */
export function squaredRowNorm({ rowStart, value, scale }: Dataset, s: number, offset: 0 | 1): number {
  let sum = 0;
  for (let k = rowStart[s]; k < rowStart[s + 1]; k++) sum += value[k] * value[k];
  return sum * scale * scale + offset;
}

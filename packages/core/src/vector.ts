// Dense vectors are Float64Array, allocated once and changed in place. Sums run from the first coordinate to the last, so
// that a result depends on the values alone.

/** y ← y + a·x */
export function axpy(a: number, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i] += a * x[i];
}

/** out ← x + a·y */
export function addScaled(x: Float64Array, a: number, y: Float64Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = x[i] + a * y[i];
}

/** out ← x − y */
export function subtract(x: Float64Array, y: Float64Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = x[i] - y[i];
}

/** y ← a·x + (1 − a)·y */
export function blend(a: number, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i] = a * x[i] + (1 - a) * y[i];
}

/** Σ x_i y_i */
export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** ‖x‖² */
export function squaredNorm(x: Float64Array): number {
  return dot(x, x);
}

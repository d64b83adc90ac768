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

/** Whether no coordinate is a NaN or an infinity: times 0 those leave NaN. Four sums, so that none waits for the one before. */
export function isFiniteVector(x: Float64Array | Float32Array): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < x.length; i += 4) {
    a += x[i] * 0;
    b += x[i + 1] * 0;
    c += x[i + 2] * 0;
    d += x[i + 3] * 0;
  }
  for (; i < x.length; i++) a += x[i] * 0;
  return a + b + c + d === 0;
}

/** ‖x‖∞; NaN when a coordinate is. */
export function largestMagnitude(x: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]));
  return largest;
}

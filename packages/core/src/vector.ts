// Dense vectors are typed arrays, allocated once and changed in place. Sums run from the first coordinate to the last, so
// that a result depends on the values alone. Numbers are f64 while they are worked with, whatever the vectors are: an f32
// coordinate is rounded once, when it is stored, and sums of products are f64.

import type { Vector } from './precision.js';
import { vectorKernels } from './vector-kernels.js';

export { ANY_PRECISION, inPrecision, type Precision, type Vector, zeros } from './precision.js';

/** Up to so many coordinates a loop here is faster than the way to the kernels and back. */
const SHORT = 128;

/** y ← y + a·x */
export function axpy(a: number, x: Vector, y: Vector): void {
  if (y.length > SHORT) vectorKernels().combine(a, x, 1, y, y);
  else for (let i = 0; i < y.length; i++) y[i] += a * x[i];
}

/** y_j ← y_j + x_j at the coordinates of `support` */
export function addAt(support: Int32Array, x: Vector, y: Vector): void {
  for (const j of support) y[j] += x[j];
}

/** out ← x + a·y */
export function addScaled(x: Vector, a: number, y: Vector, out: Vector): void {
  if (out.length > SHORT) vectorKernels().combine(1, x, a, y, out);
  else for (let i = 0; i < out.length; i++) out[i] = x[i] + a * y[i];
}

/** out ← x − y */
export function subtract(x: Vector, y: Vector, out: Vector): void {
  if (out.length > SHORT) vectorKernels().combine(1, x, -1, y, out);
  else for (let i = 0; i < out.length; i++) out[i] = x[i] - y[i];
}

/** y ← a·x + (1 − a)·y */
export function blend(a: number, x: Vector, y: Vector): void {
  if (y.length > SHORT) vectorKernels().combine(a, x, 1 - a, y, y);
  else for (let i = 0; i < y.length; i++) y[i] = a * x[i] + (1 - a) * y[i];
}

/** Σ x_i y_i */
export function dot(x: Vector, y: Vector): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** ‖x‖² */
export function squaredNorm(x: Vector): number {
  return dot(x, x);
}

/** Whether no coordinate is a NaN or an infinity: times 0 those leave NaN. Four sums, so that none waits for the one before. */
export function isFiniteVector(x: Vector): boolean {
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
export function largestMagnitude(x: Vector): number {
  let largest = 0;
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]));
  return largest;
}

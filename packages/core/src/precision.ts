/** The numbers that a run's vectors are made of. */
export type Precision = 'f32' | 'f64';

/** What can work with both. */
export const ANY_PRECISION: readonly Precision[] = ['f32', 'f64'];

/** A dense vector: f64, or f32 in a run whose precision that is. */
export type Vector = Float64Array | Float32Array;

/** `length` zeros. */
export function zeros(length: number, precision: Precision): Vector {
  return precision === 'f32' ? new Float32Array(length) : new Float64Array(length);
}

/** x itself where it has that precision, else a copy that has. */
export function inPrecision(x: Vector, precision: 'f64'): Float64Array;
export function inPrecision(x: Vector, precision: Precision): Vector;
export function inPrecision(x: Vector, precision: Precision): Vector {
  if (precision === 'f32') return x instanceof Float32Array ? x : new Float32Array(x);
  return x instanceof Float64Array ? x : new Float64Array(x);
}

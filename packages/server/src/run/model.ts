import type { Tensor } from '@flotilla/core';

/** A point x in R^d under the names of the tensors that make it up. */
export interface Model {
  /** d values. */
  readonly x: Float64Array;
  /** Views of `x`, row-major, in the order of flattening. */
  readonly tensors: readonly (Tensor & { readonly values: Float64Array })[];
}

/** @param tensors Whose sizes add up to the length of `x`. */
export function modelOf(x: Float64Array, tensors: readonly Tensor[]): Model {
  let at = 0;
  return {
    x,
    tensors: tensors.map(({ name, shape }) => {
      const size = shape.reduce((product, side) => product * side, 1);
      const values = x.subarray(at, at + size);
      at += size;
      return { name, shape, values };
    }),
  };
}

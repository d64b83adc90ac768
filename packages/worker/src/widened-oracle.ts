import type { Oracle, Vector } from '@flotilla/core';

/** d values for x and for a gradient, in f64: of a thread, used by one gradient at a time. */
export interface WideSpace {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * An oracle that knows f64 alone, such as a plug-in's, in a run in f32: its gradients are taken at a copy of x, in f64, and are rounded
 * once. The rest of the oracle is for who evaluates, in f64; its linear map is left out, for it would need a copy at every step.
 */
export class WidenedOracle implements Oracle {
  readonly smoothness: number | undefined;
  readonly samples?: number;
  readonly batchGradient?: NonNullable<Oracle['batchGradient']>;

  constructor(
    private readonly oracle: Oracle,
    private readonly space: WideSpace,
  ) {
    this.smoothness = oracle.smoothness;
    if (oracle.samples !== undefined) this.samples = oracle.samples;
    if (oracle.batchGradient === undefined) return;
    this.batchGradient = (x, batch, out) =>
      this.#wide(x, out, (wide, gradient) => oracle.batchGradient?.(wide, batch, gradient) as number);
  }

  gradient(x: Vector, out: Vector): number {
    return this.#wide(x, out, (wide, gradient) => this.oracle.gradient(wide, gradient));
  }

  #wide(x: Vector, out: Vector, take: (x: Float64Array, out: Float64Array) => number): number {
    const { space } = this;
    space.x.set(x);
    const value = take(space.x, space.gradient);
    out.set(space.gradient);
    return value;
  }
}

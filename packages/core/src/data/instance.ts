import { UsageError } from '../errors.js';

/** A fixed instance of `heterogeneous-quadratic`: f_i(x) = ½ c_i xᵀXx − bᵀx. */
export interface QuadraticInstance {
  /** n values. */
  readonly c: readonly number[];
  /** d values. */
  readonly b: readonly number[];
}

/** A fixed instance from a value. @param called What it is called in an error. @throws UsageError */
export function instanceFrom(value: unknown, called: string): QuadraticInstance {
  const { c, b, n, d } = Object(value) as Record<string, unknown>;
  for (const [name, list] of Object.entries({ c, b })) {
    const numbers = Array.isArray(list) || list instanceof Float64Array ? Array.from(list) : [];
    if (numbers.length === 0 || !numbers.every(Number.isFinite)) {
      throw new UsageError(`the instance ${called} needs ${name}: an array of finite numbers`);
    }
  }
  const instance = { c: Array.from(c as number[]), b: Array.from(b as number[]) };
  for (const [name, given, length] of [
    ['n', n, instance.c.length],
    ['d', d, instance.b.length],
  ]) {
    if (given !== undefined && given !== length) {
      throw new UsageError(`the instance ${called} says ${name} = ${given} and has ${length} values`);
    }
  }
  return instance;
}

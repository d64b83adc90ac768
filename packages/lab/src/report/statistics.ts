/** Numbers by name, and groups of them. */
export interface Statistics {
  readonly [name: string]: number | null | Statistics;
}

/** Mean and standard deviation (n − 1) of every number that all of the objects have, in the objects' own shape. */
export function meanAndStd(objects: readonly object[]): { readonly mean: Statistics; readonly std: Statistics } {
  const mean: Record<string, number | null | Statistics> = Object.create(null);
  const std: Record<string, number | null | Statistics> = Object.create(null);
  for (const name of Object.keys(objects[0] ?? {})) {
    const values = objects.map((one) =>
      Object.hasOwn(one, name) ? (one as Record<string, unknown>)[name] : undefined,
    );
    if (values.every((value) => typeof value === 'number')) {
      const { mean: average, sd } = spread(values);
      mean[name] = average;
      // one value has no deviation
      std[name] = values.length > 1 ? sd : null;
    } else if (values.every((value) => typeof value === 'object' && value !== null && !Array.isArray(value))) {
      const inner = meanAndStd(values as object[]);
      if (Object.keys(inner.mean).length === 0) continue;
      mean[name] = inner.mean;
      std[name] = inner.std;
    }
  }
  return { mean, std };
}

/** Mean and standard deviation (n − 1) of a sample; the deviation of one value is 0. */
export function spread(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1);
  // equal values may differ from their mean by its rounding
  const sd = Math.sqrt(variance);
  return { mean, sd: sd <= 1e-12 * Math.abs(mean) ? 0 : sd };
}

/** The middle one, or the upper of the two middle ones; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** `mean ± sd`, or the value alone when there is one, or when all are equal. */
export function spreadText(values: readonly number[], show: (value: number) => string): string {
  if (values.length === 0) return '–';
  const { mean, sd } = spread(values);
  return values.length === 1 || sd === 0 ? show(mean) : `${show(mean)} ± ${show(Number(sd.toPrecision(2)))}`;
}

/**
 * The number that `text` writes in decimal digits, `-1.5e3` at the most elaborate, or undefined: no blanks, no 0x, 0b or 0o, no `1_000`,
 * no `Infinity`, nothing beyond the range of f64. `Number` takes most of these, so that a slip would pass for a value.
 */
export function parseDecimal(text: string): number | undefined {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

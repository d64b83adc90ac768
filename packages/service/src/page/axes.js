// @ts-check
// Where axes begin and end, and what is written along them.

/** @import uPlot from './uPlot.esm.js' */

/** What a logarithmic axis can show. */
export const isLog = (/** @type {number} */ value) => value >= 1e-30 && value <= 1e30;

/** @type {uPlot.Range.Function} */
export function linearRange(_, low, high) {
  if (low === null || high === null) return [0, 1];
  if (low === high) return low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  return [low, high];
}

/** With room above and below. @type {uPlot.Range.Function} */
export function roomyRange(plot, low, high, scale) {
  const [min, max] = linearRange(plot, low, high, scale);
  const room = 0.05 * (Number(max) - Number(min));
  return [Number(min) - room, Number(max) + room];
}

/** @type {uPlot.Range.Function} */
export function roomyLogRange(plot, low, high, scale) {
  const [min, max] = logRange(plot, low, high, scale);
  const room = (Number(max) / Number(min)) ** 0.04;
  return [Number(min) / room, Number(max) * room];
}

/** @type {uPlot.Range.Function} */
export function zeroRange(_, _low, high) {
  return [0, high === null || high <= 0 ? 1 : high * 1.05];
}

/** @type {uPlot.Range.Function} */
export function logRange(_, low, high) {
  if (low === null || high === null || low <= 0) return [0.1, 10];
  return low === high ? [low / 2, high * 2] : [low, high];
}

/**
 * Ticks of a logarithmic axis: the digits of each power of ten, or the powers alone where there are many, or evenly where there are few.
 * uPlot's own may never come to an end, where an axis begins between them.
 */
export function logSplits(
  /** @type {uPlot} */ _,
  /** @type {number} */ _axis,
  /** @type {number} */ min,
  /** @type {number} */ max,
) {
  const [first, last] = [Math.floor(Math.log10(min)), Math.floor(Math.log10(max))];
  const digits = last - first > 8 ? [1] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const splits = [];
  for (let power = first; power <= last; power++) {
    for (const digit of digits) {
      const value = Number(`${digit}e${power}`);
      if (value >= min && value <= max) splits.push(value);
    }
  }
  return splits.length >= 4 ? splits : evenSplits(min, max);
}

/** Some four round numbers. */
function evenSplits(/** @type {number} */ min, /** @type {number} */ max) {
  const power = Math.floor(Math.log10((max - min) / 4));
  const digit = [1, 2, 5, 10].find((one) => one * 10 ** power >= (max - min) / 4) ?? 10;
  const [at, places] = [digit * 10 ** power, Math.max(0, -power)];
  const splits = [];
  for (let k = Math.ceil(min / at); k <= Math.floor(max / at); k++) {
    splits.push(places <= 100 ? Number((k * at).toFixed(places)) : k * at);
  }
  return splits;
}

export const all = (/** @type {uPlot} */ _, /** @type {number[]} */ splits) => splits;

/** Ticks of a logarithmic axis that are written: powers of ten where there are enough of them, else 1, 2 and 5 of each as well. */
export function decades(/** @type {uPlot} */ _, /** @type {number[]} */ splits) {
  if (splits.length <= 5) return splits;
  const lead = (/** @type {number} */ value) => Number(value.toExponential(0)[0]);
  const tens = splits.filter((value) => lead(value) === 1).length;
  const every = Math.ceil(tens / 8);
  const shown = tens >= 3 ? [1] : [1, 2, 5];
  return splits.map((value) => {
    if (!shown.includes(lead(value))) return null;
    return every > 1 && Math.round(Math.log10(value)) % every !== 0 ? null : value;
  });
}

/** As wide as the longest tick. */
export function yWidth(/** @type {uPlot} */ _, /** @type {string[] | null} */ values) {
  const longest = Math.max(3, ...(values ?? []).map((text) => text?.length ?? 0));
  return Math.ceil(longest * 7 + 14);
}

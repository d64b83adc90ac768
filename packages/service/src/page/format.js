// @ts-check

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const NONE = '–';
// made once: making one takes longer than using it
const WHOLE = new Intl.NumberFormat('en-US');
const SHORT = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 6 });

/** Decimal units, three digits: 1234567 → `1.23 MB`. */
export function bytes(/** @type {number | null | undefined} */ count) {
  if (!isNumber(count)) return NONE;
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Number(value.toPrecision(3)) : value.toPrecision(3)} ${UNITS[unit]}`;
}

/** Five significant digits, exponents when they are shorter: 0.000012345 → `1.2345e-5`. */
export function number(/** @type {number | null | undefined} */ value) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(5)));
  return Number(value.toPrecision(5)).toExponential();
}

/** A whole number, thousands apart: 12345 → `12,345`. */
export const count = (/** @type {number | null | undefined} */ value) => (isNumber(value) ? WHOLE.format(value) : NONE);

/** Three digits, no exponents: 1401.6 → `1402`. */
export const rate = (/** @type {number} */ value) => (value >= 999.5 ? value.toFixed(0) : value.toPrecision(3));

/** 0.0123 → `12.3 ms`; 75 → `1:15`; 3700 → `1:01:40` */
export function duration(/** @type {number | null | undefined} */ seconds) {
  if (!isNumber(seconds)) return NONE;
  if (seconds === 0) return '0 s';
  if (seconds < 1e-3) return `${Number((seconds * 1e6).toPrecision(3))} µs`;
  if (seconds < 0.9995) return `${Number((seconds * 1e3).toPrecision(3))} ms`;
  if (seconds < 59.95) return `${seconds.toPrecision(3)} s`;
  const s = Math.round(seconds);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** 0.1234 → `12 %` */
export function percent(/** @type {number} */ share) {
  return isNumber(share) ? `${(100 * share).toFixed(share < 0.0995 && share > 0 ? 1 : 0)} %` : NONE;
}

/** A tick of an axis: as short as it can be. */
export function tick(/** @type {number} */ value, /** @type {'bytes' | undefined} */ unit) {
  if (unit === 'bytes')
    return bytes(value)
      .replace(/(\.\d*?)0+ /, '$1 ')
      .replace('. ', ' ');
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e6)) return SHORT.format(value);
  return Number(value.toPrecision(6)).toExponential().replace('e+', 'e');
}

/** An id as it is shown: of a UUID the first part. */
export const shortId = (/** @type {string} */ id) => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id) ? id.slice(0, 8) : id);

/** @returns {value is number} */
function isNumber(/** @type {unknown} */ value) {
  return typeof value === 'number' && Number.isFinite(value);
}

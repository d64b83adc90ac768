const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, three digits: 1234567 → `1.23 MB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Number(value.toPrecision(3)) : value.toPrecision(3)} ${UNITS[unit]}`;
}

/** The same in fewer columns: `1.23M`. */
export function shortBytes(count: number): string {
  return bytes(count).replace(/ (\w?)B$/, (_, unit) => unit.toUpperCase() || 'B');
}

/** Three significant digits, all of whole numbers, no exponents: 1401.6 → `1402`. */
export function rate(value: number): string {
  return value >= 999.5 ? value.toFixed(0) : value.toPrecision(3);
}

/** Four significant digits, exponents when they are shorter. */
export function number(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5
    ? String(Number(value.toPrecision(5)))
    : value.toExponential(3);
}

/** Five significant digits, thousands apart: 269600.4 → `269,600`. */
export function grouped(value: number): string {
  return Math.abs(value) < 1000 ? number(value) : Number(value.toPrecision(5)).toLocaleString('en-US');
}

/** 75 → `1:15`, 3700 → `1:01:40` */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const s = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  return s < 3600
    ? `${Math.floor(s / 60)}:${two(s % 60)}`
    : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

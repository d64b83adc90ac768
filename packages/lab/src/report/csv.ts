/** A value of a column. */
type Value = string | number | boolean | null | undefined;

/** The values of an object under flat names: `{ uplink: { frameBytes: 8 } }` has `uplink.frameBytes`. */
function flatten(object: object, prefix = ''): Map<string, Value> {
  const flat = new Map<string, Value>();
  for (const [key, value] of Object.entries(object)) {
    if (typeof value !== 'object' || value === null) flat.set(`${prefix}${key}`, value as Value);
    else for (const [name, inner] of flatten(value, `${prefix}${key}.`)) flat.set(name, inner);
  }
  return flat;
}

/** Objects as CSV (RFC 4180, but lines end in a line feed): one a line, a column for every name that any of them has. */
export function csv(objects: readonly object[]): string {
  const rows = objects.map((object) => flatten(object));
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row.get(column)))];
  return lines.map((cells) => `${cells.map(cell).join(',')}\n`).join('');
}

/** Nothing where there is no value, or no finite one. */
function cell(value: Value): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

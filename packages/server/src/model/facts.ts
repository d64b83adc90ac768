import type { Facts } from '@flotilla/core';

/** Whether it is what {@link Facts} may be: a record of texts, flags, finite numbers and lists of finite numbers. */
export function isFacts(value: unknown): value is Facts {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (entry) => isPlain(entry) || (Array.isArray(entry) && entry.every((number) => Number.isFinite(number))),
  );
}

function isPlain(entry: unknown): boolean {
  return Number.isFinite(entry) || typeof entry === 'string' || typeof entry === 'boolean';
}

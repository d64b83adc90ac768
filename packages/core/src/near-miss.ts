/** Names are told apart by nothing else: `--stepSize`, `step_size` and `step-size` are one. */
const bare = (name: string) => name.toLowerCase().replace(/[-_]/g, '');

/** Longer names than any there is need no look. */
const MAX_LENGTH = 50;

/** The name of `known` that whoever wrote `name` is likely to have meant: a slip away from it, or what it alone begins. */
export function nearMiss(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const word = bare(name);
  const begun = known.filter((one) => word.length >= 3 && bare(one).startsWith(word));
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of known) {
    const other = bare(one);
    const slips = editDistance(word, other);
    // a third of the letters, at most three
    if (slips < least && slips <= Math.min(3, Math.floor(Math.max(word.length, other.length) / 3))) {
      best = one;
      least = slips;
    }
  }
  return best ?? (begun.length === 1 ? begun[0] : undefined);
}

/** `; did you mean gd?`, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const meant = nearMiss(name, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** Letters to insert, drop, replace or swap with their neighbour (F. J. Damerau, 1964; optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

/** What the numbers of the whole page say, beyond what it works out itself. */
export const READING: readonly string[] = [];

/** A word as a POSIX shell reads it: as it is where nothing in it means anything there, else in single quotes. */
export function shellWord(word: string): string {
  return /^(?:--[a-z][a-z-]*(?:=|$))?(?:[\w./+,:@%][\w./+,:@%=-]*)?$/.test(word) && word !== ''
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

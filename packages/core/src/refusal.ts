/** What a schema has found wrong first. The validator is the caller's; this package has none. */
interface Issue {
  /** What is allowed there; null when a rule does not say. */
  readonly expected: string | null;
  readonly received: string;
  readonly path?: readonly { readonly key: unknown }[] | undefined;
}

/** Longest value that an error shows. */
const MAX_SHOWN = 100;

/** The issue as an error says it: the place, the value found there, and what is allowed. @param whole The name of all that was checked */
export function refusalOf({ expected, received, path = [] }: Issue, whole: string): string {
  const where = path.map(({ key }) => String(key)).join('.') || whole;
  if (received === 'undefined') return `${where} is missing`;
  if (expected === 'never') return `${where} is not known`;
  const value = received.length > MAX_SHOWN ? `${received.slice(0, MAX_SHOWN)}…` : received;
  return `${where} is ${value}, ${expected === null ? 'which is not allowed' : `not ${expected}`}`;
}

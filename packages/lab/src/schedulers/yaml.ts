/** What YAML and JSON both have. */
export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain | undefined };

/** A document in YAML's block style. Texts that might be read as something else are in JSON's quotes, which are YAML's too. */
export function yaml(value: Plain): string {
  return `${lines(value).join('\n')}\n`;
}

function lines(value: Plain): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return ['[]'];
    return value.flatMap((item: Plain) => lines(item).map((line, k) => (k === 0 ? '- ' : '  ') + line));
  }
  if (typeof value !== 'object') return [typeof value === 'string' ? text(value) : String(value)];
  const entries = Object.entries(value).filter((entry): entry is [string, Plain] => entry[1] !== undefined);
  if (entries.length === 0) return ['{}'];
  return entries.flatMap(([key, inner]) => {
    const name = text(key);
    const below = lines(inner);
    const isFlat = typeof inner !== 'object' || Object.keys(inner).length === 0;
    return isFlat ? [`${name}: ${below[0]}`] : [`${name}:`, ...below.map((line) => `  ${line}`)];
  });
}

const text = (words: string) =>
  /^[A-Za-z][\w./-]*$/.test(words) && !WORDS.test(words) ? words : JSON.stringify(words);

/** Words that are no texts in some version of YAML. */
const WORDS = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

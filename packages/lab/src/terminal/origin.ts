import { fileURLToPath } from 'node:url';

/** The folders of this project's own code, compiled, as URLs. */
const OWN = ['core', 'compressors', 'protocol', 'worker', 'server']
  .map((name) => new URL('.', import.meta.resolve(`@flotilla/${name}`)).href)
  .concat(new URL('..', import.meta.url).href);

/**
 * Where in the caller's own code an error comes from, as `path:line:column`: the first frame of a stack that is neither
 * Node's, nor this project's, nor in an installed package. Undefined when there is none.
 */
export function originOf(stack: string): string | undefined {
  for (const [, place = ''] of stack.matchAll(/^ {4}at (?:.*\()?(\S.*?:\d+:\d+)\)?$/gm)) {
    const isFile = place.startsWith('file:') || place.startsWith('/') || /^[A-Za-z]:\\/.test(place);
    if (!isFile || /[\\/]node_modules[\\/]/.test(place) || OWN.some((folder) => place.startsWith(folder))) continue;
    const [, url = '', line] = /^(.*?)(:\d+:\d+)$/.exec(place) ?? [];
    try {
      return url.startsWith('file:') ? `${fileURLToPath(url)}${line}` : place;
    } catch {
      return place;
    }
  }
  return undefined;
}

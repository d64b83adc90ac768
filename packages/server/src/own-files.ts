import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '@flotilla/core';

/**
 * The URL of a compiled module of this package, for a thread to start with.
 * @throws UsageError when it is not there, because a bundler has put the package into a file of its own
 */
export function ownFile(name: string): string {
  try {
    const url = new URL(`./${name}`, import.meta.url);
    if (existsSync(fileURLToPath(url))) return url.href;
  } catch {
    // bundled as CommonJS there is no `import.meta`
  }
  throw new UsageError(
    '@flotilla/server has been bundled, and its threads start with files of their own: keep it out of the bundle (esbuild: --external:@flotilla/*; rolldown and rollup: external: [/^@flotilla\\//])',
  );
}

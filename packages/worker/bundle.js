// Puts the thread entry and everything it imports into one file when what `tsc` wrote is newer: a thread loads it in a third
// of the time that ninety modules take. Part of every start, so it looks before it loads the bundler.
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const modified = (path) => statSync(at(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const target = 'dist/thread-bundle.js';
const builds = ['core', 'compressors', 'protocol', 'worker'].map((name) => `../${name}/dist/.tsbuildinfo`);

if (modified(target) < Math.max(...['bundle.js', '../../pnpm-lock.yaml', ...builds].map(modified))) {
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({ input: at('dist/thread.js'), platform: 'node' });
  const { output } = await bundle.generate({ format: 'esm' });
  if (output.length !== 1) throw new Error(`the thread entry became ${output.length} files`);
  // another start may be reading it
  writeFileSync(at(`${target}.part`), output[0].code);
  renameSync(at(`${target}.part`), at(target));
}

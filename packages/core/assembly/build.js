// Compiles the kernels to dist/kernels.wasm when the source is newer. Part of every start, so it looks before it loads asc.
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const source = at('kernels.ts');
const target = at('../dist/kernels.wasm');

if (modified(target) < Math.max(modified(source), modified(at('build.js')))) {
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(at('../dist'), { recursive: true });
  const { error, stderr } = await asc.main([
    source,
    ...['--outFile', target, '--baseDir', at('.')],
    ...['--runtime', 'stub', '--noAssert', '-O3', '--enable', 'simd,threads'],
    ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ]);
  if (error) {
    console.error(stderr.toString() || error.message);
    process.exitCode = 1;
  }
}

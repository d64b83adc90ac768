// What `tsc` does not make: WebAssembly, the thread entry as one file, and the files of the live page. Part of every start, so
// it looks before it loads a compiler.
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const modified = (path) => statSync(at(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isOld = (target, sources) => modified(target) < Math.max(...['build.js', ...sources].map(modified));

/** Compiles AssemblyScript with a memory of its own, or one that is handed to it. */
async function assemble(source, target, memory) {
  const folder = dirname(source);
  if (
    !isOld(
      target,
      readdirSync(at(folder)).map((name) => `${folder}/${name}`),
    )
  )
    return;
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(dirname(at(target)), { recursive: true });
  const { error, stderr } = await asc.main([
    ...[at(source), '--outFile', at(target), '--baseDir', at('.')],
    ...['--runtime', 'stub', '--noAssert', '-O3', ...memory],
  ]);
  if (error) throw new Error(stderr.toString() || error.message);
}

/** Readers of data files, which a family imports when it loads data: not on the threads, which get it loaded. */
const READERS = ['cache', 'csv', 'idx', 'libsvm', 'load-instance', 'mnist', 'npy'].map((name) =>
  at(`core/dist/data/${name}.js`),
);

/** Puts the thread entry and everything it imports into one file: a thread loads it in a third of the time of ninety modules. */
async function bundle(source, target, packages) {
  if (!isOld(target, ['../pnpm-lock.yaml', ...packages.map((name) => `${name}/dist/.tsbuildinfo`)])) return;
  const { rolldown } = await import('rolldown');
  const build = await rolldown({ input: at(source), platform: 'node', external: READERS });
  const { output } = await build.generate({ format: 'esm' });
  if (output.length !== 1) throw new Error(`the thread entry became ${output.length} files`);
  // another start may be reading it
  writeFileSync(at(`${target}.part`), output[0].code);
  renameSync(at(`${target}.part`), at(target));
}

/** Copies a folder of files that are served as they are; what is gone from it goes. */
function copyFolder(source, target) {
  mkdirSync(at(target), { recursive: true });
  const names = readdirSync(at(source));
  for (const name of readdirSync(at(target))) if (!names.includes(name)) rmSync(at(`${target}/${name}`));
  for (const name of names) {
    if (!isOld(`${target}/${name}`, [`${source}/${name}`])) continue;
    copyFileSync(at(`${source}/${name}`), at(`${target}/${name}.part`));
    renameSync(at(`${target}/${name}.part`), at(`${target}/${name}`));
  }
}

const SHARED = ['--enable', 'simd,threads', '--importMemory', '--sharedMemory', '--maximumMemory', '65536'];
await assemble('core/assembly/kernels.ts', 'core/dist/kernels.wasm', [...SHARED, '--initialMemory', '1']);
await assemble('compressors/assembly/codecs.ts', 'compressors/dist/codecs.wasm', ['--enable', 'simd']);
await bundle('worker/dist/thread.js', 'worker/dist/thread-bundle.js', ['core', 'compressors', 'protocol', 'worker']);
copyFolder('service/src/page', 'service/dist/page');

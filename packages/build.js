// What `tsc` does not make: WebAssembly, the thread entry as one file, and the files of the live page. Part of every start, so
// it looks before it loads a compiler.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const modified = (path) => statSync(at(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const isOld = (target, sources) => modified(target) < Math.max(...['build.js', ...sources].map(modified));

/** Puts a file in its place whole: another start may be reading it, or be about to write the same. */
function place(target, write) {
  const part = at(`${target}.${process.pid}.part`);
  write(part);
  renameSync(part, at(target));
}

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
  const part = at(`${target}.${process.pid}.part.wasm`);
  const { error, stderr } = await asc.main([
    ...[at(source), '--outFile', part, '--baseDir', at('.')],
    ...['--runtime', 'stub', '--noAssert', '-O3', ...memory],
  ]);
  if (error) throw new Error(stderr.toString() || error.message);
  renameSync(part, at(target));
}

/** Readers of data files, which a family imports when it loads data: not on the workers' threads, which get it loaded. */
const READERS = ['cache', 'csv', 'idx', 'libsvm', 'load-instance', 'mnist', 'npy'].map((name) =>
  at(`core/dist/data/${name}.js`),
);
/** A run over a broker has its server in modules. */
const NATS = [at('server/dist/hosts/nats.js')];

/** What modules say of where they are, in the one file that they have become. */
const PLACE = `
const __urlOf = (path) => new URL(path, require("node:url").pathToFileURL(__filename)).href;
const __resolve = (name) => require("node:url").pathToFileURL(require.resolve(name)).href;
`;

/** What few threads use of Node, and what takes longest to load. */
const SELDOM = /\blet (node_(?:crypto|http|https|tls|zlib)) = require\("(node:\w+)"\);/g;

/** The same code, which loads these where they are used first. */
function late(code) {
  const modules = [...code.matchAll(SELDOM)];
  const declared = code.replace(SELDOM, 'let $1;');
  const use = (name, module) => `(${name} ??= require("${module}")).`;
  return modules.reduce((text, [, name, module]) => text.replaceAll(`${name}.`, use(name, module)), declared);
}

/**
 * Puts the entry of a thread and everything it imports into one file: a thread loads it in a third of the time of ninety modules. It is
 * ASCII, which is half as much to read, and CommonJS, which can be compiled before (pool-entry.cts).
 */
async function bundle(source, target, packages, external) {
  if (!isOld(target, ['../pnpm-lock.yaml', ...packages.map((name) => `${name}/dist/.tsbuildinfo`)])) return false;
  const { rolldown } = await import('rolldown');
  const places = {
    name: 'places',
    transform: (code, id) =>
      code
        // seedrandom's, for a seed that nobody has given
        .replace("nodecrypto = require('crypto');", '')
        .replaceAll('import.meta.resolve(', '__resolve(')
        .replaceAll('import.meta.url', `__urlOf(${JSON.stringify(relative(dirname(at(target)), id))})`),
  };
  const build = await rolldown({ input: at(source), platform: 'node', external, plugins: [places] });
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false, comments: false, banner: PLACE });
  if (output.length !== 1) throw new Error(`the thread entry became ${output.length} files`);
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const code = late(output[0].code).replace(/[\u0080-\uffff]/g, escaped);
  // of the file before: V8 would only see that it is as long
  rmSync(at(`${target}.code`), { force: true });
  place(target, (part) => writeFileSync(part, code));
  return true;
}

/**
 * Trains a little, and keeps what V8 has compiled for it beside the files that the threads were started with: for this version of
 * Node, and for this computer. Others compile for themselves.
 */
function compile() {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-build-'));
  const data = join(folder, 'train-images-idx3-ubyte');
  const [samples, features] = [40, 12];
  const pixels = Array.from({ length: samples * features }, (_, k) => k % 7);
  writeFileSync(data, Uint8Array.of(0, 0, 8, 2, 0, 0, 0, samples, 0, 0, 0, features, ...pixels));
  const program = `
    import { train } from ${JSON.stringify(new URL('server/dist/index.js', import.meta.url).href)};
    await train({ data: ${JSON.stringify(data)}, workers: 4, threads: 1, rounds: 40 }).result;
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, FLOTILLA_COMPILE: '1' },
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error(stderr);
}

/** Copies a folder of files that are served as they are; what is gone from it goes. */
function copyFolder(source, target) {
  mkdirSync(at(target), { recursive: true });
  const names = readdirSync(at(source));
  const isLeft = (name) => !names.includes(name) && !name.endsWith('.part');
  for (const name of readdirSync(at(target))) if (isLeft(name)) rmSync(at(`${target}/${name}`), { force: true });
  for (const name of names) {
    if (!isOld(`${target}/${name}`, [`${source}/${name}`])) continue;
    place(`${target}/${name}`, (part) => copyFileSync(at(`${source}/${name}`), part));
  }
}

const SHARED = ['--enable', 'simd,threads', '--importMemory', '--sharedMemory', '--maximumMemory', '65536'];
await assemble('core/assembly/kernels.ts', 'core/dist/kernels.wasm', [...SHARED, '--initialMemory', '1']);
await assemble('core/assembly/vectors.ts', 'core/dist/vectors.wasm', ['--enable', 'simd']);
await assemble('compressors/assembly/codecs.ts', 'compressors/dist/codecs.wasm', ['--enable', 'simd']);
const PACKAGES = ['core', 'compressors', 'protocol', 'worker'];
const BUNDLES = ['worker/dist/thread-bundle.cjs', 'server/dist/server-thread-bundle.cjs'];
const isNew = [
  await bundle('worker/dist/thread.js', BUNDLES[0], PACKAGES, READERS),
  await bundle('server/dist/server-thread.js', BUNDLES[1], [...PACKAGES, 'server'], ['piscina', ...NATS]),
];
if (isNew.includes(true)) compile();
copyFolder('service/src/page', 'service/dist/page');

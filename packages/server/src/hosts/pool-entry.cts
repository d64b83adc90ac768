import fs = require('node:fs');
import nodeModule = require('node:module');
import url = require('node:url');
import vm = require('node:vm');
import threads = require('node:worker_threads');

/**
 * What piscina loads on its threads: CommonJS, because piscina calls `require` first, and Node 20 aborts the whole process
 * when a thread is terminated while `require` links an ECMAScript module (seen in this project's tests). A termination
 * during `import` merely ends it, and one while a script runs as well.
 */

type Entry = (task: unknown) => unknown;

/** What threads are started with (bundle.ts). */
interface Input {
  readonly module: string;
  readonly bundle: { readonly source: string; readonly compiled?: Uint8Array } | undefined;
}

/** Begun with the thread, before there is a task: a pool may be started while its task is still being made. */
const loading = load(threads.workerData as Input);
// a failure is the task's to report
loading.catch(() => undefined);

async function load({ module, bundle }: Input): Promise<Entry> {
  return bundle === undefined ? (await import(module)).default : loadBundle(url.fileURLToPath(module), bundle);
}

/** The export of a bundle (`build.js`): with what V8 has compiled of it a thread compiles nothing. */
function loadBundle(path: string, bundle: NonNullable<Input['bundle']>): Entry {
  const source = `(function (exports, require, module, __filename) {${bundle.source}\n})`;
  // V8 refuses the code of another version of itself, and compiles
  const script = new vm.Script(source, {
    filename: path,
    cachedData: bundle.compiled,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module: { exports: unknown } = { exports: {} };
  script.runInThisContext()(module.exports, nodeModule.createRequire(path), module, path);
  const entry = module.exports as Entry;
  if (process.env.FLOTILLA_COMPILE === undefined) return entry;
  // a run of the build: what it has called is what a thread needs
  return async (task) => {
    const result = await entry(task);
    // another start may have written the file anew: V8 would only see that it is as long
    if (fs.readFileSync(path, 'latin1') !== bundle.source) return result;
    // and may be reading this one, or be about to write it
    const part = `${path}.code.${process.pid}.part`;
    fs.writeFileSync(part, withChecksum(script.createCachedData()));
    fs.renameSync(part, `${path}.code`);
    return result;
  };
}

/** With the CRC-32 that whoever reads it looks at. */
function withChecksum(code: Buffer): Buffer {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(zlib().crc32(code));
  return Buffer.concat([code, checksum]);
}

/** Only the build's threads need it. */
const zlib = () => require('node:zlib') as typeof import('node:zlib');

export = async (task: unknown): Promise<unknown> => (await loading)(task);

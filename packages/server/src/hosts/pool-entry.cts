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

/** Begun with the thread, before there is a task: a pool may be started while its task is still being made. */
const { module: entryModule, isCompiled } = threads.workerData as { module: string; isCompiled: boolean };
const loading = load(entryModule);
// a failure is the task's to report
loading.catch(() => undefined);

async function load(module: string): Promise<Entry> {
  return module.endsWith('.cjs') ? loadBundle(url.fileURLToPath(module)) : (await import(module)).default;
}

/** The export of a bundle (`build.js`), whose compiled code lies beside it: a thread then compiles nothing. */
function loadBundle(path: string): Entry {
  const code = fs.readFileSync(path, 'latin1');
  const source = `(function (exports, require, module, __filename) {${code}\n})`;
  // V8 refuses the code of another version of itself, and compiles
  const script = new vm.Script(source, {
    filename: path,
    cachedData: isCompiled ? compiled(`${path}.code`) : undefined,
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
    if (fs.readFileSync(path, 'latin1') !== code) return result;
    // and may be reading this one, or be about to write it
    const part = `${path}.code.${process.pid}.part`;
    fs.writeFileSync(part, withChecksum(script.createCachedData()));
    fs.renameSync(part, `${path}.code`);
    return result;
  };
}

/** Without the checksum behind it, which whoever started this thread has looked at (compiled-code.ts). */
function compiled(path: string): Buffer | undefined {
  try {
    return fs.readFileSync(path).subarray(0, -4);
  } catch {
    // a build takes it away before it writes the bundle anew
    return undefined;
  }
}

function withChecksum(code: Buffer): Buffer {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(zlib().crc32(code));
  return Buffer.concat([code, checksum]);
}

/** Only the build's threads need it. */
const zlib = () => require('node:zlib') as typeof import('node:zlib');

export = async (task: unknown): Promise<unknown> => (await loading)(task);

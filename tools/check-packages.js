// What a user gets from npm, looked at from outside: packs every package, checks the tarballs, installs them into empty
// projects and runs there what the READMEs say. One line a step; ends with 1 and the reasons when some fail.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/** What may be installed with the server, at most. */
const LIMIT = { megabytes: 25, packages: 25 };
/** The doors of a package, and the modules that are loaded by path. */
const DOORS = ['.', './internal', './testing', './nats', './report', './thread', './package.json'];
/** What a tarball may hold: no tests, no build information, no maps to what is not there. */
const SHIPPED =
  /^package\/(package\.json|README\.md|LICENSE|dist\/.+(\.wasm|\.d\.c?ts|\.c?js|\.c?js\.map)|dist\/page\/[\w-]+\.(html|css|js|svg)|src\/.+\.py)$/;
const METADATA = ['description', 'keywords', 'license', 'engines', 'sideEffects', 'files', 'exports'];

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'tools/node_modules/.bin', name);
const readJson = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'));
delete process.env.npm_config_verify_deps_before_run; // pnpm's: npm would complain
const temporary = mkdtempSync(join(tmpdir(), 'flotilla-packages-'));

const packages = readdirSync(join(root, 'packages'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name: folder }) => {
    const manifest = readJson(root, 'packages', folder, 'package.json');
    const file = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
    return { folder, manifest, tarball: join(temporary, file) };
  });
const server = packages.find(({ folder }) => folder === 'server');
const libraries = packages.filter((one) => one === server || one.manifest.name in server.manifest.dependencies);

/** Runs a program and returns what it printed. */
const run = (program, args, cwd) =>
  new Promise((resolve, reject) => {
    execFile(program, args, { cwd, maxBuffer: 2 ** 26, timeout: 150_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}\n${stdout}${stderr || error.message}`));
    });
  });

async function step(what, work) {
  const began = performance.now();
  const found = await work().catch((error) => {
    process.exitCode = 1;
    return `FAILED\n${error.message}\n`;
  });
  console.log(`${what}: ${found} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}

function demand(truth, reason) {
  if (!truth) throw new Error(reason);
}

/** The first js block of a README below a heading. */
function programIn(path, heading) {
  const text = readFileSync(join(root, path), 'utf8');
  const [, code] = /^```js\n(.*?)^```$/ms.exec(text.slice(text.indexOf(heading))) ?? [];
  demand(text.includes(heading) && code !== undefined, `${path} has no program below ${heading}`);
  return code;
}

async function checkTarball({ manifest, tarball }) {
  const paths = (await run('tar', ['-tzf', tarball], root)).trim().split('\n');
  for (const path of paths) demand(SHIPPED.test(path), `${path} is not to be published`);
  for (const file of ['README.md', 'LICENSE']) demand(paths.includes(`package/${file}`), `${file} is missing`);
  for (const key of METADATA) demand(manifest[key] !== undefined, `package.json has no ${key}`);
  const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.wasm'));
  const fits = (entry) => DOORS.includes(entry) && (entry.endsWith('.json') || manifest.exports[entry].types);
  for (const entry of entries) demand(fits(entry), `the door ${entry} has no types, or no door has that name`);
  const { messages, pkg } = await publint({ pack: { tarball: readFileSync(tarball).buffer }, strict: true });
  demand(messages.length === 0, messages.map((message) => formatMessage(message, pkg)).join('\n'));
  await run(bin('attw'), [tarball, '--profile=esm-only', '--format=ascii', '--entrypoints', ...entries], root);
  return `${paths.length} files`;
}

/** An empty project with these packages installed, from their tarballs. */
async function project(name, manifest, installed) {
  const folder = join(temporary, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--no-audit', '--no-fund', ...installed.map(({ tarball }) => tarball)], folder);
  return folder;
}

/** Runs a program in a project and returns the number of lines it printed. */
async function tryProgram(folder, file, code) {
  writeFileSync(join(folder, file), code);
  const lines = (await run(process.execPath, [file], folder)).split('\n').length - 1;
  return lines > 0 ? lines : demand(false, `${file} printed nothing`);
}

async function checkLimits(folder) {
  const count = Object.keys(readJson(folder, 'node_modules/.package-lock.json').packages).length;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  const found = `${count} packages (limit ${LIMIT.packages}), ${(bytes / 1e6).toFixed(1)} MB (limit ${LIMIT.megabytes})`;
  demand(count <= LIMIT.packages && bytes <= 1e6 * LIMIT.megabytes, `too much is installed: ${found}`);
  return found;
}

async function checkEcmaScript(snippet) {
  const folder = await project('esm', { type: 'module' }, libraries);
  const [found, lines] = [await checkLimits(folder), await tryProgram(folder, 'snippet.js', snippet)];
  for (const { folder: name } of libraries) {
    await tryProgram(folder, `${name}.js`, programIn(`packages/${name}/README.md`, '# '));
  }
  return `README.md's program printed ${lines} lines, those of the packages ran; ${found}`;
}

async function checkTypeScript(snippet) {
  const folder = await project('typescript', { type: 'module' }, libraries);
  writeFileSync(join(folder, 'snippet.ts'), snippet);
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  await run(bin('tsc'), ['--noEmit', '--strict', '--module', 'nodenext', ...types, 'snippet.ts'], folder);
  return 'the program has types';
}

async function checkCommonJs(snippet) {
  const folder = await project('commonjs', {}, libraries);
  const body = snippet.replaceAll(/^import (.+) from (.+);$/gm, 'const $1 = require($2);');
  const required = await tryProgram(folder, 'require.js', `(async () => {\n${body}})();`);
  const imported = body.replaceAll('= require(', '= await import(');
  return `require ${required} lines, import ${await tryProgram(folder, 'import.js', `(async () => {\n${imported}})();`)}`;
}

async function checkCommandLine() {
  const folder = await project('command-line', {}, packages);
  const options = ['--problem', 'quadratic', '--workers', '2', '--rounds', '3', '--json', '--quiet'];
  const { xHash } = JSON.parse(await run('npx', ['--no-install', 'flotilla', 'start', ...options], folder));
  return `flotilla start trains, xHash ${xHash.slice(0, 8)}…`;
}

const pack = ['--recursive', '--filter=./packages/*', 'pack', `--pack-destination=${temporary}`];
try {
  await step('pack', async () => (await run('pnpm', pack, root)) && `${packages.length} packages`);
  await Promise.all(packages.map((one) => step(`${one.manifest.name}, publint, attw`, () => checkTarball(one))));
  const snippet = programIn('README.md', '## In your own program');
  await Promise.all([
    step('ECMAScript project', () => checkEcmaScript(snippet)),
    step('TypeScript project', () => checkTypeScript(snippet)),
    step('CommonJS project', () => checkCommonJs(snippet)),
    step('command line', () => checkCommandLine()),
  ]);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

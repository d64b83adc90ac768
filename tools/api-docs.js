// Builds the pages of every library's public doors into the folder api/ of the repository. What a reader could not follow
// is an error: a link to nothing, a type that a door shows and does not export.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, TSConfigReader } from 'typedoc';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** `./internal` is for the packages beside, and wasm and threads are loaded as files. */
const PUBLIC_DOORS = ['.', './testing', './report'];

/** The sources behind the public doors of a package. */
function doorsOf(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const doors = PUBLIC_DOORS.map((door) => exports[door]?.types ?? exports[door]).filter((path) => path !== undefined);
  return doors.map((path) => join(folder, path.replace('./dist/', 'src/').replace(/(\.d\.ts|\.js)$/, '.ts')));
}

const folders = readdirSync(at('packages'))
  .map((name) => at(`packages/${name}`))
  .filter((folder) => existsSync(join(folder, 'package.json')) && doorsOf(folder).length > 0);
const common = { readme: 'none', disableGit: true, disableSources: true };

const app = await Application.bootstrap(
  {
    ...common,
    name: 'Flotilla',
    logLevel: 'Warn',
    entryPointStrategy: 'packages',
    entryPoints: folders,
    // the build has found the errors
    packageOptions: { ...common, excludeInternal: true, excludePrivate: true, skipErrorChecking: true },
  },
  [
    new TSConfigReader(),
    {
      name: 'doors',
      order: 0,
      supportsPackages: true,
      read(options, _logger, folder) {
        if (folders.includes(folder)) options.setValue('entryPoints', doorsOf(folder));
      },
    },
  ],
);
const project = await app.convert();
if (project !== undefined) app.validate(project);
if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) {
  process.exitCode = 1;
} else {
  await app.generateDocs(project, at('api'));
  console.log(`API pages of ${folders.length} packages: api/index.html`);
}

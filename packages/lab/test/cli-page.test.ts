import { compressors } from '@flotilla/compressors';
import { parseOptions } from '@flotilla/server';
import { expect, test } from 'vitest';
import { readArguments } from '../dist/cli/arguments.js';
import { flagNotes, optionNotes, settingNotes } from '../dist/cli/option-notes.js';
import { cliPage } from '../dist/cli/reference.js';

const rewrite = 'npx vitest run packages/lab/test/cli-page.test.ts -u';

test('docs/cli.md says what the command line takes', async () => {
  await expect(cliPage(), `docs/cli.md is out of date; ${rewrite} writes it`).toMatchFileSnapshot(
    '../../../docs/cli.md',
  );
});

test('it has every compressor', () => {
  const [, specs] = /^### Compressors$([\s\S]*?)^## /m.exec(cliPage()) ?? [];
  for (const name of Object.keys(compressors)) expect(specs).toMatch(new RegExp(`\`${name}[\`:(]`));
});

const examples = Object.entries({ ...optionNotes, ...flagNotes, ...settingNotes }).flatMap(([name, { example }]) =>
  example === undefined ? [] : [[name, example]],
);

test.each(examples)('the example of %s can be typed: %s', (name, example) => {
  const { options, flags, settings } = readArguments(example.split(' '));
  expect(Object.keys({ ...options, ...flags, ...settings })).toContain(name);
  expect(() => parseOptions(options)).not.toThrow();
});

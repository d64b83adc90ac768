import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '@flotilla/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';
import { Sweep } from '../dist/experiment/sweep.js';
import { figures } from '../dist/reproduce/registry.js';
import { runFigure } from '../dist/reproduce/run-figure.js';

let folder = '';
let sweep: Sweep;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-reproduce-'));
  sweep = new Sweep({ cache: join(folder, 'cache'), runtime: systemRuntime });
});
afterAll(async () => {
  await sweep.close();
  rmSync(folder, { recursive: true });
});

test('MARINA 1: MARINA with RandK K = 10 and GD on mushrooms, to 10⁻² and 10⁻³', async () => {
  const figure = figures['marina-1'];
  const panels = (size: { quick: boolean; seeds: number }) =>
    figure
      .panels(size)
      .filter(({ id }) => id === 'mushrooms-full')
      .map((panel) => ({ ...panel, curves: panel.curves.filter(({ label }) => /^(GD|MARINA K=10)$/.test(label)) }));
  const options = { dataFolder: fixture('.'), only: undefined, log: () => undefined };
  const { claims } = await runFigure({ ...figure, panels }, { quick: true, seeds: 3 }, sweep, options);
  const references = claims.filter(({ claim }) => claim.includes('independent program'));
  expect(references.length).toBe(8);
  for (const { claim, verdict, numbers } of references) {
    // 91 coins of probability 0.09 leave a third of the bits open, however many seeds we run
    const open = claim === 'MARINA K=10: uplink value bits a worker to 10⁻², as an independent program has them';
    expect(verdict, `${claim}: ${numbers}`).toBe(open ? 'not decided' : 'reproduced');
  }
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flotilla } from '@flotilla/service';
import Fastify from 'fastify';
import { expect, it } from 'vitest';

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), 'utf8');

it('asks for metrics that the service has, and for all of them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-grafana-'));
  const app = Fastify();
  app.register(flotilla, { folder, allow: { methods: ['gd'], problems: ['quadratic'] } });
  const { payload } = await app.inject('/metrics');
  await app.close();
  rmSync(folder, { recursive: true });
  const told = new Map([...payload.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  const { panels } = JSON.parse(read('dashboard.json')) as { panels: Panel[] };
  const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/flotilla_\w+/g) ?? []));
  const names = new Set(asked.map((name) => name.replace(/_bucket$/, '')));
  expect([...names].sort()).toEqual([...told.keys()].sort());
});

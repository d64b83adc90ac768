import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { train } from '@flotilla/server';
import { expect } from 'vitest';
import type { RunView } from '../dist/index.js';
import { json } from './host.js';

const HOST = fileURLToPath(new URL('killed-host.js', import.meta.url));
/** Longest time that a host is left alive. */
const LIFE_MS = 2500;
const SEEDS = 3;
const ROUNDS = 1000;

const requestOf = (seed: number) => ({
  problem: 'quadratic',
  method: 'marina',
  workers: 2,
  rounds: ROUNDS,
  evalEvery: 50,
  seed: `${seed}`,
});

/** What somebody was told of a run. A request that was not answered may have been heard, or not. */
interface Promised {
  readonly seed: number;
  /** Nobody deletes it. */
  readonly stays?: boolean;
  /** Told that it is done, with this. */
  xHash?: string;
  stopped?: 'told' | 'asked';
  deleted?: 'told' | 'asked';
  /** Somebody asks for something of it: what two are told at a time has no order. */
  isBusy?: boolean;
}

/**
 * Kills a host so many times, at random points of its training and answering, and starts it again each time: nothing that somebody was
 * told may be lost, and all runs come to what undisturbed ones come to.
 * @returns what has happened, for whoever reads the test's output
 */
export async function killHosts(
  times: number,
  maxRuns: number,
): Promise<{ runs: number; done: number; interrupted: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-kills-'));
  const promised = new Map<string, Promised>();
  let interrupted = 0;
  let alive: ChildProcess | undefined;
  const start = async () => {
    const host = await startHost(folder);
    alive = host.child;
    return host;
  };
  try {
    for (let k = 0; k < times; k++) {
      const host = await start();
      await checkListed(host.base, promised);
      // one at least is promised, and stays
      if (k === 0) {
        const response = await fetch(`${host.base}/runs`, json(requestOf(0)));
        promised.set(((await response.json()) as { id: string }).id, { seed: 0, stays: true });
      }
      const killed = new AbortController();
      const asking = Promise.all([
        ask(host.base, promised, maxRuns, killed.signal),
        ask(host.base, promised, maxRuns, killed.signal),
      ]);
      await new Promise((next) => setTimeout(next, LIFE_MS * Math.random()));
      host.child.kill('SIGKILL');
      await once(host.child, 'exit');
      killed.abort();
      await asking;
      for (const run of promised.values()) run.isBusy = false;
      for (const id of promised.keys()) interrupted += stateOnDisk(folder, id) === 'running' ? 1 : 0;
    }
    const host = await start();
    await checkListed(host.base, promised);
    const done = await finishAll(host.base);
    const hashes = new Map<string, string>();
    for (let seed = 0; seed < SEEDS; seed++) hashes.set(`${seed}`, (await train(requestOf(seed)).result).xHash);
    for (const { id, seed } of done) {
      const summary = await (await fetch(`${host.base}/runs/${id}/summary`)).json();
      expect(summary, id).toMatchObject({ rounds: ROUNDS, xHash: hashes.get(seed ?? '') });
    }
    return { runs: promised.size, done: done.length, interrupted };
  } finally {
    alive?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startHost(folder: string): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [HOST, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await Promise.race([
    once(child.stdout as NonNullable<typeof child.stdout>, 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the host ended with ${code}`))),
  ]);
  return { child, base: `http://127.0.0.1:${String(port).trim()}` };
}

async function listed(base: string): Promise<Map<string, RunView>> {
  const { runs, next } = (await (await fetch(`${base}/runs?limit=500`)).json()) as {
    runs: RunView[];
    next: string | null;
  };
  expect(next).toBeNull();
  return new Map(runs.map((run) => [run.id, run]));
}

/** Everything that was promised is there, as it was promised; nothing has failed. */
async function checkListed(base: string, promised: ReadonlyMap<string, Promised>): Promise<void> {
  const runs = await listed(base);
  for (const [id, { seed, xHash, stopped, deleted }] of promised) {
    const run = runs.get(id);
    if (deleted === 'told') expect(run, `${id} was deleted`).toBeUndefined();
    if (deleted !== undefined) continue;
    expect(run, `${id} was accepted`).toMatchObject({ seed: `${seed}`, error: null });
    if (xHash !== undefined) {
      expect(run?.state).toBe('done');
      expect(await (await fetch(`${base}/runs/${id}/summary`)).json()).toMatchObject({ xHash });
    } else if (stopped === 'told') expect(['stopped', 'done'], `${id} was stopped`).toContain(run?.state);
    else if (stopped === undefined) expect(['queued', 'running', 'done'], id).toContain(run?.state);
  }
  // others are such whose answer was not heard
  for (const { state, error } of runs.values()) expect([state === 'failed', error]).toEqual([false, null]);
}

/** Asks for this and that until the host is gone. */
async function ask(base: string, promised: Map<string, Promised>, maxRuns: number, killed: AbortSignal): Promise<void> {
  const any = () => [...promised.keys()][Math.floor(Math.random() * promised.size)] ?? '';
  try {
    while (!killed.aborted) {
      await new Promise((next) => setTimeout(next, 50 * Math.random()));
      const what = Math.random();
      const id = any();
      const run = promised.get(id);
      const post = (name: string) => fetch(`${base}/runs/${id}/${name}`, { method: 'POST' });
      if (what < 0.3 && promised.size < maxRuns) {
        const seed = Math.floor(SEEDS * Math.random());
        const response = await fetch(`${base}/runs`, json(requestOf(seed)));
        expect(response.status).toBe(202);
        promised.set(((await response.json()) as { id: string }).id, { seed });
        continue;
      }
      if (run === undefined || run.deleted !== undefined || run.isBusy === true) continue;
      run.isBusy = true;
      if (what < 0.4) {
        run.stopped = 'asked';
        if ((await post('stop')).status === 202) run.stopped = 'told';
      } else if (what < 0.6 && run.stopped !== undefined) {
        run.stopped = 'asked';
        // one that goes on again may be in any state
        await post('resume');
      } else if (what < 0.65 && run.stays !== true) {
        run.deleted = 'asked';
        const { status } = await fetch(`${base}/runs/${id}`, { method: 'DELETE' });
        if (status === 202) run.deleted = 'told';
        else delete run.deleted;
      } else if (what < 0.8) await post('checkpoint');
      else {
        const response = await fetch(`${base}/runs/${id}/summary`);
        const summary =
          response.status === 200 ? ((await response.json()) as { xHash: string; stopReason: string }) : undefined;
        const view = (await (await fetch(`${base}/runs/${id}`)).json()) as RunView;
        if (view.state === 'done' && summary?.stopReason === 'rounds') run.xHash = summary.xHash;
      }
      run.isBusy = false;
    }
  } catch (error) {
    // fetch fails when its host is gone
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Lets everything go on to its end. */
async function finishAll(base: string): Promise<RunView[]> {
  for (;;) {
    const runs = [...(await listed(base)).values()];
    for (const { id, state } of runs) {
      if (state === 'stopped') await fetch(`${base}/runs/${id}/resume`, { method: 'POST' });
    }
    if (runs.every(({ state }) => state === 'done')) return runs;
    expect(runs.filter(({ state }) => state === 'failed')).toEqual([]);
    await new Promise((next) => setTimeout(next, 200));
  }
}

function stateOnDisk(folder: string, id: string): string | undefined {
  const path = join(folder, id, 'job.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).state : undefined;
}

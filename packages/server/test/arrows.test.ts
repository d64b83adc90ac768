import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** What each package may import of the others. Nothing imports the lab. */
const ALLOWED: Record<string, string[]> = {
  core: [],
  compressors: ['core'],
  protocol: ['core', 'compressors'],
  worker: ['core', 'compressors', 'protocol'],
  server: ['core', 'compressors', 'protocol', 'worker'],
  service: ['core', 'compressors', 'protocol', 'worker', 'server'],
  lab: ['core', 'compressors', 'protocol', 'worker', 'server', 'service'],
};

const names = readdirSync(packages, { withFileTypes: true }).filter((entry) => entry.isDirectory());

/** The TypeScript files below a folder. */
function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.c?ts$/.test(file));
}

/** A file without its docstrings, whose examples may show what others do, and without the comments of whole lines. */
function codeOf(path: string): string {
  return readFileSync(path, 'utf8').replaceAll(/^ *(\/?\*|\/\/).*$/gm, '');
}

/** The files below a package's `src`, each with the modules that it imports, for their types too. */
function importsOf(name: string): Map<string, string[]> {
  const folder = join(packages, name, 'src');
  const files = sourcesIn(folder);
  expect(files.length).toBeGreaterThan(1);
  return new Map(
    files.map((file) => {
      const found = codeOf(join(folder, file)).matchAll(/\b(?:from|import) ?\(?'([^']+)'/g);
      return [file.replaceAll('\\', '/'), [...found].map(([, module = '']) => module)];
    }),
  );
}

/** The first way from a file back to itself. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>();
  const follow = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = follow(next, [...way, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  return [...graph.keys()].map((file) => follow(file, [])).find((cycle) => cycle !== undefined);
}

test.each(names)('$name imports only packages below it', ({ name }) => {
  const allowed = ALLOWED[name];
  if (allowed === undefined) throw new Error(`say what ${name} may import`);
  for (const [file, modules] of importsOf(name)) {
    for (const module of modules.filter((module) => /^@flotilla\/|^flotilla\b/.test(module))) {
      expect(allowed, `${name}/src/${file}`).toContain(module.split('/')[1]);
    }
  }
});

test.each(names)('no file of $name imports itself, over others', ({ name }) => {
  const graph = new Map<string, string[]>();
  for (const [file, modules] of importsOf(name)) {
    const relative = modules.filter((module) => module.startsWith('.'));
    const to = relative.map((module) => posix.join(posix.dirname(file), module).replace(/\.(c?)js$/, '.$1ts'));
    graph.set(file, to);
  }
  for (const imported of [...graph.values()].flat()) expect([...graph.keys()]).toContain(imported);
  expect(cycleIn(graph)).toBeUndefined();
});

test('a cycle is found', () => {
  const tree = { main: ['a', 'b'], a: ['c'], b: ['c'], c: [] };
  expect(cycleIn(new Map(Object.entries(tree)))).toBeUndefined();
  expect(cycleIn(new Map(Object.entries({ ...tree, c: ['b'] })))).toEqual(['c', 'b', 'c']);
  expect(cycleIn(new Map([['a', ['a']]]))).toEqual(['a', 'a']);
});

test('methods and problems know nothing of threads, bytes, clocks and files', () => {
  for (const part of ['method', 'problem']) {
    const folder = join(packages, 'core', 'src', part);
    for (const file of readdirSync(folder)) {
      const source = readFileSync(join(folder, file), 'utf8');
      expect(source, file).not.toMatch(/from 'node:|performance\.|Date\.|\bBuffer\.|postMessage|Math\.random/);
    }
  }
});

/** What may look at a clock or set a timer of its own, and why. */
const CLOCKS: Readonly<Record<string, string>> = {
  'core/src/runtime.ts': 'it is the clock',
  'core/src/data/download.ts': 'a server that sends nothing is given up',
  'core/src/data/lock.ts': 'a lock of another process is looked at again, the own one touched',
  'lab/src/bench/wallclock/shaped-network.ts': 'a broker of another network is waited for',
  'lab/src/cli/start.ts': 'the name of a run folder is a date',
  'lab/src/cli/live-page.ts': 'a page that nobody looks at is closed',
  'lab/src/bench/embed.ts': 'requests go out every 10 ms, whoever waits',
  'lab/src/bench/embed-host.ts': 'the delay of an event loop is measured, and a turn has its seconds',
  'lab/src/bench/recovery.ts': 'times of two threads are compared',
  'lab/src/bench/soak-problem.ts': 'times of two threads are compared',
  'protocol/src/transport/nats/host-bridge.ts':
    'a thread that waits for nothing looks around; times come from its caller',
  'protocol/src/transport/nats/server-bridge.ts':
    'a thread that waits for nothing looks around; times come from its caller',
  'server/src/nats/bridge-thread.ts': 'whom a run waits for is told every second',
  'service/src/events.ts': 'events go out a few times a second, and slow readers are given up',
  'service/src/folder-run.ts': 'runs and files have dates',
  'service/src/job.ts': 'runs have dates',
  'service/src/prometheus.ts': 'series of runs that ended long ago are left out',
  'service/src/queue.ts': 'runs have dates, and a host that closes does not wait for ever',
  'service/src/recovered-job.ts': 'runs have dates',
  'service/src/slow-bodies.ts': 'a body that does not come is given up',
};

test('time is read and waited for through the runtime alone', () => {
  const clock =
    /\bperformance\b|\bDate\.now\b|\bnew Date\b|\bhrtime\b|\bset(Timeout|Interval|Immediate)\b|\btimers\b|AbortSignal\.timeout/;
  const found = names
    .flatMap(({ name }) => sourcesIn(join(packages, name, 'src')).map((file) => `${name}/src/${file}`))
    .filter((file) => clock.test(codeOf(join(packages, file))));
  // no more, and no fewer: a file that needs it no longer loses its place in the list
  expect(found.sort()).toEqual(Object.keys(CLOCKS).sort());
});

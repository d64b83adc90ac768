import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CompressorEntry, compressors } from '@flotilla/compressors';
import { type Method, methods, type ProblemFamily, problems, type Registry, UsageError } from '@flotilla/core';
import { extend, messageOf, parseProblem } from '@flotilla/core/internal';

/** What the specs of a run may name. */
export interface Registries {
  readonly methods: Registry<Method>;
  readonly problems: Registry<ProblemFamily>;
  readonly compressors: Registry<CompressorEntry>;
}

/** What a plug-in's module exports by default: entries of the same form as the built-in ones, by name. */
export type Plugin = Partial<Registries>;

/** The registries of a run without plug-ins. */
export const BUILT_IN: Registries = { methods, problems, compressors };

/** Functions of which an entry must have one. */
const NEEDED: Readonly<Record<keyof Plugin, readonly string[]>> = {
  compressors: ['selector', 'quantizer', 'standalone', 'wrapper'],
  methods: ['stepSize'],
  problems: ['create'],
};

/**
 * The registries of a run: the built-in ones, what the modules at `paths` export and, when `problem` is the path of a module,
 * that, under its path. Every thread of the run makes its own; a path is as good as the code behind it, so none is ever taken
 * from a message.
 * @param problem the option of the run
 * @throws UsageError for a module that cannot be imported or is not what it must be, and for a name that is taken
 */
export async function loadPlugins(paths: readonly string[], problem?: string): Promise<Registries> {
  let { methods, problems, compressors } = BUILT_IN;
  for (const path of paths) {
    const plugin = (await importDefault('plugin', path)) as Plugin;
    check(path, plugin);
    compressors = extend('compressor', compressors, plugin.compressors ?? {});
    methods = extend('method', methods, plugin.methods ?? {});
    problems = extend('problem', problems, plugin.problems ?? {});
  }
  const module = problem === undefined ? undefined : parseProblem(problem).module;
  if (module !== undefined) {
    const family = await importDefault('problem', module);
    checkProblem(module, family);
    problems = Object.freeze({ ...problems, [module]: family });
  }
  return { methods, problems, compressors };
}

/** The modules that a run's options name: code that it imports, on the server's thread and on every worker's. */
export function modulesOf({ plugins, problem }: { readonly plugins: readonly string[]; readonly problem: string }) {
  const { module } = parseProblem(problem);
  return module === undefined ? plugins : [...plugins, module];
}

/** The default export of the module at `path`. @throws UsageError */
async function importDefault(kind: string, path: string): Promise<unknown> {
  const url = path.startsWith('file:') ? path : pathToFileURL(resolve(path)).href;
  try {
    return ((await import(url)) as { default?: unknown }).default;
  } catch (cause) {
    const reason = existsSync(new URL(url)) ? messageOf(cause).split('\n')[0] : 'there is no such file';
    throw new UsageError(`${kind} ${path} cannot be imported: ${reason}`, { cause });
  }
}

/** Functions that a problem must have, and properties. */
const NEEDED_OF_PROBLEM = { create: 'function', stepSize: 'function', init: 'string' } as const;

function checkProblem(path: string, family: unknown): asserts family is ProblemFamily {
  if (typeof family !== 'object' || family === null) {
    throw new UsageError(`problem ${path} exports nothing by default; export default defineProblem({ … })`);
  }
  for (const [key, type] of Object.entries(NEEDED_OF_PROBLEM)) {
    if (typeof (family as Record<string, unknown>)[key] === type) continue;
    const hint =
      'problems' in family ? 'it is a plug-in: name it under plugins' : 'export default defineProblem({ … })';
    throw new UsageError(`problem ${path}: its default export has no ${type} ${key}; ${hint}`);
  }
}

function check(path: string, plugin: unknown): void {
  const parts = typeof plugin === 'object' && plugin !== null ? Object.entries(plugin) : [];
  if (parts.length === 0) {
    throw new UsageError(
      `plugin ${path} exports nothing by default; export default { compressors, methods, problems }`,
    );
  }
  for (const [part, entries] of parts) {
    const needed = (NEEDED as Record<string, readonly string[] | undefined>)[part];
    if (needed === undefined) {
      throw new UsageError(`plugin ${path} exports ${part}; known: ${Object.keys(NEEDED).join(', ')}`);
    }
    for (const [name, entry] of Object.entries(entries ?? {})) {
      if (needed.some((key) => typeof (entry as Record<string, unknown> | null)?.[key] === 'function')) continue;
      throw new UsageError(`plugin ${path}: ${part}.${name} has no function ${needed.join(' or ')}`);
    }
  }
}

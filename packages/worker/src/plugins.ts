import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CompressorEntry, compressors } from '@flotilla/compressors';
import { type Method, methods, type ProblemFamily, problems, type Registry, UsageError } from '@flotilla/core';
import { extend, messageOf } from '@flotilla/core/internal';

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
 * The registries of a run: the built-in ones and what the modules at `paths` export. Every thread of the run makes its own; a
 * path is as good as the code behind it, so none is ever taken from a message.
 * @throws UsageError for a module that cannot be imported or is no plug-in, and for a name that is taken
 */
export async function loadPlugins(paths: readonly string[]): Promise<Registries> {
  let { methods, problems, compressors } = BUILT_IN;
  for (const path of paths) {
    const url = path.startsWith('file:') ? path : pathToFileURL(resolve(path)).href;
    let plugin: Plugin;
    try {
      ({ default: plugin } = (await import(url)) as { default: Plugin });
    } catch (cause) {
      throw new UsageError(`plugin ${path} cannot be imported: ${messageOf(cause)}`, { cause });
    }
    check(path, plugin);
    compressors = extend('compressor', compressors, plugin.compressors ?? {});
    methods = extend('method', methods, plugin.methods ?? {});
    problems = extend('problem', problems, plugin.problems ?? {});
  }
  return { methods, problems, compressors };
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

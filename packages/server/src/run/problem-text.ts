import { fileURLToPath } from 'node:url';
import { UsageError } from '@flotilla/core';
import { parseProblem } from '@flotilla/core/internal';

/** A module whose default export is the problem, and the problem's parameters. */
export interface ProblemModule {
  /** A path, relative to the current folder or absolute, or a `file:` URL; of a .js, .mjs or .cjs file (.ts where Node reads it). */
  readonly module: URL | string;
  readonly parameters?: Readonly<Record<string, number | boolean | string>>;
}

/** The text of the option `problem`, however it was given. @throws UsageError */
export function problemText(problem: string | URL | ProblemModule): string {
  if (typeof problem === 'string') return problem;
  const { module, parameters = {} } = problem instanceof URL ? { module: problem } : problem;
  const path = typeof module === 'string' ? module : pathOf(module);
  if (parseProblem(path).module !== path) {
    throw new UsageError(
      `problem ${JSON.stringify(path)} is not the path of a module, which ends in .js, .mjs or .cjs`,
    );
  }
  const pairs = Object.entries(parameters).map(([key, value]) => {
    if (/^[^\s,]+$/.test(String(value))) return `${key}=${value}`;
    throw new UsageError(`problem ${path}: ${key} cannot be ${JSON.stringify(value)}: no blanks and no commas`);
  });
  return pairs.length === 0 ? path : `${path}:${pairs.join(',')}`;
}

function pathOf(url: URL): string {
  if (url.protocol === 'file:' && url.search === '' && url.hash === '') return fileURLToPath(url);
  throw new UsageError(`problem ${JSON.stringify(url.href)} cannot be imported; it must be the file: URL of a module`);
}

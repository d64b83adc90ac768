import { UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { lookUp, type Registry, Spec } from '../spec.js';
import type { ProblemFamily } from './problem.js';

/** What the text of the option `problem` stands for. */
export interface ProblemReference {
  /** The path or URL of its module as it was given; undefined when a registry has it. */
  readonly module: string | undefined;
  /** Its parameters; its name is that of the registry's entry or, for messages, that of the module's file. */
  readonly spec: Spec;
}

/** Up to the first ending of a module's name that a colon follows, or nothing: the path may have colons. */
const MODULE = /^(.+?\.[cm]?[jt]s)(?::(.*))?$/s;

/**
 * Reads `name:key=value,…` or `./module.js:key=value,…`.
 * @throws UsageError
 */
export function parseProblem(text: string): ProblemReference {
  const trimmed = text.trim();
  const [, module, parameters] = MODULE.exec(trimmed) ?? [];
  if (module !== undefined) {
    const name = nameOf(module);
    return { module, spec: Spec.parse('problem', parameters === undefined ? name : `${name}:${parameters}`) };
  }
  if (/^[~.]|^file:|^[^:]*[\\/]|^[A-Za-z]:[\\/]/.test(trimmed)) throw notAModule(trimmed);
  return { module: undefined, spec: Spec.parse('problem', trimmed) };
}

/** The family of a reference; a module's is in the registry under its path. @throws UsageError when there is none */
export function lookUpProblem(problems: Registry<ProblemFamily>, { module, spec }: ProblemReference): ProblemFamily {
  return lookUp('problem', problems, module ?? spec.name);
}

function notAModule(path: string): UsageError {
  return new UsageError(
    `problem ${printed(path)} is neither a name nor the path of a module, which ends in .js, .mjs or .cjs`,
  );
}

/** The name of a module's file in the grammar of specs. */
function nameOf(module: string): string {
  const file = module.replace(/^.*[\\/]/s, '').replace(/\.[cm]?[jt]s$/, '');
  return (
    file
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replace(/^-+/, '') || 'problem'
  );
}

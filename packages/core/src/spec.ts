import { parseDecimal } from './decimal.js';
import { UsageError } from './errors.js';
import { didYouMean } from './near-miss.js';
import { printed, printedWord } from './printed.js';

/**
 * One grammar for methods, problems, compressors and splits: `name` or `name:key=value,key=value`.
 *
 * A spec is read by asking for its keys one by one; {@link Spec.rejectUnknown} then refuses the keys nobody asked for, so that a
 * misspelt parameter is never silently ignored.
 */
export class Spec {
  readonly #asked = new Set<string>();

  private constructor(
    /** What the spec names, for messages: `method`, `problem`, `compressor`, … */
    readonly kind: string,
    readonly name: string,
    readonly parameters: ReadonlyMap<string, string>,
  ) {}

  /** @throws UsageError when `text` does not follow the grammar. */
  static parse(kind: string, text: string): Spec {
    // no name has a capital or an underscore: whoever looks it up says which one is meant
    const match = /^([a-z0-9][\w-]{0,99})(?::(.*))?$/is.exec(text.trim());
    if (match === null) {
      throw new UsageError(`${kind} ${printed(text)} is not of the form name or name:key=value,key=value`);
    }
    const parameters = new Map<string, string>();
    for (const part of match[2] === undefined ? [] : match[2].split(',')) {
      const pair = /^\s*([\w-]{1,100})\s*=\s*(\S+)\s*$/.exec(part);
      const key = pair?.[1];
      const value = pair?.[2];
      if (key === undefined || value === undefined) {
        throw new UsageError(`${kind} ${printed(text)}: ${printed(part)} is not of the form key=value`);
      }
      if (parameters.has(key)) throw new UsageError(`${kind} ${printed(text)} gives ${key} twice`);
      parameters.set(key, value);
    }
    return new Spec(kind, match[1] as string, parameters);
  }

  /** The keys that have been asked for. */
  get asked(): ReadonlySet<string> {
    return this.#asked;
  }

  /** The raw text of a parameter, or undefined when it was left out. */
  text(key: string): string | undefined {
    this.#asked.add(key);
    return this.parameters.get(key);
  }

  /** A real parameter in `[low, high]`; `open` excludes the lower end. */
  number(key: string, low: number, high: number, open = false): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = parseDecimal(text);
    if (value === undefined || value < low || value > high || (open && value === low)) {
      const range = `a number in ${open ? '(' : '['}${low}, ${high}]`;
      throw this.invalid(key, text, high < Number.MAX_VALUE ? range : `a number ${open ? '>' : '≥'} ${low}`);
    }
    return value;
  }

  /** A whole parameter in `[low, high]`. `allowed` says so in the error, where more than a number can be given. */
  integer(key: string, low: number, high: number, allowed?: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = parseDecimal(text);
    const inRange = value !== undefined && value >= low && value <= high;
    if (inRange && Number.isInteger(value)) return value;
    if (allowed !== undefined) throw this.invalid(key, text, allowed);
    throw inRange
      ? this.invalid(key, String(value), 'a whole number')
      : this.invalid(key, text, `a number in [${low}, ${high}]`);
  }

  boolean(key: string): boolean | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    if (text !== 'true' && text !== 'false') throw this.invalid(key, text, 'true or false');
    return text === 'true';
  }

  /** A parameter that is one of the words in `allowed`. */
  choice<const T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const chosen = allowed.find((word) => word === text);
    if (chosen === undefined) throw this.invalid(key, text, allowed.join(' or '));
    return chosen;
  }

  /** The error for a parameter with an unusable value. */
  invalid(key: string, text: string, allowed: string): UsageError {
    return new UsageError(
      `${this.kind} ${this.name}: ${key}=${printedWord(text)} is not allowed; ${key} must be ${allowed}`,
    );
  }

  /** Refuses every parameter that was given but never asked for. */
  rejectUnknown(): void {
    for (const key of this.parameters.keys()) {
      if (this.#asked.has(key)) continue;
      const known = [...this.#asked];
      const takes = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
      throw new UsageError(`${this.kind} ${this.name} has no parameter ${key}; ${takes}${didYouMean(key, known)}`);
    }
  }

  /** @deprecated The former name of {@link Spec.invalid}, for plug-ins. */
  bad(key: string, text: string, allowed: string): UsageError {
    return this.invalid(key, text, allowed);
  }

  /** @deprecated The former name of {@link Spec.rejectUnknown}, for plug-ins. */
  done(): void {
    this.rejectUnknown();
  }
}

/** Things by the name that they have in a spec. A run has its own: the built-in ones and those of its plug-ins. */
export type Registry<T> = Readonly<Record<string, T>>;

/** The entry of a registry, or an error that lists the names there are. */
export function lookUp<T>(kind: string, registry: Registry<T>, name: string): T {
  if (Object.hasOwn(registry, name)) return registry[name] as T;
  const known = Object.keys(registry);
  throw new UsageError(`unknown ${kind} ${printed(name)}; known: ${known.join(', ')}${didYouMean(name, known)}`);
}

/**
 * A new registry, of the entries of `registry` and more. One that is there already, the very same object, may be among them.
 * @throws UsageError when a name cannot be written in a spec, or means something else already.
 */
export function extend<T extends object>(kind: string, registry: Registry<T>, entries: Registry<T>): Registry<T> {
  for (const [name, entry] of Object.entries(entries)) {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
      throw new UsageError(`${printed(name)} cannot name a ${kind}: letters a to z, digits and - only`);
    }
    if (Object.hasOwn(registry, name) && registry[name] !== entry) {
      throw new UsageError(`there is a ${kind} ${printed(name)} already; choose another name`);
    }
  }
  return Object.freeze({ ...registry, ...entries });
}

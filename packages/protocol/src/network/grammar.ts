import { type KeyedRandom, Rng, type UsageError } from '@flotilla/core';
import { optionError, parseDecimal, printed, printedWord } from '@flotilla/core/internal';
import type { Links } from './link.js';

/** A share of the workers and the value they get: `low`, or log-uniform between `low` and `high`. */
export interface Share {
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

/** What is written once for all workers. */
export interface LinkSpec {
  readonly up: readonly Share[];
  readonly down: readonly Share[];
  readonly latency: readonly Share[];
  readonly halfDuplex: boolean;
}

/** A link in virtual time: also how long the two ends work, where that is not measured. */
export interface LinkModelSpec extends LinkSpec {
  /** Milliseconds that a worker takes for an answer; undefined: as long as it took. */
  readonly compute: number | undefined;
  /** Milliseconds that the server works in a round; undefined: as long as it did. */
  readonly server: number | undefined;
}

interface Quantity {
  readonly units: Readonly<Record<string, number>>;
  /** Whether zero is a value. */
  readonly zero: boolean;
  readonly such: string;
}

const RATE: Quantity = {
  units: { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 },
  zero: false,
  such: 'a rate (bit, kbit, mbit or gbit a second)',
};
const TIME: Quantity = { units: { us: 1e-3, ms: 1, s: 1e3 }, zero: true, such: 'a time (us, ms or s)' };
const MAX_VALUE = 1e15;
const MAX_WORKERS = 10_000;

const LINK_KEYS = ['up', 'down', 'latency', 'duplex'] as const;
const MODEL_KEYS = [...LINK_KEYS, 'compute', 'server'] as const;

/**
 * Reads `up=10mbit,down=50mbit,latency=20ms,duplex=full`; docs/links.md has the grammar.
 * @throws UsageError
 */
export function parseLink(text: string): LinkSpec {
  return linkOf(new Pairs('link', text, LINK_KEYS));
}

/** Reads what {@link parseLink} reads, and `compute` and `server`. @throws UsageError */
export function parseLinkModel(text: string): LinkModelSpec {
  const pairs = new Pairs('linkModel', text, MODEL_KEYS);
  return { ...linkOf(pairs), compute: pairs.time('compute'), server: pairs.time('server') };
}

function linkOf(pairs: Pairs): LinkSpec {
  const free = [{ count: 1, low: Number.POSITIVE_INFINITY, high: Number.POSITIVE_INFINITY }];
  const duplex = pairs.get('duplex') ?? 'full';
  if (duplex !== 'full' && duplex !== 'half') throw pairs.invalid('duplex', duplex, 'full or half');
  return {
    up: pairs.shares('up', RATE) ?? free,
    down: pairs.shares('down', RATE) ?? free,
    latency: pairs.shares('latency', TIME) ?? [{ count: 1, low: 0, high: 0 }],
    halfDuplex: duplex === 'half',
  };
}

/**
 * Every worker's link. A list is repeated until all have one; a range is drawn from the run's randomness, so that a worker
 * has the same link in every run with this seed.
 * @param option What the spec is called in errors.
 * @throws UsageError when a list names more workers than there are.
 */
export function linksOf(spec: LinkSpec, workers: number, random: KeyedRandom, option = 'link'): Links {
  const rng = new Rng();
  const drawn = (key: 'up' | 'down' | 'latency', place: number) => {
    const listed = spec[key].flatMap((share) => new Array<Share>(share.count).fill(share));
    if (listed.length > workers) {
      throw optionError(option, `lists ${listed.length} workers in ${key}; there are ${workers}`);
    }
    return Float64Array.from({ length: workers }, (_, worker) => {
      const { low, high } = listed[worker % listed.length] as Share;
      if (low === high) return low;
      return low * (high / low) ** random.stream(rng, 'link', place, worker).uniform();
    });
  };
  return { up: drawn('up', 0), down: drawn('down', 1), latency: drawn('latency', 2), halfDuplex: spec.halfDuplex };
}

/** `key=value,key=value`, each key at most once and known. */
class Pairs {
  readonly #pairs = new Map<string, string>();

  constructor(
    private readonly option: string,
    private readonly text: string,
    known: readonly string[],
  ) {
    for (const part of text.split(',')) {
      const [key = '', value = '', ...rest] = part.split('=').map((word) => word.trim());
      if (!known.includes(key) || value === '' || rest.length > 0) {
        throw optionError(
          option,
          `${printed(text)}: ${printed(part)} is not of the form key=value with a key of ${known.join(', ')}`,
        );
      }
      if (this.#pairs.has(key)) throw optionError(option, `${printed(text)} gives ${key} twice`);
      this.#pairs.set(key, value);
    }
  }

  get(key: string): string | undefined {
    return this.#pairs.get(key);
  }

  invalid(key: string, value: string, allowed: string): UsageError {
    return optionError(this.option, `${printed(this.text)}: ${key} cannot be ${printedWord(value)}; it is ${allowed}`);
  }

  /** One time, the same for all workers. */
  time(key: string): number | undefined {
    const text = this.get(key);
    if (text === undefined) return undefined;
    const value = read(text, TIME);
    if (value === undefined) throw this.invalid(key, text, TIME.such);
    return value;
  }

  /** `10mbit`, `10mbit..100mbit`, or a list `19x100mbit/1mbit` of such, each for as many workers as it says. */
  shares(key: string, quantity: Quantity): Share[] | undefined {
    const text = this.get(key);
    if (text === undefined) return undefined;
    const shares = text.split('/').map((item) => {
      const [, count = '1', value = ''] = /^(?:([1-9][0-9]{0,4})x)?(.*)$/.exec(item) ?? [];
      const [low, high, ...rest] = value.split('..').map((end) => read(end, quantity));
      const last = value.includes('..') ? high : low;
      // there is no logarithm of zero
      const ranged = low === last || (low !== undefined && last !== undefined && 0 < low && low < last);
      if (low === undefined || last === undefined || rest.length > 0 || !ranged) {
        throw this.invalid(key, item, `${quantity.such}, LOW..HIGH, or a list of COUNTxVALUE joined by /`);
      }
      return { count: Number(count), low, high: last };
    });
    if (shares.reduce((sum, { count }) => sum + count, 0) > MAX_WORKERS) {
      throw this.invalid(key, text, `a list of at most ${MAX_WORKERS} workers`);
    }
    return shares;
  }
}

/** A number with its unit, or undefined. */
function read(text: string, { units, zero }: Quantity): number | undefined {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)([a-z]+)$/i.exec(text) ?? [];
  const scale = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined;
  if (digits === undefined || scale === undefined) return undefined;
  const value = (parseDecimal(digits) ?? Number.NaN) * scale;
  return (value > 0 || zero) && value <= MAX_VALUE ? value : undefined;
}

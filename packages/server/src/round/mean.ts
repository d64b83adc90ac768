import type { Incoming, Vector } from '@flotilla/core';
import { isFiniteVector } from '@flotilla/core/internal';

/** Shorter sums are passed over in less time than it takes to note what they have been written to. */
const MIN_LENGTH = 1 << 15;
/** Above this share of the coordinates it is cheaper to pass over all of them. */
const SPARSE = 1 / 16;

/**
 * The sum that a round's uplinks are folded into, in the order in which they are added. As long as few coordinates have been added to,
 * it knows which, and no round passes over the others.
 */
export class Mean {
  /** The coordinates outside which the sum is 0, ascending; undefined before {@link Mean.end}, and where they are too many. */
  support: Int32Array | undefined;
  /** A bit for each coordinate that has been added to; made when there is one. All are 0 outside of a sum. */
  #members: Int32Array | undefined;
  #index = new Int32Array(0);
  /** Coordinates that have been noted, some of them maybe several times; undefined where they are too many. */
  #noted: number | undefined;

  constructor(
    /** The sum. */
    readonly vector: Vector,
  ) {}

  /** Begins a sum with 0. */
  begin(): void {
    const { vector, support } = this;
    if (support === undefined) vector.fill(0);
    else for (const j of support) vector[j] = 0;
    if (this.#noted !== undefined) this.#members?.fill(0);
    this.support = undefined;
    this.#noted = vector.length < MIN_LENGTH ? undefined : 0;
  }

  /** Adds weight · what a message carried. */
  add(incoming: Incoming, weight: number): void {
    if (this.#noted !== undefined && incoming.vectors > 0) this.#note(incoming);
    incoming.addTo(this.vector, weight);
  }

  #note({ sparse }: Incoming): void {
    const { length } = this.vector;
    const noted = (this.#noted as number) + (sparse?.count ?? length);
    this.#members ??= new Int32Array((length + 31) >> 5);
    const members = this.#members;
    if (sparse === undefined || noted > SPARSE * length) {
      this.#noted = undefined;
      members.fill(0);
      return;
    }
    const { index, count } = sparse;
    for (let k = 0; k < count; k++) {
      const j = index[k] as number;
      members[j >> 5] = (members[j >> 5] as number) | (1 << (j & 31));
    }
    this.#noted = noted;
  }

  /** The sum is whole. */
  end(): void {
    const noted = this.#noted;
    const members = this.#members;
    this.#noted = undefined;
    if (noted === undefined) return;
    if (this.#index.length < noted) this.#index = new Int32Array(noted);
    const index = this.#index;
    let count = 0;
    for (let word = 0; members !== undefined && word < members.length; word++) {
      let bits = members[word] as number;
      if (bits === 0) continue;
      members[word] = 0;
      for (; bits !== 0; bits &= bits - 1) index[count++] = (word << 5) + 31 - Math.clz32(bits & -bits);
    }
    this.support = index.subarray(0, count);
  }

  /** Multiplies the sum, which is whole. */
  scale(factor: number): void {
    const { vector, support } = this;
    if (support === undefined) for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) * factor;
    else for (const j of support) vector[j] = (vector[j] as number) * factor;
  }

  /** Whether no coordinate of the sum, which is whole, is a NaN or an infinity. */
  get isFinite(): boolean {
    const { vector, support } = this;
    if (support === undefined) return isFiniteVector(vector);
    let check = 0;
    for (const j of support) check += (vector[j] as number) * 0;
    return check === 0;
  }

  /** Its memory has been used for something else. */
  spoil(): void {
    this.support = undefined;
  }
}

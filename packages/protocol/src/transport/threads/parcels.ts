/** Bytes before the frame in a parcel: the number of those who have still to read it, and what keeps the frame aligned. */
const HEAD = 16;
/** Parcels begin at multiples of a cache line, so that neighbours do not share one. */
const LINE_BYTES = 64;
/** Memory is made for as many parcels at once as this has room for, or for one. */
const BLOCK_BYTES = 1 << 19;
/** Parcels that are looked at, as a rule, before another is made: they are mostly read in the order in which they were sent. */
const TRIES = 64;
/** Parcels are worth waiting for where they are longer: memory that is touched is the process's own from then on. */
const MAX_UNWAITED_BYTES = 1 << 24;
/** Bytes of a frame that are read and answered in a millisecond on any machine: so long a sender waits for a parcel before it makes another. */
const BYTES_A_MS = 1 << 16;

/** Shared memory of some parcels of one sender. */
export class ParcelBlock {
  readonly #stride: number;

  constructor(
    /** Among those of its sender, all of which have room for as many parcels. */
    readonly number: number,
    readonly memory: SharedArrayBuffer,
    readonly count: number,
  ) {
    this.#stride = memory.byteLength / count;
  }

  static stride(bytes: number): number {
    return Math.ceil((HEAD + bytes) / LINE_BYTES) * LINE_BYTES;
  }

  parcel(id: number): Parcel {
    return new Parcel(id, this, (id % this.count) * this.#stride, this.#stride - HEAD);
  }
}

/** Shared memory for one frame that is too long for a slot. It is one sender's, and used again when all have read it. */
export class Parcel {
  readonly #readers: Int32Array;
  #frame: Uint8Array;

  constructor(
    /** Among those of its sender. */
    readonly id: number,
    readonly block: ParcelBlock,
    private readonly at: number,
    bytes: number,
  ) {
    this.#readers = new Int32Array(block.memory, at, 1);
    this.#frame = new Uint8Array(block.memory, at + HEAD, bytes);
  }

  get isFree(): boolean {
    return Atomics.load(this.#readers, 0) === 0;
  }

  /** From now on it is taken until so many have read it. */
  take(readers: number): void {
    Atomics.store(this.#readers, 0, readers);
  }

  /** Somebody has read it. Whether that was the last of them. */
  release(): boolean {
    return Atomics.sub(this.#readers, 0, 1) === 1;
  }

  /** Its first `length` bytes: the same object as long as they are as many, so that who reads it for several workers sees one frame. */
  frame(length: number): Uint8Array {
    if (this.#frame.length !== length) this.#frame = this.own(length);
    return this.#frame;
  }

  /** The same in an object of its own: of a frame that is one worker's, behind which another worker's may lie here soon. */
  own(length: number): Uint8Array {
    return new Uint8Array(this.block.memory, this.at + HEAD, length);
  }
}

/** The parcels of a sender. All have one size; pages of their memory that no frame has touched take none. */
export class Parcels {
  readonly #all: Parcel[] = [];
  /** Where to look for the next one. */
  #next = 0;
  #block: ParcelBlock | undefined;

  constructor(
    /** Of the longest frame that they are for. */
    private readonly bytes: number,
  ) {}

  fits(bytes: number): boolean {
    return bytes <= this.bytes;
  }

  /** Milliseconds that it is worth waiting for one that is free: none, while there are few. */
  get patienceMs(): number {
    return this.#all.length * this.bytes < MAX_UNWAITED_BYTES ? 0 : this.bytes / BYTES_A_MS;
  }

  /** One that is free, for one reader; undefined where none has been found among so many. */
  take(most = TRIES): Parcel | undefined {
    const all = this.#all;
    // the first ones first: what lies behind them may never have been touched
    if (all[0]?.isFree === true) this.#next = 0;
    for (let tries = Math.min(all.length, most); tries > 0; tries--) {
      const parcel = all[this.#next] as Parcel;
      this.#next = (this.#next + 1) % all.length;
      if (!parcel.isFree) continue;
      parcel.take(1);
      return parcel;
    }
    return undefined;
  }

  /** Another one, for one reader. */
  make(): Parcel {
    const id = this.#all.length;
    if (this.#block === undefined || id % this.#block.count === 0) {
      const stride = ParcelBlock.stride(this.bytes);
      const count = Math.max(1, Math.floor(BLOCK_BYTES / stride));
      this.#block = new ParcelBlock(id / count, new SharedArrayBuffer(count * stride), count);
    }
    const parcel = this.#block.parcel(id);
    parcel.take(1);
    this.#all.push(parcel);
    return parcel;
  }
}

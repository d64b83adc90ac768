/** Bytes before the frame in a parcel: the number of those who have still to read it, and what keeps the frame aligned. */
const HEAD = 16;
/** Parcels are worth waiting for where they are longer: memory that is touched is the process's own from then on. */
const MAX_UNWAITED_BYTES = 1 << 24;
/** Bytes of a frame that are read and answered in a millisecond on any machine: so long a sender waits for a parcel before it makes another. */
const BYTES_A_MS = 1 << 16;

/** Shared memory for one frame that is too long for a slot. It is one sender's, and used again when all have read it. */
export class Parcel {
  readonly #readers: Int32Array;
  #frame: Uint8Array;

  constructor(
    /** Among those of its sender. */
    readonly id: number,
    readonly memory: SharedArrayBuffer,
  ) {
    this.#readers = new Int32Array(memory, 0, 1);
    this.#frame = new Uint8Array(memory, HEAD);
  }

  static memory(bytes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(HEAD + bytes);
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
    if (this.#frame.length !== length) this.#frame = new Uint8Array(this.memory, HEAD, length);
    return this.#frame;
  }
}

/** The parcels of a sender. All have one size, of which pages that no frame has touched take no memory. */
export class Parcels {
  readonly #all: Parcel[] = [];

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

  /** One that is free, for one reader; undefined where there is none. */
  take(): Parcel | undefined {
    const parcel = this.#all.find(({ isFree }) => isFree);
    parcel?.take(1);
    return parcel;
  }

  /** Another one, for one reader. */
  make(): Parcel {
    const parcel = new Parcel(this.#all.length, Parcel.memory(this.bytes));
    parcel.take(1);
    this.#all.push(parcel);
    return parcel;
  }
}

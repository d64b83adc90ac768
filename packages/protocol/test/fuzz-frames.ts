import { performance } from 'node:perf_hooks';
import { ProtocolError } from '@flotilla/compressors';
import { FrameKind, HEADER_BYTES, type Header, readHeader, unpackControl, unpackState } from '../dist/index.js';
import { everyFrame, type SampleFrame } from './every-frame.js';
import { SealedLink } from './sealed-link.js';

const DIMENSION = 8;
const SLOW_MS = 10;
const REPEATS = 20;

/** What came of a number of made-up frames. */
export interface FuzzOutcome {
  decodes: number;
  /** Refused with a ProtocolError, by its `refusal`, or `payload` where the reader would say so. */
  refused: Record<string, number>;
  /** Without a checksum: read as values, all finite. */
  read: number;
  /** Taken for frames with a checksum although they were changed; thrown by something else; slow again when repeated. */
  wrong: string[];
}

/**
 * Reads `count` frames that nobody has sent: random bytes, and frames of every kind that were cut, lengthened, overwritten or
 * spliced. Every second one has a checksum, of the frame before that was done to it.
 */
export function fuzzFrames(count: number, seed: number): FuzzOutcome {
  const next = xorshift(seed);
  const below = (n: number) => next() % n;
  const samples = everyFrame(DIMENSION);
  const link = new SealedLink();
  const sealed = samples.map(({ way, worker, frame }) =>
    way === 'down' ? link.sealedDown(frame, worker) : link.sealedUp(frame, worker as number),
  );
  const vector = new Float64Array(DIMENSION);
  const header: Header = { kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round: 0 };
  const outcome: FuzzOutcome = { decodes: 0, refused: {}, read: 0, wrong: [] };

  /** Whether every value that a receiver would read is finite. @throws what it refuses the frame with */
  const read = (frame: Uint8Array, { receiver, round }: SampleFrame): boolean => {
    const { kind } = readHeader(frame, header);
    if (kind === FrameKind.failure) return unpackControl(frame.slice(HEADER_BYTES)) !== undefined;
    if (kind === FrameKind.state || kind === FrameKind.restore)
      return unpackState(frame.subarray(HEADER_BYTES)) !== undefined;
    if (receiver === undefined || (kind !== FrameKind.downlink && kind !== FrameKind.uplink)) return true;
    const incoming = receiver.read(frame, kind, round, 1, undefined, header);
    for (let k = 0; k < incoming.vectors; k++) {
      incoming.copyTo(vector.fill(0), k);
      if (!vector.every(Number.isFinite)) return false;
    }
    return true;
  };

  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    for (let k = 0; k < count; k++) {
      const at = below(samples.length);
      const sample = samples[at] as SampleFrame;
      const withChecksum = (k & 1) === 1;
      const whole = withChecksum ? (sealed[at] as Uint8Array) : sample.frame;
      const bytes = changed(whole, samples[below(samples.length)]?.frame as Uint8Array, below, next);
      const decode = (): string => {
        try {
          if (!withChecksum) return read(bytes, sample) ? 'read' : 'infinite';
          const reader = sample.worker === 'all' ? 2 : sample.worker;
          if (sample.way === 'down') link.openDown(bytes, reader);
          else link.openUp(bytes, reader);
          return Buffer.compare(bytes, whole) === 0 ? 'read' : 'taken for a frame';
        } catch (error) {
          return error instanceof ProtocolError ? `refused ${error.refusal ?? 'payload'}` : String(error);
        }
      };
      const from = performance.now();
      const came = decode();
      const isSlow = performance.now() - from > SLOW_MS && isSlowAgain(decode);
      outcome.decodes++;
      if (came === 'read') outcome.read++;
      else if (came.startsWith('refused ')) {
        const why = came.slice('refused '.length);
        outcome.refused[why] = (outcome.refused[why] ?? 0) + 1;
      }
      const isWrong = isSlow || (came !== 'read' && !came.startsWith('refused '));
      if (isWrong)
        outcome.wrong.push(`${sample.name}: ${isSlow ? 'slow' : came}: ${Buffer.from(bytes).toString('hex')}`);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return outcome;
}

/** Whether it takes long each time: a thread that has to wait for its core once, or three times, is not meant. */
function isSlowAgain(decode: () => unknown): boolean {
  for (let k = 0; k < REPEATS; k++) {
    const from = performance.now();
    decode();
    if (performance.now() - from <= SLOW_MS) return false;
  }
  return true;
}

/** A copy of `whole` that something was done to. */
function changed(whole: Uint8Array, other: Uint8Array, below: (n: number) => number, next: () => number): Uint8Array {
  switch (below(6)) {
    case 0:
      return Uint8Array.from({ length: below(120) }, next);
    case 1:
      return whole.slice(0, below(whole.length + 1));
    case 2:
      return Uint8Array.of(...whole, ...Uint8Array.from({ length: 1 + below(12) }, next));
    case 3: {
      const at = below(whole.length);
      return Uint8Array.of(...whole.subarray(0, at), ...other.subarray(below(other.length + 1)));
    }
    default: {
      const bytes = whole.slice();
      // the header is spared as often as not, so that payloads are read
      const from = below(2) === 0 ? Math.min(HEADER_BYTES, bytes.length - 1) : 0;
      for (let n = 1 + below(4); n > 0; n--) {
        const at = from + below(bytes.length - from);
        bytes[at] = below(2) === 0 ? next() : (bytes[at] as number) ^ (1 << below(8));
      }
      return bytes;
    }
  }
}

/** xorshift32 [Marsaglia 2003] */
function xorshift(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/**
 * Every error Flotilla throws on purpose carries one of these codes. Match on `code`, not on the class: errors cross
 * thread boundaries, classes do not.
 */
export type ErrorCode =
  /** An option, spec or file content that cannot be used. */
  | 'usage'
  /** A vector became NaN or infinite. */
  | 'diverged'
  /** Bytes that are not a valid frame, payload or control message. */
  | 'protocol'
  /** A value the compressor cannot carry. */
  | 'compressor'
  /** A worker did not answer, or its thread ended. */
  | 'worker-lost'
  /** The run folder, a data file or another path cannot be read or written. */
  | 'io'
  /** A limit of the machine or of the process: threads, memory, open files. */
  | 'limit'
  /** The caller's AbortSignal fired. */
  | 'aborted'
  /** A defect in Flotilla or in code plugged into it. */
  | 'internal';

/** Why a receiver refuses a frame: the kinds that refusals are counted by. */
export type FrameRefusal =
  /** Too short to have a header, or the checksum that it must have. */
  | 'truncated'
  /** Longer than any frame of its form. */
  | 'oversized'
  /** Its checksum is another: bytes of it have changed, or it is of another run. */
  | 'damaged'
  /** By its checksum it is from or for another worker, or goes the other way. */
  | 'misdelivered'
  /** By its checksum it is from before the workers were started again. */
  | 'attempt'
  /** A header that no sender writes: an unknown kind or form, fields that its kind does not have. */
  | 'malformed'
  /** Of the round that is due, and of another kind. */
  | 'unexpected'
  /** The one that was accepted last, once more. */
  | 'duplicate'
  /** Of a round, or an exchange of states, that is over. */
  | 'stale'
  /** Of a round that is not due yet: one before it is missing. */
  | 'early'
  /** It has coins that the method does not toss. */
  | 'coins'
  /** Its payload is none: of a wrong length, with values that no sender writes. */
  | 'payload';

/** Every kind of {@link FrameRefusal}. */
export const FRAME_REFUSALS = Object.keys({
  truncated: true,
  oversized: true,
  damaged: true,
  misdelivered: true,
  attempt: true,
  malformed: true,
  unexpected: true,
  duplicate: true,
  stale: true,
  early: true,
  coins: true,
  payload: true,
} satisfies Record<FrameRefusal, true>) as FrameRefusal[];

/** What is known of an error beside its message. */
export interface ErrorContext {
  readonly cause?: unknown;
  readonly worker?: number | undefined;
  readonly round?: number | undefined;
  readonly option?: string | undefined;
  readonly refusal?: FrameRefusal | undefined;
}

/**
 * The base of all errors thrown on purpose. `message` is one line that names the value and what is allowed. `cause` is what a
 * plug-in or a module of one's own has thrown, with its message and the stack that names its file and line, also when that
 * was on another thread.
 */
export class FlotillaError extends Error {
  override readonly name: string = 'FlotillaError';
  /** The worker that it happened at. */
  declare readonly worker?: number;
  /** The round that it happened in. */
  declare readonly round?: number;

  /** The option that is wrong, by its name in the library: `message` begins with it. Missing when it is about something else. */
  declare readonly option?: string;
  /** Why a frame was refused, where that is what has happened. */
  declare readonly refusal?: FrameRefusal;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { worker, round, option, refusal, ...options }: ErrorContext = {},
  ) {
    super(message, options);
    if (worker !== undefined) this.worker = worker;
    if (round !== undefined) this.round = round;
    if (option !== undefined) this.option = option;
    if (refusal !== undefined) this.refusal = refusal;
  }
}

/** Bad input from a caller: a command line, an option, a spec, a data file. */
export class UsageError extends FlotillaError {
  override readonly name = 'UsageError';

  constructor(message: string, context?: ErrorContext) {
    super('usage', message, context);
  }
}

/** The error for an option with an unusable value. @param complaint What is said of it, after its name */
export function optionError(option: string, complaint: string, cause?: unknown): UsageError {
  return new UsageError(`${option} ${complaint}`, cause === undefined ? { option } : { option, cause });
}

/** A NaN or an infinity where the mathematics needs a number, or gradients beyond all bounds. Names the round and who computed it. */
export class DivergedError extends FlotillaError {
  override readonly name = 'DivergedError';
  /** There when it is of one worker alone, so that another try may do better: other workers have numbers at the same point. */
  declare readonly alone?: true;

  constructor(
    override readonly round: number,
    /** The worker's index, or `server`. */
    readonly where: number | 'server',
    what: string,
    method?: string,
  ) {
    // before the second round no step has moved x far: the numbers themselves may be too large
    const remedy = round > 1 ? 'try a smaller step size' : 'scale the data, or try a smaller step size';
    const at = where === 'server' ? 'the server' : `worker ${where}`;
    const of = method === undefined ? '' : ` (method ${method})`;
    super('diverged', `diverged in round ${round} at ${at}: ${what}${of}; ${remedy}`, {
      worker: where === 'server' ? undefined : where,
    });
  }

  /** The error that has this message already, as it came from another thread. */
  static of(round: number, where: number | 'server', message: string): DivergedError {
    const error = new DivergedError(round, where, '');
    error.message = message;
    return error;
  }

  /** The same error, of one worker alone. */
  ofOneWorker(): DivergedError {
    return Object.assign(DivergedError.of(this.round, this.where, this.message), { alone: true as const });
  }
}

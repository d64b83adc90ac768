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
  /** The caller's AbortSignal fired. */
  | 'aborted'
  /** A defect in Flotilla or in code plugged into it. */
  | 'internal';

/** What an error may have beside its message. */
export interface ErrorDetails {
  readonly cause?: unknown;
  readonly option?: string | undefined;
}

/** The base of all errors thrown on purpose. `message` is one line that names the value and what is allowed. */
export class FlotillaError extends Error {
  override readonly name: string = 'FlotillaError';

  /** The option that is wrong, by its name in the library: `message` begins with it. Missing when it is about something else. */
  declare readonly option?: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { option, ...options }: ErrorDetails = {},
  ) {
    super(message, options);
    if (option !== undefined) this.option = option;
  }
}

/** Bad input from a caller: a command line, an option, a spec, a data file. */
export class UsageError extends FlotillaError {
  override readonly name = 'UsageError';

  constructor(message: string, details?: ErrorDetails) {
    super('usage', message, details);
  }
}

/** The error for an option with an unusable value. @param complaint What is said of it, after its name */
export function optionError(option: string, complaint: string, cause?: unknown): UsageError {
  return new UsageError(`${option} ${complaint}`, cause === undefined ? { option } : { option, cause });
}

/** A NaN or an infinity where the mathematics needs a number. Names the round and who computed it. */
export class DivergedError extends FlotillaError {
  override readonly name = 'DivergedError';

  constructor(
    readonly round: number,
    /** The worker's index, or `server`. */
    readonly where: number | 'server',
    what: string,
  ) {
    super(
      'diverged',
      `diverged in round ${round} at ${where === 'server' ? 'the server' : `worker ${where}`}: ${what}; try a smaller step size`,
    );
  }
}

/** Any thrown value as a {@link FlotillaError}; what is not one becomes `internal` and keeps its cause. */
export function asFlotillaError(thrown: unknown): FlotillaError {
  if (thrown instanceof FlotillaError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new FlotillaError('internal', message, { cause: thrown });
}

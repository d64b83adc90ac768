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

/** What is known of an error beside its message. */
export interface ErrorContext {
  readonly cause?: unknown;
  readonly worker?: number | undefined;
  readonly round?: number | undefined;
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

  constructor(
    readonly code: ErrorCode,
    message: string,
    { worker, round, ...options }: ErrorContext = {},
  ) {
    super(message, options);
    if (worker !== undefined) this.worker = worker;
    if (round !== undefined) this.round = round;
  }
}

/** Bad input from a caller: a command line, an option, a spec, a data file. */
export class UsageError extends FlotillaError {
  override readonly name = 'UsageError';

  constructor(message: string, options?: { cause?: unknown }) {
    super('usage', message, options);
  }
}

/** A NaN or an infinity where the mathematics needs a number. Names the round and who computed it. */
export class DivergedError extends FlotillaError {
  override readonly name = 'DivergedError';

  constructor(
    override readonly round: number,
    /** The worker's index, or `server`. */
    readonly where: number | 'server',
    what: string,
  ) {
    super(
      'diverged',
      `diverged in round ${round} at ${where === 'server' ? 'the server' : `worker ${where}`}: ${what}; try a smaller step size`,
      { worker: where === 'server' ? undefined : where },
    );
  }
}

/** Any thrown value as a {@link FlotillaError}; what is not one becomes `internal` and keeps its cause. */
export function asFlotillaError(thrown: unknown): FlotillaError {
  return thrown instanceof FlotillaError ? thrown : new FlotillaError('internal', messageOf(thrown), { cause: thrown });
}

/** Does what a plug-in's code has a part in: what that throws says where it was. @param where Such as `problem ridge, load` */
export function attempt<T>(where: string, work: () => T): T {
  const refuse = (thrown: unknown): never => {
    if (thrown instanceof FlotillaError) throw thrown;
    throw new FlotillaError('internal', `${where}: ${messageOf(thrown)}`, { cause: thrown });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(refuse) as T) : result;
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** What a thrown value says, whatever it is. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'a value that cannot be printed';
  }
}

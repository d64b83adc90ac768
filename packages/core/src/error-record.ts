import { DivergedError, type ErrorCode, FlotillaError, type FrameRefusal, UsageError } from './errors.js';
import { asFlotillaError, messageOf } from './thrown.js';

/** An error as data: classes and codes do not survive the way between threads. Texts are as long as a message can carry. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly worker?: number;
  readonly round?: number;
  readonly option?: string;
  readonly refusal?: FrameRefusal;
  readonly cause?: CauseRecord;
}

/** What has caused an error: its name, its message, and the stack that names file and line. */
interface CauseRecord {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Longest texts of a record, in UTF-16 units. */
const MAX_NAME = 100;
const MAX_MESSAGE = 4000;
const MAX_STACK = 8000;

const CODES: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  diverged: true,
  protocol: true,
  compressor: true,
  'worker-lost': true,
  io: true,
  limit: true,
  aborted: true,
  internal: true,
};

/** What was thrown, as data. */
export function errorRecord(thrown: unknown): ErrorRecord {
  const { code, message, worker, round, option, refusal, cause } = asFlotillaError(thrown);
  return {
    code,
    message: cut(message, MAX_MESSAGE),
    ...(worker !== undefined && { worker }),
    ...(round !== undefined && { round }),
    ...(option !== undefined && { option }),
    ...(refusal !== undefined && { refusal }),
    ...(cause !== undefined && { cause: causeRecord(cause) }),
  };
}

/** The error that a record is of, of its class. Its texts are only shown; a code that is not known is `internal`. */
export function errorFrom({ code, message, worker, round, option, refusal, cause }: ErrorRecord): FlotillaError {
  const known = Object.hasOwn(CODES, code) ? (code as ErrorCode) : 'internal';
  const context = { worker, round, option, refusal, ...(cause !== undefined && { cause: causeFrom(cause) }) };
  if (known === 'usage') return new UsageError(message, context);
  if (known === 'diverged' && round !== undefined) return DivergedError.of(round, worker ?? 'server', message);
  return new FlotillaError(known, message, context);
}

function causeRecord(cause: unknown): CauseRecord {
  const message = cut(messageOf(cause), MAX_MESSAGE);
  try {
    if (cause instanceof Error) {
      const name = cut(String(cause.name), MAX_NAME);
      const stack = String(cause.stack);
      // frames, not a message that leaves no room for them
      const at = stack.indexOf(cause.message);
      const frames = at < 0 ? `\n${stack}` : stack.slice(at + cause.message.length);
      return { name, message, stack: cut(`${name}: ${message}${frames}`, MAX_STACK) };
    }
  } catch {
    // a value that cannot even be looked at
  }
  return { name: 'Error', message, stack: '' };
}

function causeFrom({ name, message, stack }: CauseRecord): Error {
  const cause = new Error(message);
  const hidden = (value: string) => ({ value, enumerable: false, configurable: true, writable: true });
  Object.defineProperties(cause, { name: hidden(name), stack: hidden(stack === '' ? `${name}: ${message}` : stack) });
  return cause;
}

/** More than what stands for the middle of a text takes. */
const MARK_LENGTH = 50;

/** Of a long text the beginning, which says where, and the end, which says why. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const kept = length - MARK_LENGTH;
  const from = Math.floor(kept * 0.8);
  const end = text.slice(from - kept);
  return `${text.slice(0, from)} … (${text.length - from - end.length} characters left out) … ${end}`;
}

import { FlotillaError } from './errors.js';

// Whatever was thrown, by a system call, by a plug-in or on another thread, as one of our errors.

/** What a system's refusal means, and what to change: by its code. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN:
    'no more threads can be started: raise the limit of processes (ulimit -u, or the pids limit of the container), or use fewer threads',
  EMFILE: 'no more files can be opened by this process: raise its limit (ulimit -n), or use fewer threads',
  ENFILE: 'no more files can be opened on this system: close some, or raise its limit',
  ENOMEM:
    'there is no more memory, or address space (ulimit -v): use fewer workers or threads, or a problem of smaller dimension',
  ERR_WORKER_OUT_OF_MEMORY:
    'a thread has used up its JavaScript heap: raise it (NODE_OPTIONS=--max-old-space-size=MIB), or use a smaller problem',
};

/** Why the file system refused, by its code. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  EEXIST: 'it is there already',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'its links lead in a circle',
};

const NO_FOLDER = 'the current folder is gone: change to one that exists';

/** A RangeError's words where memory was asked for and not given. */
const NO_MEMORY = /out of memory|could not allocate|allocation failed|unable to grow/i;

/** Longest value, in characters, that stands in a message. */
const MAX_SHOWN = 200;

const oneLine = (text: string) => text.trim().replace(/\s*\n\s*/g, ' ');

/** What a value that was thrown says, in one line, whatever it is: `null`, a revoked proxy, an error with a message that throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error))
      return `${oneLine(shown(thrown)).slice(0, MAX_SHOWN)} was thrown, which is no Error`;
    const { message, name } = thrown;
    const text = oneLine(typeof message === 'string' ? message : shown(message));
    return text === '' ? `an error without a message (${shown(name)})` : text;
  } catch {
    return 'a value that cannot be shown was thrown';
  }
}

/**
 * Why the system refused: a limit by what to change, a refusal of the file system in our words, else its own, without the call
 * and the path.
 */
export function reasonOf(thrown: unknown): string {
  const limit = limitOf(thrown);
  if (limit !== undefined) return limit;
  const message = messageOf(thrown);
  if (message.endsWith('uv_cwd')) return NO_FOLDER;
  const [refusal, code] = /^(E[A-Z0-9]+): [^,]+(?=, \w+(?: '|$))/.exec(message) ?? [message, ''];
  return Object.hasOwn(REFUSALS, code) ? (REFUSALS[code] as string) : refusal;
}

/** A value as a text. @throws what its own conversion throws */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value);
}

function limitOf(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    const { code, message, name } = thrown as NodeJS.ErrnoException;
    // a thread that could not start has the system's code in its message
    const reason = code === 'ERR_WORKER_INIT_FAILED' ? /\bE[A-Z]+\b/.exec(message)?.[0] : code;
    if (reason === 'EAGAIN' && reason === code) return undefined;
    if (name === 'RangeError' && NO_MEMORY.test(message)) return LIMITS.ENOMEM;
    if (reason !== undefined && Object.hasOwn(LIMITS, reason)) return LIMITS[reason];
    return code === 'ERR_WORKER_INIT_FAILED' ? `a thread cannot be started: ${message}` : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Any thrown value as a {@link FlotillaError}: a limit of the machine becomes `limit`, what is no error of ours `internal`;
 * the value is its cause.
 */
export function asFlotillaError(thrown: unknown): FlotillaError {
  if (isFlotillaError(thrown)) return thrown;
  const limit = limitOf(thrown);
  if (limit !== undefined) return new FlotillaError('limit', limit, { cause: thrown });
  const reason = reasonOf(thrown);
  if (reason === NO_FOLDER) return new FlotillaError('io', reason, { cause: thrown });
  return new FlotillaError('internal', messageOf(thrown), { cause: thrown });
}

function isFlotillaError(thrown: unknown): thrown is FlotillaError {
  try {
    return thrown instanceof FlotillaError;
  } catch {
    return false;
  }
}

/** Does what a plug-in's code has a part in: what that throws says where it was. @param where Such as `problem ridge, load` */
export function attempt<T>(where: string, work: () => T): T {
  const refuse = (thrown: unknown): never => {
    const error = asFlotillaError(thrown);
    if (error.code !== 'internal' || error === thrown) throw error;
    throw new FlotillaError('internal', `${where}: ${error.message}`, { cause: thrown });
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(refuse) as T) : result;
  } catch (thrown) {
    return refuse(thrown);
  }
}

interface Watch {
  readonly acts: Set<() => void>;
  readonly listener: () => void;
}

/** One listener for all runs on a signal, because Node warns of an eleventh. */
const watches = new WeakMap<AbortSignal, Watch>();

/** Calls `act` when the signal fires. @returns what ends that */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const { acts, listener } = watches.get(signal) ?? watch(signal);
  // a function of its own, so that ending one watch ends no other
  const own = () => act();
  acts.add(own);
  return () => {
    acts.delete(own);
    if (acts.size > 0) return;
    signal.removeEventListener('abort', listener);
    watches.delete(signal);
  };
}

function watch(signal: AbortSignal): Watch {
  const acts = new Set<() => void>();
  const listener = () => {
    for (const act of acts) act();
  };
  const made = { acts, listener };
  watches.set(signal, made);
  signal.addEventListener('abort', listener, { once: true });
  return made;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does `work` with a signal that fires when the process is asked to end; the process does not end by itself then. Asked once more
 * it does `atOnce`, and asked again it ends as if nobody listened; without `atOnce` it ends the second time. (A terminal that goes away says
 * so more than once: SIGHUP counts once.)
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, atOnce?: () => void): Promise<T> {
  const interrupt = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    const isAgain = interrupt.signal.aborted;
    interrupt.abort();
    if (name === 'SIGHUP' || (!isAgain && atOnce !== undefined)) return;
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, onSignal);
    if (isAgain) atOnce?.();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work(interrupt.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** What readers and bodies may take of a host, unless that says otherwise. */
export const READER_LIMITS = { readersPerRun: 250, readers: 500, readerTimeout: 30, bodyTimeout: 10 } as const;

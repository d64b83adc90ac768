// Long: a scheduler of single steps and the interleavings it walks through, of use only together.

import { systemRuntime } from '@flotilla/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ThreadAttachment } from '../dist/transport/threads/attachment.js';
import { openThreadEnd } from '../dist/transport/threads/host-end.js';
import { createThreadTransport } from '../dist/transport/threads/server-end.js';
import type { HostEnd, ServerEnd } from '../dist/transport/transport.js';

// Both ends of the shared-memory transport on this thread, so that a test decides what happens in between: one end's
// operation is stopped before each of its atomic operations in turn, and the other end's runs there. Atomics are
// sequentially consistent and no plain word is shared but under their protection, so these are the interleavings with one
// preemption that two threads can have. Sleeps are not slept: an end that goes to sleep on a word must be woken by the
// operation that it was preempted by, or that it preempted; else it would sleep until its time limit, a lost wake-up.

const real = { ...nativeAtomics() };
const STEPS = ['load', 'store', 'add', 'sub', 'notify', 'wait'] as const;

function nativeAtomics() {
  const { load, store, add, sub, notify, wait } = Atomics;
  return { load, store, add, sub, notify, wait };
}

class LostWakeUp extends Error {}

/** Thrown out of an operation that would sleep while what could wake it is preempted. */
class Asleep {
  constructor(
    readonly words: Int32Array,
    readonly index: number,
    readonly value: number,
  ) {}
}

/**
 * Runs `first` with all of `second` inserted before its atomic operation number `at`. Returns false when it has fewer:
 * `second` then ran while `first` slept, or after it. If `second` goes to sleep where it is inserted, `first` must wake it,
 * and it starts again: it has to be an operation that may.
 */
function interleave(first: () => void, second: () => void, at: number): boolean {
  let step = 0;
  let inserted = false;
  let preempted = false;
  let within = false;
  let asleep: Asleep | undefined;
  const insert = () => {
    inserted = true;
    within = true;
    try {
      second();
    } catch (thrown) {
      if (!(thrown instanceof Asleep)) throw thrown;
      asleep = thrown;
    } finally {
      within = false;
    }
  };
  const hooked = Atomics as unknown as Record<string, unknown>;
  for (const name of STEPS) {
    hooked[name] = (...args: unknown[]) => {
      if (!within && !inserted && step++ === at) {
        preempted = true;
        insert();
      }
      if (name !== 'wait') return (real[name] as (...args: unknown[]) => unknown)(...args);
      const [words, index, value] = args as [Int32Array, number, number];
      if (real.load(words, index) !== value) return 'not-equal';
      if (within) throw new Asleep(words, index, value);
      if (inserted) throw new LostWakeUp('the first operation sleeps although the second is done');
      // nothing else can happen while the first sleeps
      insert();
      if (real.load(words, index) === value) throw new LostWakeUp('the second operation did not wake the first');
      return 'ok';
    };
  }
  try {
    first();
    if (!inserted) insert();
    if (asleep !== undefined) {
      const { words, index, value } = asleep;
      if (real.load(words, index) === value) throw new LostWakeUp('the first operation did not wake the second');
      within = true;
      second();
    }
  } finally {
    Object.assign(Atomics, real);
  }
  return preempted;
}

/** A case: two operations, prepared anew for each interleaving, and what must be true after both. */
interface Case {
  first: () => void;
  second: () => void;
  after?: () => void;
}

describe('interleavings of the two ends', () => {
  let server: ServerEnd;
  let host: HostEnd;

  function open(maxFrameBytes = 128): void {
    // slots of 64 bytes, parcels of 128
    const sizes = { maxFrameBytes, shortFrameBytes: 64 };
    const transport = createThreadTransport({ workers: 2, threads: 1, ...sizes }, systemRuntime);
    server = transport.server;
    host = openThreadEnd(transport.attachments[0] as ThreadAttachment, systemRuntime);
  }

  beforeEach(() => open());
  afterEach(() => server.close());

  /** Runs a case once for each atomic operation of its first half. */
  function everyInterleaving(prepare: () => Case, maxFrameBytes?: number): void {
    let at = 0;
    for (let more = true; more; at++) {
      server.close();
      open(maxFrameBytes);
      const { first, second, after } = prepare();
      try {
        more = interleave(first, second, at);
      } catch (error) {
        if (error instanceof LostWakeUp) throw new LostWakeUp(`before atomic operation ${at}: ${error.message}`);
        throw error;
      }
      after?.();
    }
    expect(at).toBeGreaterThan(1);
  }

  const down = (worker: number, bytes: number, value: number) => {
    server.claim(worker, bytes).fill(value);
    server.commit(worker, bytes);
  };
  const up = (worker: number, bytes: number, value: number) => {
    host.claim(worker, bytes).fill(value);
    host.commit(worker, bytes);
  };
  /** An answer soon after another, for which the server may not be woken before the thread sleeps; then it does. */
  const lastUp = (worker: number, bytes: number, value: number) => {
    up(worker, bytes, value);
    // there is a bell that it has not seen, so that it does not really
    server.flush();
    host.wait(1000);
  };
  const broadcast = (bytes: number, value: number) => {
    server.claimBroadcast(bytes).fill(value);
    server.commitBroadcast(bytes);
  };
  /** `act` the first time it is called: the rest of an operation may be started again after a sleep. */
  const once = (act: () => void) => {
    let done = false;
    return () => {
      if (!done) act();
      done = true;
    };
  };
  const hostReads = (worker: number, value: number) => {
    expect(host.take(worker)?.[0]).toBe(value);
    host.release(worker);
  };
  const serverReads = (worker: number, value: number) => {
    expect(server.receive(worker, 0)?.[0]).toBe(value);
    server.release(worker);
  };

  for (const [size, bytes] of [
    ['a slot', 64],
    ['a parcel', 128],
    ['the port', 200],
  ] as const) {
    describe(`frames in ${size}`, () => {
      it('server fills a ring and wants more ‖ worker releases', () => {
        everyInterleaving(() => {
          down(0, bytes, 1);
          const second = once(() => down(0, bytes, 2));
          expect(host.take(0)?.[0]).toBe(1);
          return {
            first: () => host.release(0),
            second: () => {
              second();
              down(0, bytes, 3);
            },
            after: () => {
              hostReads(0, 2);
              server.flush();
              hostReads(0, 3);
              expect(host.take(0)).toBeUndefined();
            },
          };
        });
      });

      it('worker releases ‖ server wants more than a full ring', () => {
        everyInterleaving(() => {
          down(0, bytes, 1);
          down(0, bytes, 2);
          return {
            first: () => down(0, bytes, 3),
            second: () => hostReads(0, 1),
            after: () => {
              server.flush();
              hostReads(0, 2);
              hostReads(0, 3);
            },
          };
        });
      });

      it('server waits with a frame kept for a full ring ‖ worker releases', () => {
        everyInterleaving(() => {
          for (const value of [1, 2, 3]) down(0, bytes, value);
          return {
            first: () => expect(server.lagging(0, 1000)).toBeUndefined(),
            second: () => hostReads(0, 1),
            after: () => {
              hostReads(0, 2);
              hostReads(0, 3);
            },
          };
        });
      });

      it('worker fills a ring and wants more ‖ server releases', () => {
        everyInterleaving(() => {
          up(0, bytes, 1);
          const second = once(() => up(0, bytes, 2));
          expect(server.receive(0, 0)?.[0]).toBe(1);
          return {
            first: () => server.release(0),
            second: () => {
              second();
              up(0, bytes, 3);
            },
            after: () => {
              serverReads(0, 2);
              serverReads(0, 3);
              expect(server.receive(0, 0)).toBeUndefined();
            },
          };
        });
      });

      it('server releases ‖ worker wants more than a full ring', () => {
        everyInterleaving(() => {
          up(0, bytes, 1);
          up(0, bytes, 2);
          return {
            first: () => up(0, bytes, 3),
            second: () => serverReads(0, 1),
            after: () => {
              serverReads(0, 2);
              serverReads(0, 3);
            },
          };
        });
      });

      it('server waits for an answer ‖ worker answers', () => {
        everyInterleaving(() => {
          let got: number | undefined;
          return {
            first: () => {
              got = server.receive(1, 1000)?.[0];
            },
            second: () => up(1, bytes, 7),
            after: () => expect(got).toBe(7),
          };
        });
      });

      it('worker answers ‖ server waits for an answer', () => {
        everyInterleaving(() => {
          let got: number | undefined;
          return {
            first: () => up(1, bytes, 7),
            second: () => {
              got = server.receive(1, 1000)?.[0];
            },
            after: () => expect(got).toBe(7),
          };
        });
      });

      it('server waits for one worker after the other ‖ the other answers, and its thread goes to sleep', () => {
        everyInterleaving(() => {
          up(0, bytes, 5);
          let got: number | undefined;
          return {
            first: () => {
              serverReads(0, 5);
              got = server.receive(1, 1000)?.[0];
            },
            second: () => lastUp(1, bytes, 7),
            after: () => expect(got).toBe(7),
          };
        });
      });

      it('worker answers after another, and its thread goes to sleep ‖ server waits for the answer', () => {
        everyInterleaving(() => {
          up(0, bytes, 5);
          serverReads(0, 5);
          let got: number | undefined;
          return {
            first: () => lastUp(1, bytes, 7),
            second: () => {
              got = server.receive(1, 1000)?.[0];
            },
            after: () => expect(got).toBe(7),
          };
        });
      });

      it('host waits for a frame ‖ server sends one', () => {
        everyInterleaving(() => {
          let got: number | undefined;
          return {
            first: () => {
              while (got === undefined && host.wait(1000)) got = host.take(1)?.[0];
            },
            second: () => {
              down(1, bytes, 7);
              server.flush();
            },
            after: () => expect(got).toBe(7),
          };
        });
      });

      it('server sends a frame ‖ host waits for one', () => {
        everyInterleaving(() => {
          let got: number | undefined;
          return {
            first: () => {
              down(1, bytes, 7);
              server.flush();
            },
            second: () => {
              while (got === undefined && host.wait(1000)) got = host.take(1)?.[0];
            },
            after: () => expect(got).toBe(7),
          };
        });
      });
    });
  }

  it('server wants a broadcast slot ‖ the last worker releases it', () => {
    everyInterleaving(() => {
      broadcast(8, 1);
      broadcast(8, 2);
      hostReads(0, 1);
      hostReads(0, 2);
      expect(host.take(1)?.[0]).toBe(1);
      return {
        first: () => broadcast(8, 3),
        second: () => host.release(1),
        after: () => {
          hostReads(1, 2);
          for (const worker of [0, 1]) hostReads(worker, 3);
        },
      };
    });
  });

  it('the last worker releases a broadcast slot ‖ server wants it', () => {
    everyInterleaving(() => {
      broadcast(8, 1);
      broadcast(8, 2);
      hostReads(0, 1);
      hostReads(0, 2);
      expect(host.take(1)?.[0]).toBe(1);
      return {
        first: () => host.release(1),
        second: () => broadcast(8, 3),
        after: () => {
          hostReads(1, 2);
          for (const worker of [0, 1]) hostReads(worker, 3);
        },
      };
    });
  });

  it('server broadcasts over a full ring ‖ worker releases', () => {
    everyInterleaving(() => {
      down(0, 8, 1);
      down(0, 8, 2);
      return {
        first: () => broadcast(8, 3),
        second: () => hostReads(0, 1),
        after: () => {
          hostReads(0, 2);
          hostReads(0, 3);
          hostReads(1, 3);
        },
      };
    });
  });

  it('host waits ‖ server closes', () => {
    everyInterleaving(() => {
      let turns = 0;
      return {
        first: () => {
          while (host.wait(1000)) turns++;
        },
        second: () => server.close(),
        after: () => expect(turns).toBeLessThan(3),
      };
    });
  });

  // two of these are as many bytes as a sender has before it waits
  const LONG = 1 << 24;

  it('host waits for a parcel ‖ server reads it', () => {
    everyInterleaving(() => {
      up(0, LONG, 1);
      let memory: unknown;
      return {
        first: () => {
          host.claim(1, LONG);
          host.commit(1, LONG);
        },
        second: () => {
          const frame = server.receive(0, 0) as Uint8Array;
          expect(frame[0]).toBe(1);
          memory = frame.buffer;
          server.release(0);
        },
        after: () => expect(server.receive(1, 0)?.buffer).toBe(memory),
      };
    }, LONG);
  });

  it('server reads a parcel ‖ host waits for it', () => {
    everyInterleaving(() => {
      up(0, LONG, 1);
      expect(server.receive(0, 0)?.[0]).toBe(1);
      return {
        first: () => server.release(0),
        second: () => {
          host.claim(1, LONG);
          host.commit(1, LONG);
        },
        after: () => expect(server.receive(1, 0)?.length).toBe(LONG),
      };
    }, LONG);
  });

  it('host wants more than a full ring ‖ server closes', () => {
    everyInterleaving(() => {
      up(0, 8, 1);
      up(0, 8, 2);
      return {
        first: () => {
          // whatever it returns or throws: it must end
          try {
            host.claim(0, 8);
          } catch (error) {
            if (error instanceof LostWakeUp) throw error;
          }
        },
        second: () => server.close(),
      };
    });
  });

  it('server waits for a control message ‖ host sends one', () => {
    everyInterleaving(() => {
      let got: Uint8Array | undefined;
      return {
        first: () => {
          got = server.receiveControl(0, 1000);
        },
        second: () => host.sendControl(Uint8Array.of(7)),
        after: () => expect(got).toEqual(Uint8Array.of(7)),
      };
    });
  });

  it('host waits for a control message ‖ server sends one', () => {
    everyInterleaving(() => {
      let got: Uint8Array | undefined;
      return {
        first: () => {
          while (got === undefined && host.wait(1000)) got = host.takeControl();
        },
        second: () => server.sendControl(0, Uint8Array.of(7)),
        after: () => expect(got).toEqual(Uint8Array.of(7)),
      };
    });
  });

  it('the harness notices a wake-up that is lost', () => {
    const words = new Int32Array(new SharedArrayBuffer(4));
    const forgetful = () => {
      if (Atomics.load(words, 0) === 0) Atomics.wait(words, 0, 0, 1000);
    };
    expect(() => interleave(forgetful, () => {}, 0)).toThrow(LostWakeUp);
    expect(() => interleave(forgetful, () => Atomics.store(words, 0, 1), 1)).not.toThrow();
  });
});

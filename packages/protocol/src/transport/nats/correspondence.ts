import { asFlotillaError } from '@flotilla/core/internal';
import { ENVELOPE_BYTES, Kind, sealed } from './envelope.js';
import { type Handshake, packHandshake } from './handshake.js';
import type { Traffic } from './traffic.js';
import type { Wire } from './wire.js';

/** Different lines that are told at most. */
const MAX_LINES = 100;

/** What the two sides of a run over a broker do alike: they send handshakes, counted, and bear with what strangers send. */
export class Correspondence {
  readonly #told = new Set<string>();

  constructor(
    private readonly wire: Wire,
    private readonly sent: Traffic,
    private readonly note: (line: string) => void,
  ) {}

  send(subject: string, message: Handshake): void {
    const payload = packHandshake(message);
    const envelope = { kind: Kind.handshake, flags: 0, session: 0, seq: 0, ack: 0, total: payload.length };
    this.wire.publish(subject, sealed(envelope, payload));
    this.sent.control += ENVELOPE_BYTES + payload.length;
  }

  /** Whatever strangers send ends nothing. */
  guard(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.noteOnce(`a message was dropped: ${asFlotillaError(thrown).message}`);
    }
  }

  /** A stranger cannot fill the log. */
  noteOnce(line: string): void {
    if (this.#told.has(line) || this.#told.size > MAX_LINES) return;
    this.#told.add(line);
    this.note(line);
  }
}

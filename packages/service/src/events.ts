import type { WatchedRun } from './catalogue.js';
import { ServiceError } from './errors.js';
import { EventReader, type Sink } from './event-reader.js';
import { endOfRows, type RowPosition, readRows, START } from './rows.js';
import { hasEnded, type RunView } from './run-view.js';
import { metersEvent, rowsEvent, sse } from './sse.js';

/** How often rows and progress go out. */
const TICK_MS = 250;
/** Meters go out at every so many ticks at most, and a sign of life at every so many. */
const METER_TICKS = 2;
const PING_TICKS = 20;
/** What readers have to take the end of a stream when the app closes. */
const CLOSE_MS = 1000;
/** Rows of fewer bytes are all that there are: a read takes more. */
const FEW_BYTES = 1 << 15;

export interface ReaderLimits {
  /** Readers of one run's events. */
  readonly readersPerRun: number;
  /** Readers of all runs' events together. */
  readonly readers: number;
  /** Seconds after which a reader is closed that takes nothing of what waits for it. */
  readonly readerTimeout: number;
}

/**
 * Readers of the events of runs. What is new of a run is read and written down once for all its readers; one that comes back, or
 * is slow, is sent the rows that it lacks from the run folder at its own pace, and of everything else the newest alone.
 */
export class EventHub {
  readonly #runs = new Map<WatchedRun, RunEvents>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly limits: ReaderLimits) {}

  get readers(): number {
    let count = 0;
    for (const { readers } of this.#runs.values()) count += readers.size;
    return count;
  }

  /**
   * @param round Until which round the reader has rows; −1 where it has none.
   * @param sinkOf Where the stream goes; it counts as a reader until that has closed.
   * @throws ServiceError `busy`
   */
  open(run: WatchedRun, round: number, sinkOf: (reader: EventReader) => Sink = (reader) => reader): EventReader {
    const { readersPerRun, readers } = this.limits;
    const events = this.#runs.get(run) ?? new RunEvents(run, 1000 * this.limits.readerTimeout);
    if (events.readers.size >= readersPerRun) {
      throw new ServiceError('busy', `${readersPerRun} readers follow this run already`);
    }
    if (this.readers >= readers) throw new ServiceError('busy', `${readers} readers follow runs already`);
    this.#runs.set(run, events);
    const reader = new EventReader(round < 0 ? START : { round, at: undefined });
    const sink = sinkOf(reader);
    events.add(reader, sink);
    sink.once('close', () => {
      events.readers.delete(reader);
      if (events.readers.size === 0 && this.#runs.get(run) === events) this.#runs.delete(run);
      if (this.#runs.size === 0) this.#stop();
    });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    void events.tick();
    return reader;
  }

  /** Ends all streams; those whose readers do not take their ends are broken off. */
  close(): void {
    this.#stop();
    const all = [...this.#runs.values()].flatMap(({ readers }) => [...readers]);
    for (const [reader] of all) reader.end();
    setTimeout(() => {
      for (const [, sink] of all) sink.destroy();
    }, CLOSE_MS).unref();
  }

  #tick(): void {
    for (const events of this.#runs.values()) void events.tick();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** The readers of one run. */
class RunEvents {
  readonly readers = new Map<EventReader, Sink>();
  /** Behind the rows that all readers have but those who are behind. */
  #tail: RowPosition | undefined;
  #ticks = 0;
  #isBusy = false;

  constructor(
    private readonly run: WatchedRun,
    private readonly readerTimeoutMs: number,
  ) {}

  add(reader: EventReader, sink: Sink): void {
    this.readers.set(reader, sink);
    reader.send(Buffer.from('retry: 1000\n\n'));
    reader.send(sse('state', this.run.view()));
    reader.told.changes = this.run.feed.changes;
  }

  async tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (const [reader, sink] of this.readers) if (reader.blockedMs() > this.readerTimeoutMs) sink.destroy();
      await this.#sendNews();
    } catch (error) {
      // the disk does not give the rows: whoever comes back may have more luck
      for (const reader of this.readers.keys()) reader.destroy(error as Error);
    } finally {
      this.#isBusy = false;
    }
  }

  async #sendNews(): Promise<void> {
    // looked at before its rows are: what is written before the end is read before the end is told
    const news = new News(this.run, this.#ticks++);
    for (;;) {
      this.#tail ??= await endOfRows(this.run.folder);
      const before = this.#tail.round;
      const rows = await readRows(this.run.folder, this.#tail);
      this.#tail = rows.end;
      const event = rows.lines.length === 0 ? undefined : rowsEvent(rows);
      // a run that has ended has told its last row when there are no more
      const isLast = event === undefined || (!news.hasEnded && rows.lines.length < FEW_BYTES);
      for (const reader of this.readers.keys()) {
        if (reader.isBehind || reader.isOver) continue;
        if (reader.position.round < before) {
          void this.#catchUp(reader);
          continue;
        }
        if (!reader.takes) continue;
        const own = reader.position.round === before ? event : undefined;
        if (own !== undefined) reader.position = rows.end;
        if (isLast) news.tell(reader, own);
        else if (own !== undefined) reader.send(own);
      }
      if (isLast) break;
    }
  }

  async #catchUp(reader: EventReader): Promise<void> {
    reader.isBehind = true;
    try {
      for (;;) {
        await reader.ready();
        const through = this.#tail?.round ?? -1;
        if (reader.isOver || reader.position.round >= through) break;
        const rows = await readRows(this.run.folder, reader.position, through);
        reader.position = rows.end;
        // taken back a moment ago, and soon written again
        if (rows.lines.length === 0) break;
        reader.send(rowsEvent(rows));
      }
    } catch (error) {
      reader.destroy(error as Error);
    }
    reader.isBehind = false;
  }
}

/** What there is to tell of a run beside its rows, written down once for all readers. */
class News {
  readonly #view: RunView;
  readonly #newest: EventReader['told'];
  readonly hasEnded: boolean;
  readonly #written = new Map<string, Buffer>();

  constructor(
    run: WatchedRun,
    private readonly tick: number,
  ) {
    this.#view = run.view();
    const { changes, progress, meters } = run.feed;
    this.#newest = { changes, progress, meters };
    this.hasEnded = hasEnded(this.#view.state);
  }

  /**
   * Sends a reader what it has not been told, behind these rows, as one piece: each is a call of the operating system for every
   * reader.
   */
  tell(reader: EventReader, rows: Buffer | undefined): void {
    const { changes, progress, meters } = this.#newest;
    const { told } = reader;
    let names = '';
    if (told.changes !== changes) names += 's';
    // a run that begins anew, or goes on, has nothing to say yet
    if (progress !== undefined && told.progress !== progress) names += 'p';
    if (meters !== undefined && told.meters !== meters && (this.tick % METER_TICKS === 0 || this.hasEnded)) {
      names += 'm';
      told.meters = meters;
    }
    if (this.tick % PING_TICKS === PING_TICKS - 1) names += 'i';
    if (this.hasEnded) names += 'e';
    told.changes = changes;
    told.progress = progress;
    if (rows !== undefined) names = `r${names}`;
    if (names !== '') reader.send(this.#write(names, rows));
    if (this.hasEnded) reader.end();
  }

  #write(names: string, rows: Buffer | undefined): Buffer {
    const known = this.#written.get(names);
    if (known !== undefined) return known;
    const written = Buffer.concat(
      Array.from(names, (name) => (name === 'r' && rows !== undefined ? rows : this.#event(name))),
    );
    this.#written.set(names, written);
    return written;
  }

  #event(name: string): Buffer {
    const { progress, meters } = this.#newest;
    if (name === 's') return sse('state', this.#view);
    if (name === 'p') return sse('progress', progress);
    if (name === 'm' && meters !== undefined) return metersEvent(meters);
    return name === 'i' ? sse('ping', {}) : sse('end', {});
  }
}

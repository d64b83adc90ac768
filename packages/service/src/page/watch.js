// @ts-check
import { ApiError, ask, runPath, urlOf } from './api.js';
import { History } from './history.js';

/** @import { Meters, Progress, Row, RunView } from './api.js' */

/** The server says something every five seconds. */
const STALE_AFTER = 12_000;
const RETRY_AFTER = 3_000;
/** A browser has six connections to a server, over all its tabs; those to ask with must be left. */
const MAX_STREAMS = 3;

/** @typedef {'waiting' | 'connecting' | 'live' | 'stale' | 'lost' | 'gone' | 'ended' | 'refused'} Status */

/** What of a worker's meters is drawn against rounds, small enough to be kept. */
/** @typedef {Pick<Meters, 'round' | 'seconds' | 'roundSeconds' | 'shares' | 'uplink' | 'downlink'>} Sample */

/** Watches that have no connection yet. @type {Watch[]} */
const queue = [];
let open = 0;

/** A run that is looked at: what came of it over its stream of events, which goes on where it was cut. */
export class Watch {
  /** @type {History<Row>} */
  rows = new History();
  /** @type {History<Sample>} */
  samples = new History(800);
  /** @type {Meters | undefined} */
  meters;
  /** @type {Progress | undefined} */
  progress;
  /** Where and when it was, for a rate. @type {{ round: number, at: number }[]} */
  #pace = [];
  /** @type {Status} */
  status = 'waiting';
  /** Why it was refused. */
  message = '';
  /** When something was last heard, in ms of performance.now(). */
  heard = 0;
  /** @type {EventSource | undefined} */
  #source;
  #closed = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {RunView} view
   * @param {(watch: Watch) => void} onChange Called after whatever it has learned.
   */
  constructor(view, onChange) {
    this.id = view.id;
    this.view = view;
    this.onChange = onChange;
    this.#ticker = setInterval(() => this.#checkStale(), 1000);
    this.#line();
  }

  /** @type {ReturnType<typeof setInterval>} */
  #ticker;

  /** Rounds a second over the last seconds; undefined while that is not known. */
  get roundsPerSecond() {
    const [first] = this.#pace;
    const last = this.#pace.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < 400) return undefined;
    return (1000 * (last.round - first.round)) / (last.at - first.at);
  }

  /** Takes what a list of runs says; a run that goes on again is read on. */
  learn(/** @type {RunView} */ view) {
    const was = this.view.state;
    this.view = view;
    const goesOn = ['queued', 'running', 'stopping'].includes(view.state);
    if (this.status === 'ended' && goesOn && was !== view.state) this.#line();
    this.onChange(this);
  }

  close() {
    this.#closed = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
    const at = queue.indexOf(this);
    if (at >= 0) queue.splice(at, 1);
    this.#hangUp();
  }

  /** Waits until there is a connection to be had. */
  #line() {
    this.#set('waiting');
    queue.push(this);
    next();
  }

  connect() {
    open++;
    this.#set('connecting');
    const source = new EventSource(urlOf(`${runPath(this.id)}/events`));
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.#hear();
    };
    source.onerror = () => this.#fail();
    const on = (/** @type {string} */ name, /** @type {(data: any) => void} */ take) =>
      source.addEventListener(name, (event) => {
        if (this.#source !== source) return;
        take(JSON.parse(event.data));
        this.#hear();
      });
    on('state', (view) => {
      this.view = view;
    });
    on('rows', (rows) => this.#take(rows));
    on('progress', (progress) => this.#takeProgress(progress));
    on('meters', (meters) => this.#takeMeters(meters));
    on('ping', () => {});
    on('end', () => {
      this.#hangUp();
      this.#set('ended');
    });
  }

  /** Rows in order, of which those are left out that are there already. */
  #take(/** @type {Row[]} */ rows) {
    for (const row of rows) if (row.round > (this.rows.last?.round ?? -1)) this.rows.add(row);
  }

  #takeProgress(/** @type {Progress} */ progress) {
    this.progress = progress;
    const at = performance.now();
    const last = this.#pace.at(-1);
    if (last !== undefined && progress.round < last.round) this.#pace = [];
    this.#pace.push({ round: progress.round, at });
    while (this.#pace.length > 2 && at - this.#pace[0].at > 5000) this.#pace.shift();
  }

  #takeMeters(/** @type {Meters} */ meters) {
    this.meters = meters;
    const { round, seconds, roundSeconds, shares, uplink, downlink } = meters;
    // a run that went on counts its seconds anew
    if (roundSeconds < (this.samples.last?.roundSeconds ?? 0)) this.samples = new History(800);
    if (round === this.samples.last?.round) return;
    this.samples.add({ round, seconds, roundSeconds, shares, uplink, downlink });
  }

  #hear() {
    this.heard = performance.now();
    if (this.#source !== undefined) this.status = 'live';
    this.onChange(this);
  }

  #checkStale() {
    if (this.status === 'live' && performance.now() - this.heard > STALE_AFTER) this.#set('stale');
  }

  #set(/** @type {Status} */ status) {
    if (this.#closed) return;
    this.status = status;
    this.onChange(this);
  }

  #hangUp() {
    if (this.#source === undefined) return;
    this.#source.close();
    this.#source = undefined;
    this.#pace = [];
    open--;
    next();
  }

  /** The browser connects again by itself, and says where it was; unless the server has refused it. */
  async #fail() {
    const closed = this.#source?.readyState === EventSource.CLOSED;
    this.#failures++;
    this.#set(this.#failures > 1 ? 'gone' : 'lost');
    if (!closed) return;
    this.#hangUp();
    try {
      this.learn(await ask(runPath(this.id)));
      // it is there, and will not have one more reader now
      this.#failures = 0;
      this.#set('lost');
    } catch (error) {
      if (error instanceof ApiError && ['unauthorized', 'forbidden', 'not-found'].includes(error.code)) {
        this.message = error.code === 'not-found' ? 'it is no longer there' : error.message;
        return this.#set('refused');
      }
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      queue.push(this);
      next();
    }, RETRY_AFTER);
  }
}

function next() {
  while (open < MAX_STREAMS) {
    const watch = queue.shift();
    if (watch === undefined) return;
    watch.connect();
  }
}

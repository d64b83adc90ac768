// @ts-check
import { ApiError, ask, openSession, runPath } from './api.js';
import { BytesARound } from './bytes-a-round.js';
import { keepChoices, readChoices } from './choices.js';
import { Controls, say } from './controls.js';
import { Curves } from './curves.js';
import { byId, setText } from './dom.js';
import { MAX_RUNS } from './look.js';
import { fillNewRunForm } from './new-run.js';
import { Overview } from './overview.js';
import { Configuration, LatestRows } from './records.js';
import { RoundTime } from './round-time.js';
import { RunList } from './run-list.js';
import { Watch } from './watch.js';
import { Workers } from './workers.js';

/** @import { RunView } from './api.js' */

const LIST_EVERY = 5_000;
/** In ms: an event comes more often than anybody reads. */
const SHOW_EVERY = 250;
/** In ms: charts and tables cost a browser without a graphics card far more than the numbers, and the run may be on the same cores. */
const DRAW_EVERY = 1_000;
const PAGE = 50;

const choices = readChoices();
/** Runs that are drawn, the one that is shown in full first. @type {Map<string, { watch: Watch, place: number }>} */
let drawn = new Map();
/** All runs that the list has, the newest first. @type {RunView[]} */
let runs = [];
/** How many the list is to have. */
let listed = PAGE;
/** Whether the server answered when it was asked last. */
let reachable = true;
/** Why it refused to. */
let refusal = '';
let planned = false;
let shownAt = Number.NEGATIVE_INFINITY;
let drawnAt = Number.NEGATIVE_INFINITY;
/** Whether somebody has chosen something that is to be seen at once. */
let isUrgent = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

const overview = new Overview();
const curves = new Curves(byId('curves'), byId('against'), choices, () => {
  keepChoices(choices);
  planNow();
});
const bytesARound = new BytesARound(byId('bytes'));
const roundTime = new RoundTime(byId('time'));
const workers = new Workers(choices, () => keepChoices(choices));
const latestRows = new LatestRows();
const configuration = new Configuration();
const controls = new Controls((view) => {
  if (view === undefined) choose(choices.runs.slice(1));
  else drawn.get(view.id)?.watch.learn(view);
  void readList();
});
const list = new RunList(
  (id) => {
    say('');
    choose([id, ...choices.runs.slice(1).filter((one) => one !== id)], true);
  },
  (id, isDrawn) => choose(isDrawn ? [...choices.runs, id] : choices.runs.filter((one) => one !== id)),
);

/** Draws these runs; those that are drawn already go on as they are. */
function choose(/** @type {string[]} */ ids, push = false) {
  const known = new Map(runs.map((view) => [view.id, view]));
  const wanted = [...new Set(ids)].filter((id) => known.has(id)).slice(0, MAX_RUNS);
  if (wanted.length === 0 && runs.length > 0) wanted.push(runs[0].id);
  for (const [id, { watch }] of drawn) if (!wanted.includes(id)) watch.close();
  const kept = drawn;
  const taken = new Set(wanted.flatMap((id) => kept.get(id)?.place ?? []));
  drawn = new Map();
  for (const id of wanted) {
    let place = kept.get(id)?.place;
    for (let free = 0; place === undefined; free++) if (!taken.has(free)) place = free;
    taken.add(place);
    const watch = kept.get(id)?.watch ?? new Watch(/** @type {RunView} */ (known.get(id)), plan);
    drawn.set(id, { watch, place });
  }
  choices.runs = wanted;
  keepChoices(choices, { push });
  planNow();
}

function planNow() {
  isUrgent = true;
  plan();
}

/** Shows what is new: at once when nothing was for a while, else when its time has come. */
function plan() {
  if (planned) return;
  planned = true;
  const wait = shownAt + SHOW_EVERY - performance.now();
  const inFrame = () =>
    requestAnimationFrame(() => {
      planned = false;
      shownAt = performance.now();
      show();
    });
  if (wait > 0) setTimeout(inFrame, wait);
  else inFrame();
}

function show() {
  const all = [...drawn.values()];
  const first = all[0]?.watch;
  list.update(runs, new Map([...drawn].map(([id, { place }]) => [id, place])));
  byId('run').hidden = first === undefined;
  byId('nothing').hidden = first !== undefined;
  showConnection(first);
  if (first === undefined) return;
  document.title = `${first.view.method ?? 'run'} on ${first.view.problem ?? '…'} – Flotilla`;
  overview.update(first);
  controls.update(first.view, reachable && first.status !== 'gone');
  const wait = drawnAt + DRAW_EVERY - performance.now();
  if (wait <= 0 || isUrgent || first.status !== 'live') draw(all, first);
  else later ??= setTimeout(plan, wait);
}

function draw(/** @type {{ watch: Watch, place: number }[]} */ all, /** @type {Watch} */ first) {
  drawnAt = performance.now();
  isUrgent = false;
  clearTimeout(later);
  later = undefined;
  curves.update(all);
  bytesARound.update(first);
  setText(
    byId('bytes-note'),
    first.samples.length > 1
      ? ''
      : 'Dense and compressed are told apart while a run is under way and this page is open.',
  );
  byId('time-section').hidden = first.meters === undefined || first.meters.roundSeconds <= 0;
  byId('workers-section').hidden = first.meters === undefined;
  roundTime.update(first);
  workers.update(first);
  latestRows.update(first);
  void configuration.update(first);
}

/** @type {Record<import('./watch.js').Status, string>} */
const STATUS = {
  waiting: 'waiting for a connection: three runs at a time are read',
  connecting: 'connecting',
  live: 'connected',
  stale: 'stale: nothing was heard for 12 seconds',
  lost: 'connection lost, trying again',
  gone: 'the server is gone; what it told stays here, and it is tried again',
  ended: 'the run has ended',
  refused: 'refused',
};

function showConnection(/** @type {Watch | undefined} */ watch) {
  let status = watch?.status ?? (reachable ? (refusal === '' ? 'live' : 'refused') : 'gone');
  // behind an older run that has ended the server may be as dead
  if (status === 'ended' && !reachable) status = 'gone';
  const ended = watch?.status === 'ended' && !reachable;
  const text = ended ? 'the run has ended, and the server with it' : STATUS[status];
  byId('connection').dataset.status = ended ? 'ended' : status;
  setText(byId('connection-text'), status === 'refused' ? `refused: ${watch?.message ?? refusal}` : text);
}

/** Reads the list of runs, as much of it as is shown. */
async function readList() {
  try {
    /** @type {RunView[]} */
    const found = [];
    /** @type {string | null} */
    let after = null;
    do {
      const limit = Math.min(500, listed - found.length);
      const query = new URLSearchParams({ limit: String(limit), ...(after === null ? {} : { after }) });
      /** @type {{ runs: RunView[], next: string | null }} */
      const page = await ask(`runs?${query}`);
      found.push(...page.runs);
      after = page.next;
    } while (after !== null && found.length < listed);
    // a run that was chosen by its address may be further down
    for (const id of choices.runs) {
      if (found.some((view) => view.id === id)) continue;
      const view = await ask(runPath(id)).catch(() => undefined);
      if (view !== undefined) found.push(view);
    }
    reachable = true;
    refusal = '';
    runs = found;
    byId('older').hidden = after === null;
    notice('');
    for (const view of runs) drawn.get(view.id)?.watch.learn(view);
    if (drawn.size === 0 && runs.length > 0) choose(choices.runs);
  } catch (error) {
    const { code, message } = /** @type {ApiError} */ (error);
    reachable = code !== 'gone';
    refusal = code === 'gone' ? '' : message;
    if (code === 'unauthorized' || code === 'forbidden') {
      notice(
        `The server wants its token (${message}): open the address that it printed, with all that is behind the #.`,
      );
    } else if (code !== 'gone') notice(message);
  }
  byId('runs').hidden = runs.length < 2 && byId('new-run').hidden;
  plan();
}

function notice(/** @type {string} */ text) {
  const element = byId('notice');
  setText(element, text);
  element.hidden = text === '';
}

async function start() {
  const isFirst = choices.runs.length === 0;
  try {
    await openSession();
  } catch (error) {
    notice(`The token was not taken: ${/** @type {Error} */ (error).message}`);
  }
  let isDashboard = false;
  try {
    const about = await ask('about');
    isDashboard = !about.can.start;
    configuration.reports = about.can.report;
    if (about.can.start && about.offers !== null) showForm(about.offers);
  } catch (error) {
    // what is wrong is said when the list is read
    if (!(error instanceof ApiError)) throw error;
  }
  // the runs of a dashboard are those that somebody wants to see side by side; of a service's it is the newest
  await readList();
  if (isDashboard && isFirst) choose(runs.map(({ id }) => id));
}

function showForm(/** @type {import('./new-run.js').Offers} */ offers) {
  byId('new-run').hidden = false;
  fillNewRunForm(/** @type {HTMLFormElement} */ (byId('new-run-form')), offers, async (id) => {
    await readList();
    choose([id], true);
    say('The run is in the list.');
  });
}

byId('older').onclick = () => {
  listed += PAGE;
  void readList();
};
// on a narrow page the list would hide the run
if (matchMedia('(max-width: 1099px)').matches) /** @type {HTMLDetailsElement} */ (byId('runs-details')).open = false;
addEventListener('hashchange', () => void start());
addEventListener('popstate', () => {
  const { runs: ids } = readChoices();
  if (ids.length > 0) choose(ids);
});
// a page in the background asks once a minute, as browsers have it, and so a dashboard knows that it is open
setInterval(() => void readList(), LIST_EVERY);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void readList();
});
await start();

import type { RunFeed } from './run-feed.js';
import type { RunView } from './run-view.js';

/** A run that can be looked at, whoever trains it. What `view().can` denies is a conflict, and so is what is not here. */
export interface WatchedRun {
  /** Ours: it is looked up, and never a part of a path that somebody asks for. */
  readonly id: string;
  /** Its run folder, which may not be there yet. */
  readonly folder: string;
  readonly feed: RunFeed;
  view(): RunView;
  /** Its configuration or summary as it may be told. */
  shown(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  stop?(): Promise<void>;
  checkpoint?(): Promise<{ readonly round: number }>;
  resume?(): Promise<void>;
  remove?(): Promise<void>;
}

/** Runs by id, and in order. */
export interface Catalogue {
  get(id: string): WatchedRun | undefined;
  /** The newest first. */
  all(): readonly WatchedRun[];
}

/** A page of a catalogue: at most `limit` runs behind the run `after`, and the id to go on behind, where there are more. */
export function pageOf(catalogue: Catalogue, limit: number, after: WatchedRun | undefined) {
  const all = catalogue.all();
  const first = after === undefined ? 0 : all.indexOf(after) + 1;
  const runs = all.slice(first, first + limit);
  const next = first + limit < all.length ? (runs.at(-1)?.id ?? null) : null;
  return { runs: runs.map((run) => run.view()), next };
}

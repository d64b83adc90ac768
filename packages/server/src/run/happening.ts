/** What can happen to a run beside its rounds. */
export type Happening =
  /** Loading has chosen something. */
  | { readonly type: 'note' }
  /** The run waits for another process that has its folder. */
  | { readonly type: 'waiting' }
  /** A checkpoint of this round lies on the disk. `path` is absolute. */
  | { readonly type: 'checkpoint'; readonly round: number; readonly path: string }
  /** Workers were lost; all are started again, for the `restarts`-th time, and go on after `round`. */
  | { readonly type: 'restart'; readonly round: number; readonly restarts: number }
  /** A worker takes, or took, longer than `roundTimeout`. A host of workers that starts has no number. */
  | { readonly type: 'late'; readonly worker: number | undefined };

export type ReporterEvent = Happening & {
  /** One line for people. */
  readonly message: string;
};

/** Says something; a note, when nothing has happened. */
export type Note = (message: string, happening?: Happening) => void;

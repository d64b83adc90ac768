import { dirname, join } from 'node:path';
import type { GroupedRuns, RunGroup } from './groups.js';
import { optionName } from './groups.js';
import {
  COSTS,
  firstAt,
  type Goal,
  goalText,
  lastOf,
  type Measure,
  type Measures,
  measuresIn,
  measuresOf,
} from './measures.js';
import { meanAndStd, spreadText } from './statistics.js';
import type { StoredRun } from './stored-run.js';
import type { Table } from './table.js';

const goalOf =
  (goal: Goal) =>
  ({ rows }: StoredRun): Measures[] => {
    const row = firstAt(rows, goal);
    return row === undefined ? [] : [measuresOf(row)];
  };

function cell(of: Measure['of'], show: Measure['show'], measures: readonly Measures[]): string {
  return spreadText(
    measures.map(of).filter((value) => value !== undefined),
    show,
  );
}

/** What the groups came to: mean and standard deviation over seeds. */
export function outcomeTable({ groups }: GroupedRuns): Table {
  const runs = groups.flatMap((group) => group.runs);
  const measures = measuresIn(runs);
  const several = groups.some((group) => group.runs.length > 1);
  const unfinished = runs.some(({ summary }) => summary === undefined);
  return {
    title: several ? 'What the runs came to: mean ± standard deviation over seeds' : 'What the runs came to',
    columns: [
      'run',
      ...(several ? ['seeds'] : []),
      ...(unfinished ? ['ended'] : []),
      ...measures.map(({ name }) => name),
    ],
    rows: groups.map(({ label, runs }) => [
      label,
      ...(several ? [runs.length] : []),
      ...(unfinished ? [`${runs.filter(({ summary }) => summary !== undefined).length} of ${runs.length}`] : []),
      ...measures.map(({ of, show }) => cell(of, show, runs.flatMap(lastOf))),
    ]),
  };
}

/** What the groups needed to reach a goal, over the seeds that reached it. */
export function goalTable({ groups }: GroupedRuns, goal: Goal, note = ''): Table {
  const at = goalOf(goal);
  const reached = groups.flatMap(({ runs }) => runs.flatMap(at));
  const costs = COSTS.filter(({ of }) => reached.some((measures) => of(measures) !== undefined));
  return {
    title: `To ${goalText(goal)}${note}`,
    columns: ['run', 'reached', ...costs.map(({ name }) => name)],
    rows: groups.map(({ label, runs }) => {
      const hits = runs.flatMap(at);
      return [label, `${hits.length} of ${runs.length}`, ...costs.map(({ of, show }) => cell(of, show, hits))];
    }),
  };
}

/** The options that differ, as each group has them. */
export function differencesTable({ groups }: GroupedRuns): Table {
  const keys = Object.keys(groups[0]?.own ?? {});
  const several = groups.some(({ runs }) => runs.length > 1);
  return {
    title: 'What differs',
    columns: ['run', ...keys.map(optionName), several ? 'seeds' : 'seed', several ? 'folders' : 'folder'],
    rows: groups.map(({ label, own, runs }) => [
      label,
      ...keys.map((key) =>
        own[key] === null ? null : typeof own[key] === 'string' ? own[key] : JSON.stringify(own[key]),
      ),
      runs.map(({ config }) => String(config.seed)).join(' '),
      foldersText(runs.map(({ folder }) => folder)),
    ]),
  };
}

/** One folder, or the one that all of them lie in. */
function foldersText(folders: readonly string[]): string {
  const [first = ''] = folders;
  if (folders.length === 1) return first;
  const above = new Set(folders.map((folder) => dirname(folder)));
  return above.size === 1 ? join(dirname(first), '…') : `${first} …`;
}

/** The comparison as an object: for each group its measures, and what it needed to reach each goal. */
export function comparisonJson({ groups, common }: GroupedRuns, goals: readonly Goal[]) {
  const over = (runs: readonly Measures[]) => ({ runs, ...meanAndStd(runs) });
  const one = ({ label, own, runs }: RunGroup) => ({
    label,
    config: own,
    folders: runs.map(({ folder }) => folder),
    seeds: runs.map(({ config }) => config.seed ?? null),
    ended: runs.map(({ summary }) => summary !== undefined),
    ...over(runs.flatMap(lastOf)),
    goals: goals.map((goal) => {
      const hits = runs.flatMap(goalOf(goal));
      return { ...goal, reached: hits.length, ...over(hits) };
    }),
  });
  return { common, groups: groups.map(one) };
}

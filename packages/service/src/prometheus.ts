import { type Meters, ROUND_TIME_BOUNDS } from '@flotilla/server';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServiceLimits } from './limits.js';
import { hasEnded, type RunView } from './run-view.js';
import type { ServiceRun } from './service-run.js';

/** Most runs that have time series; the newest. */
const MAX_RUNS = 100;

interface Metered {
  readonly view: RunView;
  readonly meters: Meters | undefined;
}

/**
 * Metrics of the runs that train and of those that ended a while ago, in a registry of their own. All is read from the runs when it is
 * asked for: a run that is deleted, or has ended long ago, leaves.
 */
export function metricsOf(
  runs: () => readonly ServiceRun[],
  limits: Pick<ServiceLimits, 'meteredWorkers' | 'meteredMinutes'>,
): Registry {
  const registry = new Registry();
  const registers = [registry];
  const metered = (): Metered[] => {
    const since = Date.now() - 60_000 * limits.meteredMinutes;
    const isMetered = ({ state, started, ended }: RunView) =>
      started !== null && (!hasEnded(state) ? state !== 'queued' : Date.parse(ended ?? started) >= since);
    return runs()
      .map((run) => ({ view: run.view(), meters: run.feed.meters }))
      .filter(({ view }) => isMetered(view))
      .slice(0, MAX_RUNS);
  };

  /** A number of each run, where it is known. */
  const ofRuns = (
    Kind: typeof Counter | typeof Gauge,
    name: string,
    help: string,
    value: (run: RunView) => number | null,
  ) =>
    new Kind({
      name,
      help,
      registers,
      labelNames: ['run'],
      collect() {
        this.reset();
        for (const { view } of metered()) {
          const known = value(view);
          if (known !== null) this.inc({ run: view.id }, known);
        }
      },
    });
  ofRuns(Counter, 'flotilla_uplink_bytes_total', 'Frame bytes sent by workers', (run) => run.uplinkBytes);
  ofRuns(Counter, 'flotilla_downlink_bytes_total', 'Frame bytes sent to workers', (run) => run.downlinkBytes);
  ofRuns(Counter, 'flotilla_rounds_total', 'Rounds', (run) => run.round);
  ofRuns(
    Counter,
    'flotilla_workers_restarted_total',
    'How often the workers were started again',
    (run) => run.restarts ?? 0,
  );
  ofRuns(Gauge, 'flotilla_loss', 'f(x) of the last evaluation', (run) => run.loss);
  ofRuns(
    Gauge,
    'flotilla_grad_norm_squared',
    'Squared norm of the gradient of f at the last evaluation',
    (run) => run.gradNormSq,
  );
  new Counter({
    name: 'flotilla_worker_seconds_total',
    help: `Seconds of gradients, of the workers of runs that have at most ${limits.meteredWorkers}`,
    registers,
    labelNames: ['run', 'worker'],
    collect() {
      this.reset();
      for (const { view, meters } of metered()) {
        const seconds = meters?.workers.computeSeconds ?? new Float64Array();
        if (seconds.length > limits.meteredWorkers) continue;
        for (const [worker, value] of seconds.entries()) this.inc({ run: view.id, worker }, value);
      }
    },
  });
  registry.registerMetric(new RoundTimes(metered));
  return registry;
}

const ROUND_TIMES = { name: 'flotilla_round_duration_seconds', help: 'Seconds of rounds, evaluation left out' };

/** How long rounds took, as the runs have counted it. */
class RoundTimes extends Histogram<'run'> {
  constructor(private readonly metered: () => readonly Metered[]) {
    super({ ...ROUND_TIMES, labelNames: ['run'], buckets: [...ROUND_TIME_BOUNDS], registers: [] });
  }

  /** What the registry asks a histogram for, in the place of what that has observed. */
  async getForPromString() {
    const { name, help } = ROUND_TIMES;
    const values = this.metered().flatMap(({ view: { id: run }, meters }) => {
      if (meters === undefined) return [];
      let count = 0;
      const buckets = meters.roundTimes.map((rounds, k) => {
        count += rounds;
        return { metricName: `${name}_bucket`, labels: { run, le: ROUND_TIME_BOUNDS[k] ?? '+Inf' }, value: count };
      });
      const sum = { metricName: `${name}_sum`, labels: { run }, value: meters.roundSeconds };
      return [...buckets, sum, { metricName: `${name}_count`, labels: { run }, value: count }];
    });
    return { name, help, type: 'histogram', values };
  }
}

import type { Metrics, Summary, Tally } from '@flotilla/server';

// What docs/cli.md says of the keys of a run's results, in their order there.

/** Of summary.json, and of the object that `--json` prints. */
export const SUMMARY_KEYS: Readonly<Record<keyof Summary, string>> = {
  method: 'its spec',
  problem: 'its spec',
  data: 'name or path of the data; null for a problem without',
  workers: 'n',
  threads: 'threads that hosted them, in the end',
  dimension: 'd, the number of coordinates of x',
  seed: '',
  transport: '',
  checksum: '`on`, only where frames had checksums',
  link: '`--link` as it was given, or null',
  linkModel: '`--link-model` as it was given, or null',
  wire: '',
  precision: '',
  dense: '',
  coins: '',
  batch: '`--batch`, only where it was given',
  batchDense: '`--batch-dense`, only where it was given',
  output: '`--output`, only where it is not `last`',
  stepSize: 'γ, the number',
  measured:
    'the constants measured for the step size by name: `f`, `rms`, `max`, `LA`, `LB`, `LPlusMinus`; only with `--step-size measured`',
  parameters:
    "the method's own parameters as they were used, numbers by the names that specs have; a choice by a name of its own, as 0 or 1, such as `delta-downlink`",
  secondsToFirstRound: 'seconds from the start to the first round: threads, data, set-up',
  resumed: 'how often the run has gone on from a checkpoint',
  rounds: 'rounds that were run',
  loss: 'f(x), exact, at the x that is given back: the last, or what `--output` says',
  gradNormSq: '‖∇f(x)‖², exact, at the same x',
  metrics:
    'the metrics of the problem on the training data at that x by name, such as `accuracy`, a fraction; null when it has none',
  validation: '`loss` and the metrics on the validation data; null without `--validation`',
  wallSeconds: 'seconds of rounds, evaluation left out',
  modelSeconds: 'what `wallSeconds` would be over the modelled links; null without `--link-model`',
  uplink: '[counters](#counters), workers to server',
  downlink: '[counters](#counters), server to workers',
  late: 'workers that took longer than `--round-timeout`: `worker`, late `answers`, and the `seconds` that the server has waited for them; only where there were any, and not kept over `--resume`',
  outputRound: 'k, where the model is x^k, only with `output`',
  computeSeconds: 'seconds in gradients, summed over workers',
  gradientCalls: "gradients computed, summed over workers; a batch counts as its share of a worker's samples",
  refused: 'frames that were refused, by [why](wire-format.md#what-a-receiver-refuses), only where there were any',
  broker:
    'bytes of the server’s connection to the broker, `sent` and `received`: `frames` for one worker each, `broadcasts` sent once for all, `others` (evaluations, states), `control`, `again`, `data`; with `--transport nats`',
  attendance:
    '`changes`: how often hosts came or went; `least`: the fewest workers that were there; with `--min-workers`. Then `xHash` depends on when they did',
  stopReason: '`rounds`, `target`, `target-relative`, `target-loss`, `time-limit`, `max-bytes` or `aborted`',
  repeated:
    '`restarts`, `rounds` and `frameBytes`: how often workers were started again, and what was done and sent twice because of it, counted nowhere else; only where workers were lost',
  xHash: 'SHA-256 of the same x as little-endian f64',
};

/** Of a row of metrics.jsonl. */
export const ROW_KEYS: Readonly<Record<keyof Metrics, string>> = {
  round: '0 is the start',
  seconds: 'seconds of rounds so far, evaluation left out',
  modelSeconds: 'the same over the modelled links; only with `--link-model`',
  loss: 'f(x), exact',
  gradNormSq: '‖∇f(x)‖², exact',
  metrics: 'the metrics of the problem on the training data by name; only for a problem that has some',
  validation: '`loss` and the metrics on the validation data; only with `--validation`',
  away: 'workers that are away, where there are any: f and ∇f are the mean over the others',
  late: 'as in the [summary](#summary), so far',
  uplink: '[counters](#counters) so far',
  downlink: '[counters](#counters) so far',
};

/** Of the counters of a link. */
export const COUNTER_KEYS: Readonly<Record<keyof Tally, string>> = {
  messages: '',
  payloadBytes: 'the encoded vectors as they lie in the frame',
  frameBytes: 'payload, header and checksum, if it has one: exactly what the transport is handed',
  paperBits:
    'what the papers count: 32 bits a coordinate, 9 after natural compression (64 and 12 with `--wire f64`), nothing for indices and headers',
  coordinates: 'coordinates sent',
};

// Long: one record, a note for every option there is.
import { methods, problems } from '@flotilla/core';
import type { OptionDescription } from '@flotilla/server/internal';
import type { FlagName, SettingName } from './flags.js';

// What docs/cli.md says of an option beside its line in the schema, in Markdown.

/** The parts of the page, in order, and what each begins with. */
export const GROUPS = {
  'What to train': '',
  'How to train': '',
  'When to stop': `The run ends as soon as one of these rules holds, and after 500 rounds when none is given. \`--rounds\`, \`--time-limit\` and
\`--max-bytes\` are checked after every round. The targets are checked in evaluated rounds only: \`--eval-every 1\` gives the exact
round that reaches one.`,
  Output: `Results go to stdout. Progress goes to stderr: on a terminal a bar that fits it (40 columns or more), elsewhere plain lines: the first twenty
evaluated rounds, then one a second, and the last. \`CI\` in the environment, or \`TERM=dumb\`, makes lines of a bar. Colours are those of the terminal's theme;
\`NO_COLOR\` leaves them out, \`FORCE_COLOR\` keeps them where there is no terminal (not in the lines). With \`--quiet\` there is only one thing that is said before the end: that
the run waits for another process, which has its folder.`,
  System: `None of these changes what is computed or, byte for byte, what is sent.`,
} as const;

/** What the page says of an option. */
export interface OptionNote {
  readonly group: keyof typeof GROUPS;
  /** What it is; left out where the schema's line says so in a sentence. */
  readonly meaning?: string;
  /** What a value is; left out where the schema knows. */
  readonly value?: string;
  /** What holds when it is left out, where the schema does not know; left out where that is nothing. */
  readonly otherwise?: string;
  /** Left out of the help unless all options are asked for. */
  readonly rare?: true;
  /** What stands for its value in the help, such as `SPEC`; left out where the schema knows. */
  readonly placeholder?: string;
  /** A part of a command line that uses it. */
  readonly example: string;
  /** Everything else. */
  readonly text?: string;
}

const OF_THE_METHOD = "the method's own: [methods.md](methods.md)";
const COMPRESSOR = 'a [compressor](#compressors)';

/** A spec of one of the names, each with its section of a page. */
const specOf = (names: readonly string[], page: string) =>
  `a [spec](#specs) of ${names.map((name) => `[\`${name}\`](${page}#${name})`).join(', ')}`;

/** Names by what they have: `x` for a, b; `y` for c. */
function listBy(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const groups = new Map<string | undefined, string[]>();
  for (const [name, value] of pairs) groups.set(value, [...(groups.get(value) ?? []), name]);
  return [...groups].map(([value, names]) => `\`${value}\` for ${names.join(', ')}`).join('; ');
}

const usualStarts = listBy(Object.entries(problems).map(([name, { init }]) => [name, init]));
const tunedStepSizes = listBy(Object.keys(methods).map((name) => [name, problems.autoencoder?.stepSize(name)]));

export const optionNotes: Readonly<Record<OptionDescription['name'], OptionNote>> = {
  method: {
    group: 'What to train',
    placeholder: 'SPEC',
    meaning: 'The method and its parameters',
    value: specOf(Object.keys(methods), 'methods.md'),
    example: '--method m3:p=0.005,beta=0.136',
    text: `Parameters that are left out come from theory.`,
  },
  problem: {
    group: 'What to train',
    placeholder: 'SPEC',
    meaning: 'The problem and its parameters',
    value: `${specOf(Object.keys(problems), 'problems.md')}, or the path of a module and parameters: \`./my-problem.js:key=value\``,
    example: '--problem nonconvex-logistic:bias=false,lambda=0.001',
    text: `\`autoencoder\` takes \`lambda\`; \`logistic\`, \`nonconvex-logistic\`, \`softmax\` and \`least-squares\` take \`bias\`
and \`lambda\`; \`quadratic\` takes \`d\` and \`sigma\`; \`heterogeneous-quadratic\` takes \`d\`, and \`nu\` and \`sigma\`, or
\`la2\` and \`lb2\`; \`lower-bound\` takes \`l\`, \`delta\`, \`dealt\`, and \`t\` or \`epsilon\`. A path that ends in .js, .mjs or .cjs
is a module whose default export is [a problem of your own](write-a-problem.md). It is imported: its code runs.`,
  },
  data: {
    group: 'What to train',
    placeholder: 'DATA',
    meaning: 'The data set of a problem that is made of samples, or an instance of `heterogeneous-quadratic`',
    value:
      '`mnist`, a name of the [catalogue](data.md#catalogue), or the path of a LIBSVM, CSV (.csv, .tsv), NumPy (.npy) or IDX file (.gz, .xz and .bz2 too) or of a JSON instance',
    otherwise: '`mnist` for a problem that is made of samples',
    example: '--data mushrooms',
    text: `The catalogue has \`mushrooms\`, \`a9a\`, \`w8a\`, \`phishing\`, \`gisette\`, \`madelon\` and \`duke\`, each downloaded
once. [data.md](data.md) describes the formats.`,
  },
  indexBase: {
    group: 'What to train',
    meaning: 'The index of the first feature in a LIBSVM file',
    value: '`0`, `1`, or `auto`: 0 when an index 0 occurs, else 1',
    otherwise: '1',
    example: '--index-base 0',
    text: `Files that scikit-learn writes count from 0.`,
  },
  labelColumn: {
    group: 'What to train',
    meaning: 'The column of labels in a CSV or NumPy file',
    value: 'its name, its number (from 1; -1 is the last), or `none`',
    otherwise:
      'of a CSV file a column called label, target, class or y, else the last; of a NumPy file the file of labels beside it',
    example: '--label-column species',
    text: `What was chosen is said when the run starts: [data.md](data.md#formats).`,
  },
  header: {
    group: 'What to train',
    meaning: 'Whether the first row of a CSV file is names',
    example: '--header true',
    otherwise: '`auto`: when there is anything in it that is no number',
  },
  validation: {
    group: 'What to train',
    meaning:
      'Data that is not trained on: f and the metrics of the problem are evaluated on it beside the training data',
    value: 'as for `--data`, or `test`: the test part of `mnist` or of a set of the catalogue that has one',
    example: '--validation test',
    text: `\`validation\` in rows and summary. It changes nothing of the training, and its time is not counted.`,
  },
  split: {
    group: 'What to train',
    rare: true,
    placeholder: 'SPLIT',
    meaning: 'How the samples are assigned to the workers',
    value: '`contiguous`, `shuffled`, `label`, or `dirichlet:alpha=…`',
    otherwise: '`contiguous` for LIBSVM data, `shuffled` for mnist and all other files',
    example: '--split dirichlet:alpha=0.3',
    text: `What each does: [data.md](data.md#splits).`,
  },
  workers: {
    group: 'What to train',
    meaning: 'n, the number of workers, each with its own part of the problem',
    example: '--workers 100',
    text: `[\`--threads\`](#--threads) says how many threads host them.`,
  },
  plugins: {
    group: 'What to train',
    rare: true,
    meaning: 'A module whose default export has further `compressors`, `methods` or `problems`',
    value: 'a path; the option may be given again',
    example: '--plugin ./rand-block.js',
    text: `The specs of the run may name them: [an example](../examples/write-a-compressor). The module is imported: its code runs.`,
  },
  uplink: {
    group: 'How to train',
    placeholder: 'SPEC',
    value: COMPRESSOR,
    otherwise: OF_THE_METHOD,
    example: '--uplink rand-k:k=1%+natural',
    text: `Refused when the method never compresses the uplink, or its theory does not cover the compressor.`,
  },
  downlink: {
    group: 'How to train',
    placeholder: 'SPEC',
    value: COMPRESSOR,
    otherwise: OF_THE_METHOD,
    example: '--downlink perm-k+natural',
    text: `Refused when the method never compresses the downlink, or its theory does not cover the compressor.`,
  },
  stepSize: {
    group: 'How to train',
    placeholder: 'N|theory|measured',
    meaning: 'The step size γ',
    value: 'a number > 0, `theory`, `theory*FACTOR`, `measured` or `measured*FACTOR`',
    otherwise: '`theory`; tuned numbers for `autoencoder`',
    example: '--step-size theory*4',
    text: `\`theory\` is the step size of the method's theorem: [methods.md](methods.md). \`autoencoder\` is a quartic without a
smoothness constant, for which \`theory\` is refused; its step sizes are tuned for 20 workers: ${tunedStepSizes}.

\`measured\` is the same formula with constants measured along 50 steps of gradient descent from x⁰ in place of bounds, before
the first round ([methods.md](constants.md#measured)). They are no bounds, and no theorem covers the step size: it can
diverge. The summary has them under \`measured\`; the same configuration measures the same, bit for bit.`,
  },
  init: {
    group: 'How to train',
    rare: true,
    placeholder: 'START',
    meaning: 'The starting point x⁰',
    value: '`reference`, `zeros`, `normal:SCALE`, `problem`, or the path of a `.safetensors` or `.npy` file',
    otherwise: usualStarts,
    example: '--init normal:0.01',
    text: `What each is: [problems.md](problems.md#starting-points). \`problem\` is for a plug-in's problem that brings a starting point of
its own. A run's model.safetensors is taken by the names of its tensors, any other file when it holds one tensor of d numbers.`,
  },
  seed: {
    group: 'How to train',
    meaning: 'What everything random is drawn from',
    value: 'any text',
    example: '--seed 1',
    text: `Runs with the same configuration and seed end at the same x, bit for bit.`,
  },
  wire: {
    group: 'How to train',
    rare: true,
    example: '--wire f64',
    text: `Also of a value that a compressor sends as it is.`,
  },
  precision: {
    group: 'How to train',
    rare: true,
    example: '--precision f32',
    text: `Messages are as long as in f64 with \`--wire f32\`. It is another run than in f64, with an x of its own, the same for any threads and transport. The wire is f32 then, and rounds
nothing. What stays f64, and what it costs: [decision 28](decisions/0028-f32-is-how-state-is-stored.md).`,
  },
  dense: {
    group: 'How to train',
    rare: true,
    example: '--dense packed',
    text: `\`plain\` takes 4 bytes a coordinate, 8 with \`--wire f64\`; \`packed\` has entropy-coded exponents.`,
  },
  coins: {
    group: 'How to train',
    rare: true,
    example: '--coins even',
    text: `With \`even\` each round is still dense with probability p, but dense rounds are evenly spread over the run:
[decision 10](decisions/0010-systematic-sampling.md). No effect on methods without dense rounds.`,
  },
  batch: {
    group: 'How to train',
    meaning: 'Stochastic gradients: B, the number of samples that every gradient of a round is taken on',
    otherwise: 'all samples: exact gradients',
    example: '--batch 64',
    text: `Each worker draws them anew in each round, without replacement, from streams of the seed: equal configurations end at equal
x, as ever. A worker that has no more than B takes all; B above what any worker has is refused, and so is a problem without
samples. What it means to each method: [methods.md](methods.md#stochastic-gradients). The theorems are about exact gradients:
\`--explain\` says so.`,
  },
  batchDense: {
    group: 'How to train',
    meaning:
      'With `--batch`: the number of samples of a gradient that is sent whole, for methods that else send differences',
    otherwise: 'all samples',
    example: '--batch 64 --batch-dense 512',
    text: `For \`marina\`, \`pp-marina\`, \`m3\`, the start of \`dasha\`, and \`vr-marina:online=true\`, whose \`large-batch\` it is.`,
  },
  rounds: {
    group: 'When to stop',
    otherwise: '500 when no other rule is given, else no limit',
    example: '--rounds 1000',
  },
  target: {
    group: 'When to stop',
    example: '--target 1e-4',
  },
  targetRelative: {
    group: 'When to stop',
    rare: true,
    example: '--target-relative 0.01',
  },
  targetLoss: {
    group: 'When to stop',
    rare: true,
    example: '--target-loss 36',
  },
  timeLimit: {
    group: 'When to stop',
    placeholder: 'SECONDS',
    example: '--time-limit 60',
    text: `Set-up and evaluation do not count. Waiting for paced links (\`--link\`) does; the clock of modelled links is another one.`,
  },
  maxBytes: {
    group: 'When to stop',
    rare: true,
    example: '--max-bytes 1e9',
    text: `Summed over all workers.`,
  },
  checkpointEvery: {
    group: 'Output',
    placeholder: 'N|Ns',
    value: 'a whole number of rounds, seconds such as `60s`, or `never`',
    example: '--checkpoint-every 100',
    text: `There is always one of round 0, one where the run was interrupted, and one of its end, from which [\`--resume\`](#--resume)
goes on with more rounds. The newest and the one before stay in \`checkpoint/\`; of a run that has ended the last. What they promise:
[reliability.md](reliability.md). With \`never\` there is none at all.`,
  },
  evalEvery: {
    group: 'Output',
    example: '--eval-every 1',
    text: `The start and the last round are always evaluated. Evaluation counts neither in bytes nor on a clock.`,
  },
  output: {
    group: 'Output',
    rare: true,
    meaning: 'Which iterate x̂ of x⁰, x¹, …, x^T the run gives back as its model',
    value: '`last`, `uniform` or `best`',
    example: '--output uniform',
    text: `\`last\`: x^T. \`uniform\`: one of x⁰, …, x^{T−1}, each as likely as the others and whatever ends the run; it is what the
theorems for non-convex functions speak of, and [their bounds](complexity.md). It is drawn from the run's streams: equal
configurations give equal x̂. \`best\`: the one with the least ‖∇f(x)‖² of those that were evaluated, every
[\`--eval-every\`](#--eval-every) rounds; by ‖∇f(x)‖² because that is what the theorems bound, and the training data's, whatever
\`--validation\` says. The model, and \`loss\`, \`gradNormSq\`, \`metrics\`, \`validation\` and \`xHash\` of the summary, are of x̂, and
\`outputRound\` says which one it is. \`rounds\`, counters, seconds and the rows of metrics.jsonl are those of the whole run. It costs
the memory of one vector, and an evaluation at the end.`,
  },
  out: {
    group: 'Output',
    placeholder: 'DIR',
    value: 'a path',
    otherwise: '`runs/<time>-<method>-<problem>`',
    example: '--out runs/first',
    text: `It is made if need be. One that holds a run already is refused, never written over. What lies in it: [run folder](#run-folder).`,
  },
  threads: {
    group: 'System',
    otherwise: 'one per worker up to 32 workers, else `auto`; `auto` with `--link-model`',
    example: '--threads auto',
    text: `There are never more threads than workers. With \`auto\` as many threads as there are cores have workers, and one of them is the
server's own, whose share is smaller. The first rounds are measured, and workers then move to where rounds are shortest: all of
them to the server's thread where rounds take less than a few wake-ups of another. x does not depend on that; \`threads\` in the
summary says how many threads had workers in the end, and the log that they have moved. A worker on the server's thread is
recovered like any other, but \`--round-timeout\` cannot end it while it computes, and what exhausts the memory there ends the
run. With a number the threads have workers and nothing else, as with \`--link\` and \`--link-model\`, where workers are timed.`,
  },
  transport: {
    group: 'System',
    rare: true,
    example: '--transport loopback',
    text: `\`threads\`: the workers are on threads of their own. \`loopback\`: everything is on one thread. \`nats\`: they are in other
processes, on this machine or others, which \`flotilla worker\` starts: [multi-machine.md](multi-machine.md).`,
  },
  nats: {
    group: 'System',
    rare: true,
    placeholder: 'URL',
    example: '--transport nats --nats nats://127.0.0.1:4222 --run mine',
    text: `A broker that is not on this machine must be \`tls://\`, and needs \`--nats-nkey\` or \`--nats-token\`.`,
  },
  run: {
    group: 'System',
    rare: true,
    placeholder: 'ID',
    example: '--transport nats --nats nats://127.0.0.1:4222 --run mine',
    text: `1 to 64 letters, digits, \`-\` and \`_\`. Hosts join the run under this name.`,
  },
  natsNkey: {
    group: 'System',
    rare: true,
    placeholder: 'FILE',
    example: '--transport nats --nats tls://broker.example:4222 --run mine --nats-nkey server.nk',
  },
  natsToken: {
    group: 'System',
    rare: true,
    placeholder: 'FILE',
    example: '--transport nats --nats tls://broker.example:4222 --run mine --nats-token token',
  },
  natsCa: {
    group: 'System',
    rare: true,
    placeholder: 'FILE',
    example: '--transport nats --nats tls://broker.example:4222 --run mine --nats-ca ca.pem',
  },
  minWorkers: {
    group: 'System',
    rare: true,
    placeholder: 'M',
    example:
      '--transport nats --nats nats://127.0.0.1:4222 --run mine --method pp-marina:downlink=participants --min-workers 8',
    text: `The rounds of \`pp-marina\` with \`downlink=participants\` go on without workers that are away, and hosts may come and go: f is the mean over
those that are there. The step size must be a number. Every other method has all its workers in every round, and waits for them as
[\`--on-straggler\`](#--on-straggler) says: [multi-machine.md](multi-machine.md#hosts-that-come-and-go).`,
  },
  sendData: {
    group: 'System',
    rare: true,
    example: '--transport nats --nats nats://127.0.0.1:4222 --run mine --data table.csv --send-data',
    text: `Hosts of data from the catalogue need none. Who may join the run may have the data then: [multi-machine.md](multi-machine.md#data).`,
  },
  checksum: {
    group: 'System',
    rare: true,
    example: '--checksum on',
    text: `The bytes are counted as frame bytes; results stay what they are, bit for bit. \`threads\` and \`loopback\` keep frames in
memory, so \`auto\` is off for both, and on for \`nats\`. What a checksum finds, and what is found without one: [wire-format.md](wire-format.md#checksum).`,
  },
  link: {
    group: 'System',
    placeholder: 'LINK',
    meaning: "Each worker's link, really paced: frames wait for it",
    value: '`up=RATE,down=RATE,latency=TIME,duplex=full|half`; every key may be left out',
    otherwise: 'no links: frames go as fast as memory',
    example: '--link up=10mbit,down=50mbit,latency=20ms',
    text: `Rates and times may be ranges and lists over the workers: [links.md](links.md#grammar).`,
  },
  linkModel: {
    group: 'System',
    rare: true,
    placeholder: 'LINK',
    meaning: "Each worker's link in virtual time: a second clock beside the real one, without waiting",
    value: 'as for `--link`, and `compute=TIME`, `server=TIME`',
    example: '--link-model up=1mbit,down=1mbit,compute=5ms',
    text: `How the times come about: [links.md](links.md#modelled-links).`,
  },
  maxRestarts: {
    group: 'System',
    rare: true,
    placeholder: 'N',
    example: '--max-restarts 0',
    text: `All workers are started again, take the state of the last checkpoint (in memory, where there is no run folder), and the
rounds since then are run again: the result is the same, bit for bit. What fails twice in the same way is not tried a third time.`,
  },
  grace: {
    group: 'System',
    rare: true,
    placeholder: 'SECONDS',
    example: '--grace 60',
    text: `After Ctrl-C or SIGTERM the run ends with its round, and leaves a checkpoint of it. A round, an evaluation or a worker's state
that takes longer is given up, be it only slow or a loop that never ends; checkpoint and model are then those of before. Ctrl-C once more gives
it up at once, with a summary and a report of the last evaluated round. Give more where rounds are long.`,
  },
  roundTimeout: {
    group: 'System',
    rare: true,
    placeholder: 'SECONDS',
    meaning:
      'How long the server waits for one answer of a worker: in a round, for a state, and while its shard is set up',
    example: '--round-timeout 60',
    text: `\`--worker-timeout\` is its other name. Only time that was really waited counts: not what a process was stopped for (SIGSTOP,
a laptop's sleep), nor a clock that is set. What then, says [\`--on-straggler\`](#--on-straggler).`,
  },
  onStraggler: {
    group: 'System',
    rare: true,
    meaning: 'What happens when a worker has not answered within [`--round-timeout`](#--round-timeout)',
    example: '--on-straggler wait',
    text: `\`wait\` goes on waiting and says so, as often again as that time has passed. \`restart\` takes the worker for lost: all are
started again, at most [\`--max-restarts\`](#--max-restarts) times. \`fail\` ends the run. In set-up \`restart\` ends it too. Whoever was late
is under \`late\` in rows and summary.`,
  },
  divergedFactor: {
    group: 'When to stop',
    rare: true,
    placeholder: 'N',
    example: '--diverged-factor 1e6',
    text: `Checked in evaluated rounds. The run fails, as it does with a NaN or an infinity, and the model that it leaves is the one of the
last evaluated round that was within the bound. With 0 only what is no number any more ends a run: [reliability.md](reliability.md#numbers).`,
  },
};

/** What is no option of one run; all under `Output`. */
export const settingNotes: Readonly<Record<SettingName, Omit<OptionNote, 'group' | 'otherwise'>>> = {
  dashboard: {
    meaning:
      'Watch the run in a browser while it trains, stop it there and have it take checkpoints: [live-page.md](live-page.md)',
    value: 'the port of the page, 1 to 65535; left out: any that is free',
    example: '--dashboard',
    text: `A line on stderr has the address, with a token without which nobody gets an answer; the page is on 127.0.0.1 only. The command
ends when the run does. If the page is open in a browser then, it waits until that is closed, or for Ctrl-C; a run that fails or is stopped does not wait.
\`flotilla dashboard DIR…\` shows runs that have ended.`,
  },
  seeds: {
    meaning: 'Make one run for each of several seeds, one after the other',
    value: 'seeds joined by commas, and ranges of them: `1,2,7`, `0..4`',
    example: '--seeds 0..4',
    text: `Each run has its folder, \`seed-<s>\`, in that of \`--out\`. There also lie a \`report.html\`, with the mean of the seeds
and a band around it, and a \`summary.json\`, which is what \`--json\` prints: \`{ "runs": […], "mean": {…}, "std": {…} }\`, the
summaries of all seeds, and mean and standard deviation (n − 1; null for one seed) of each number in them. A seed that diverges
leaves the others their turn; it is listed under \`failed\`, and the exit code is 1.`,
  },
  config: {
    meaning: "Take the options of a run's `config.json`; an option on the command line wins",
    value: 'the path of a `config.json`, or of the run folder that has it',
    example: '--config runs/first/config.json',
    text: `A run that is repeated so ends at the same x, bit for bit. \`out\` is not taken over. With another \`--method\`, compressors
that were the former method's own are left to the new one, and so it is with \`--problem\` and \`--data\` and the starting point and
split of theirs. Paths in it are looked up from the current folder, as they were. A configuration that names code
needs [\`--trust\`](#--trust).`,
  },
  resume: {
    meaning:
      'Go on with the run in a folder from its newest checkpoint that is whole, bit for bit as if it had never stopped',
    value: 'the path of a run folder, or of a seed of `--seeds`',
    example: '--resume runs/first --rounds 1000',
    text: `The options are those of the run. Rules to stop, \`--threads\`, \`--transport\`, \`--link\`, \`--eval-every\`,
\`--round-timeout\`, \`--on-straggler\`, \`--diverged-factor\`, \`--grace\`, \`--max-restarts\` and \`--checkpoint-every\` may be given
anew; any other is refused unless it is what it was. Rows are appended, and
those from after the checkpoint are cut first. Of a run that has ended the summary is printed again, unless a rule to stop is given anew.
A folder without a checkpoint that can be used begins again at round 0 and says so. Other code than at the checkpoint (the version of
Flotilla, the modules that the run names) and other data are refused unless [\`--force\`](#--force) is given; a folder that names
modules needs [\`--trust\`](#--trust).`,
  },
};

/** Flags: all under `Output`. */
export const flagNotes: Readonly<Record<FlagName, Partial<Pick<OptionNote, 'meaning' | 'example' | 'text'>>>> = {
  json: { text: `Its keys: [summary](#summary). Progress still goes to stderr, unless \`--quiet\` is given.` },
  explain: {
    example: '--method marina --explain',
    meaning:
      'Print the constants found, the formulas with their theorems, the values they give, and the expected bytes of a round, instead of running',
    text: `With \`--json\` they are one object. With \`--target\` or \`--target-relative\` it also has the theorem's bound on rounds and bytes until
then, called \`bound\`, or says why there is none: [complexity.md](complexity.md). Where theory has no step size, as where it does not
cover the run or the problem has no smoothness constant, the rest is printed and why; the run itself would be refused.`,
  },
  measure: {
    example: '--method marina-p --explain --measure',
    meaning:
      'With `--explain`: measure L_f, L_rms, L_max, L_A, L_B and L_± along 50 steps of gradient descent from x⁰, and give the step size that theory would have with them',
    text: `They are the curvature met there, estimated from below, and no bounds: [methods.md](constants.md#measured). It takes
some thousand gradients of every worker.`,
  },
  quiet: {},
  trust: {
    meaning:
      'Let a configuration or a resumed folder name modules, commands, or anything else that is not built in: what it names runs',
    example: '--config runs/first/config.json --trust',
    text: `Without it such a [\`--config\`](#--config) or [\`--resume\`](#--resume) is refused, and the line that says so names them. What is written on the command
line itself needs no trust.`,
  },
  force: {
    meaning: 'With `--resume`: go on also with other code or data than the run began with',
    example: '--resume runs/first --force',
    text: `The rounds to come are then those of the new code or data: the run is no longer the one that was never stopped.`,
  },
  help: { meaning: 'List the usual options with their defaults' },
  all: { meaning: 'With `--help`: list every option', example: '--help --all' },
  version: {},
};

import { shellWord } from '../terminal/shell-word.js';
import type { Job } from './job.js';

/** A job for Slurm: a server and hosts of a run. */
export interface SlurmJob {
  readonly job: Job;
  /** The folder of the run, which every start of the job finds. */
  readonly out: string;
  /** Where its relative paths begin. */
  readonly folder: string;
  /** The command line that is called `flotilla`, on every node. */
  readonly program: readonly string[];
  readonly hosts: number;
  readonly nodes: number;
  /** Cores of a host. */
  readonly cpus: number;
  /** Further options of sbatch, one a line. */
  readonly sbatch: readonly string[];
  /** Options that both commands connect with; undefined for a broker of the job's own. */
  readonly broker: readonly string[] | undefined;
  /** What the run is called on the broker; undefined for a name of each start's own. */
  readonly run: string | undefined;
}

/** What a script of ours begins with. */
export const SCRIPT_MARK = '#!/bin/bash\n# flotilla: ';

/** How long before the end of its time a job is told to leave a checkpoint. */
const NOTICE_SECONDS = 120;

/**
 * The script for sbatch. The server runs in the batch step, on the job's first node, and the hosts as one step, each with the share
 * of its rank. When a host is killed they start again and the server goes on from its checkpoint; so it does when it is killed
 * itself, and when Slurm requeues the job: what is in the run folder decides.
 */
export function slurmScript({ job, out, folder, program, hosts, nodes, cpus, sbatch, broker, run }: SlurmJob): string {
  const list = (words: readonly string[]) => `(${words.map(shellWord).join(' ')})`;
  const directives = [
    ...['--job-name=flotilla', `--nodes=${nodes}`, `--ntasks=${hosts}`, `--cpus-per-task=${cpus}`],
    ...['--requeue', '--open-mode=append', `--signal=B:USR1@${NOTICE_SECONDS}`, ...sbatch],
  ];
  return `${SCRIPT_MARK}the server of a run and ${hosts} ${hosts === 1 ? 'host' : 'hosts'} of its workers, as one job for sbatch
${directives.map((line) => `#SBATCH ${line}\n`).join('')}
cd -- ${shellWord(folder)} || exit 1
program=${list(program)}
out=${shellWord(out)}
begin=${list(job.begin)}
go_on=${list(job.goOn)}
own=${list(job.host)}
# another name in each start: what is left of an earlier one does not get in the way
run=${run === undefined ? `"job-$SLURM_JOB_ID-\${SLURM_RESTART_COUNT:-0}"` : shellWord(run)}
${broker === undefined ? OWN_BROKER : `broker=${list(broker)}\n`}
server='' ending='' refused=''
# Slurm says that the job's time is up, or that it is cancelled: the server leaves a checkpoint
trap 'ending=yes; kill -TERM "$server" 2>/dev/null' USR1 TERM
# the hosts say that they cannot take part
trap 'refused=yes; kill -TERM "$server" 2>/dev/null' USR2

serve() {
  local words=("--out=$out" "\${begin[@]}")
  if [ -e "$out/config.json" ]; then words=("--resume=$out" "\${go_on[@]}"); fi
  exec "\${program[@]}" start "\${words[@]}" --transport=nats --run="$run" "\${broker[@]}"
}

# one that is killed ends the others, and all start again; each has the share that its rank says. What fails soon five times
# in a row is not tried again
host() {
  local step='' code begun failures=0
  trap 'kill -TERM "$step" 2>/dev/null; wait "$step"; exit 1' TERM
  while [ "$failures" -lt 5 ]; do
    begun=$SECONDS
    srun --ntasks=${hosts} --cpus-per-task=${cpus} --kill-on-bad-exit=1 \\
      "\${program[@]}" worker --threads=${cpus} --run="$run" "\${broker[@]}" "\${own[@]}" &
    step=$!
    wait "$step"
    code=$?
    [ "$code" = 0 ] && exit 0
    [ "$code" = 2 ] && break
    if [ $((SECONDS - begun)) -lt 60 ]; then failures=$((failures + 1)); else failures=0; fi
    echo "flotilla: the hosts ended with code $code; they may be started again" >&2
    sleep 1
  done
  kill -USR2 $$
  exit "$code"
}

host &
hosts=$!
for start in 1 2 3 4; do
  serve &
  server=$!
  # a trap ends the wait, not the server
  while wait "$server"; code=$?; [ "$code" -gt 128 ] && kill -0 "$server" 2>/dev/null; do :; done
  # 137: it was killed, and goes on from its checkpoint
  [ "$code" = 137 ] && [ -z "$ending$refused" ] || break
  echo 'flotilla: the server was killed; it is started again' >&2
done

if [ "$code" = 0 ]; then
  # hosts end when the run does
  for half in {1..20}; do kill -0 "$hosts" 2>/dev/null || break; sleep 0.5; done
fi
kill -TERM "$hosts" 2>/dev/null
wait "$hosts"
their=$?
[ -n "$refused" ] && exit "$their"
exit "$code"
`;
}

/** nats-server beside the run's server: on loopback, with a token in a file that nobody else can read. */
const OWN_BROKER = `
private=$(mktemp -d) || exit 1
nats=''
trap 'kill "$nats" 2>/dev/null; rm -rf -- "$private"' EXIT
(
  umask 077
  od -An -N24 -tx1 /dev/urandom | tr -d ' \\n' >"$private/token"
  printf 'listen: "127.0.0.1:-1"\\nports_file_dir: "%s"\\nauthorization { token: "%s" }\\n' \\
    "$private" "$(cat "$private/token")" >"$private/nats.conf"
)
nats-server -c "$private/nats.conf" >"$private/log" 2>&1 &
nats=$!
url=''
for tenth in {1..100}; do
  url=$(sed -n 's/.*"\\(nats:[^"]*\\)".*/\\1/p' "$private"/*.ports 2>/dev/null) && [ -n "$url" ] && break
  kill -0 "$nats" 2>/dev/null || break
  sleep 0.1
done
if [ -z "$url" ]; then
  echo 'flotilla: nats-server does not come up:' >&2
  cat "$private/log" >&2
  exit 1
fi
broker=(--nats="$url" --nats-token="$private/token")
`;

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { train } from '@flotilla/server';
import { afterAll, beforeAll, describe } from 'vitest';
import { main } from './command-line.js';

const NEEDED = [
  'munged',
  'slurmctld',
  'slurmd',
  'sbatch',
  'srun',
  'nats-server',
  'openssl',
  'unshare',
  'nsenter',
  'ip',
];

const SPACES = ['--net', '--pid', '--mount', '--uts', '--mount-proc', '--fork', '--kill-child'];
const wanting = [
  ...NEEDED.filter((name) => spawnSync('sh', ['-c', 'command -v "$0"', name]).status !== 0),
  ...(process.getuid?.() === 0 ? [] : ['root']),
];
/** What is missing for a cluster of our own; said once, where it is anything. */
const missing = (
  wanting.length > 0 || spawnSync('unshare', [...SPACES, 'true']).status === 0 ? wanting : ['leave to make namespaces']
).join(', ');
if (missing !== '') {
  console.warn(
    `tests with Slurm are skipped, for want of ${missing}: as root, apt-get install -y --no-install-recommends slurm-wlm slurmd slurmctld munge nats-server openssl util-linux iproute2`,
  );
}

const PROBLEM = 'heterogeneous-quadratic:d=300';
const SEED = "of a job's";
const PACE = ['--rounds', '1000', '--eval-every', '100', '--checkpoint-every', '50'];
const JOB = ['--problem', PROBLEM, '--workers', '8', '--seed', SEED, ...PACE];

/** What the tests of a file share. */
interface Jobs {
  cluster: SlurmCluster;
  /** Of the x that every job has to come to: that of one process. */
  xHash: string;
}

/** Tests of jobs on a cluster of their own, where there can be one. */
export function describeJobs(title: string, tests: (jobs: Readonly<Jobs>) => void): void {
  describe.skipIf(missing !== '')(title, () => {
    const jobs = {} as Jobs;
    beforeAll(async () => {
      jobs.cluster = await SlurmCluster.start();
      const options = { problem: PROBLEM, workers: 8, seed: SEED, rounds: 1000, evalEvery: 100 };
      jobs.xHash = (await train({ ...options, transport: 'loopback' }).result).xHash;
    }, 120_000);
    afterAll(async () => jobs.cluster?.close());
    tests(jobs);
  });
}

/** The address of the broker: not of the loopback network, so that it needs TLS and credentials. */
const ADDRESS = '10.77.0.1';
const NODES = 4;

/**
 * munged, slurmctld, four slurmd and nats-server, in namespaces of their own: slurmctld listens everywhere, and when the first
 * process of the namespace goes, all of them go.
 */
class SlurmCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-slurm-'));
  readonly #process: ChildProcess;
  #enter: readonly string[] = [];

  private constructor() {
    const { folder } = this;
    const at = (name: string) => join(folder, name);
    mkdirSync(at('state'));
    writeFileSync(at('token'), 'of a test\n', { mode: 0o600 });
    writeFileSync(at('munge.key'), 'a key of thirty-two bytes at least, for a test', { mode: 0o600 });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key.pem')];
    const name = ['-subj', '/CN=flotilla', '-addext', `subjectAltName=IP:${ADDRESS}`, '-days', '2'];
    spawnSync('openssl', ['req', '-x509', ...key, ...name, '-out', at('ca.pem')]);
    writeFileSync(
      at('nats.conf'),
      `listen: "${ADDRESS}:4222"\ntls { cert_file: "${at('ca.pem')}", key_file: "${at('key.pem')}" }\nauthorization { token: "of a test" }\n`,
    );
    writeFileSync(
      at('slurm.conf'),
      `ClusterName=flotilla
SlurmctldHost=flotilla(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${at('munge.socket')}
StateSaveLocation=${at('state')}
SlurmdSpoolDir=${at('spool-%n')}
SlurmctldPidFile=${at('slurmctld.pid')}
SlurmdPidFile=${at('%n.pid')}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=1
JobRequeue=1
KillWait=5
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName=n[1-${NODES}] NodeHostname=flotilla NodeAddr=127.0.0.1 Port=[17001-1700${NODES}] CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`,
    );
    writeFileSync(
      at('up.sh'),
      `set -e
hostname flotilla
ip link set lo up
ip address add ${ADDRESS}/32 dev lo
munged --force --foreground --key-file=munge.key --socket=$PWD/munge.socket --pid-file=$PWD/munge.pid \\
  --log-file=$PWD/munge.log --seed-file=$PWD/munge.seed >munged.out 2>&1 &
nats-server -c nats.conf >nats.log 2>&1 &
until [ -S munge.socket ]; do sleep 0.05; done
slurmctld -D >slurmctld.log 2>&1 &
for k in $(seq ${NODES}); do slurmd -D -N n$k >n$k.log 2>&1 & done
# until whoever has started this is gone
cat >/dev/null
`,
    );
    const env = { ...process.env, SLURM_CONF: at('slurm.conf') };
    this.#process = spawn('unshare', [...SPACES, 'bash', 'up.sh'], {
      cwd: folder,
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  static async start(): Promise<SlurmCluster> {
    const cluster = new SlurmCluster();
    const pid = cluster.#process.pid as number;
    for (let k = 0; k < 400; k++) {
      const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
      cluster.#enter = ['-t', first as string, '-n', '-u'];
      if (first !== '' && cluster.try('sinfo', ['-h', '-t', 'idle', '-o', '%D']).stdout.trim() === String(NODES)) {
        return cluster;
      }
      await setTimeout(100);
    }
    const logs = readdirSync(cluster.folder).filter((name) => name.endsWith('.log'));
    const said = logs.map((name) => `${name}: ${readFileSync(join(cluster.folder, name), 'utf8').slice(-500)}`);
    await cluster.close();
    throw new Error(`Slurm does not come up:\n${said.join('\n')}`);
  }

  /** Options that both commands connect with. */
  get broker(): string[] {
    return ['--nats', `tls://${ADDRESS}:4222`, '--nats-token', 'token', '--nats-ca', 'ca.pem'];
  }

  try(command: string, words: readonly string[]) {
    const env = { ...process.env, npm_lifecycle_event: '', SLURM_CONF: join(this.folder, 'slurm.conf') };
    const found = spawnSync('nsenter', [...this.#enter, command, ...words], {
      cwd: this.folder,
      env,
      encoding: 'utf8',
    });
    return { status: found.status, stdout: found.stdout ?? '', stderr: found.stderr ?? '' };
  }

  run(command: string, words: readonly string[]): string {
    const { status, stdout, stderr } = this.try(command, words);
    if (status === 0) return stdout;
    throw new Error(`${command} ${words.join(' ')}: ${status} ${stderr}`);
  }

  /** Writes and sends the job of these tests. @returns its number */
  submit(out: string, more: readonly string[] = [...this.broker, '--nodes', '4', '--hosts', '4']): string {
    const words = [...JOB, '--out', out, ...more];
    const said = this.run(process.execPath, [main, 'submit', '--slurm', '--submit', ...words]);
    return /^Submitted batch job (\d+)\n$/.exec(said)?.[1] as string;
  }

  /** What scontrol says of a job. */
  job(id: string): Record<string, string> {
    const pairs = this.run('scontrol', ['show', 'job', id]).matchAll(/(\w+)=(\S*)/g);
    return Object.fromEntries([...pairs].map(([, name, value]) => [name, value]));
  }

  /** When a job has ended, or is in the state that is named. */
  async until(id: string, state?: string): Promise<Record<string, string>> {
    for (;;) {
      const job = this.job(id);
      if (
        state === undefined ? /^(COMPLETED|FAILED|CANCELLED|TIMEOUT)$/.test(`${job.JobState}`) : job.JobState === state
      ) {
        return job;
      }
      await setTimeout(200);
    }
  }

  /** When the rows of a run have come to a round. */
  async untilRound(out: string, round: number): Promise<void> {
    for (;;) {
      if (this.rows(out).some((row) => row.round >= round)) return;
      await setTimeout(50);
    }
  }

  rows(out: string): { round: number }[] {
    try {
      const lines = readFileSync(join(this.folder, out, 'metrics.jsonl'), 'utf8')
        .split('\n')
        .slice(0, -1);
      return lines.map((line) => JSON.parse(line) as { round: number });
    } catch {
      return [];
    }
  }

  summary(out: string) {
    return JSON.parse(readFileSync(join(this.folder, out, 'summary.json'), 'utf8'));
  }

  log(id: string): string {
    return readFileSync(join(this.folder, `slurm-${id}.out`), 'utf8');
  }

  /** Kills the process of a job whose command line has that word, of the task with that rank where one is given. */
  kill(id: string, word: 'start' | 'worker', rank?: number): void {
    const [pid] = this.processes(id, word, rank);
    if (pid === undefined) throw new Error(`job ${id} has no process ${word} ${rank ?? ''}:\n${this.log(id)}`);
    process.kill(pid, 'SIGKILL');
  }

  /**
   * When nothing of a job is left: a node that is called down still ends what ran there, and Slurm takes the end of an old step for that
   * of the new one, whose number is the same. That is why it waits two minutes before it starts such a job again.
   */
  async untilGone(id: string): Promise<void> {
    const title = `slurmstepd: [${id}.`;
    const steps = () => everyProcess().filter(({ words }) => words[0]?.startsWith(title));
    while (this.processes(id, 'start').length + this.processes(id, 'worker').length + steps().length > 0)
      await setTimeout(100);
  }

  private processes(id: string, word: 'start' | 'worker', rank?: number): number[] {
    return everyProcess()
      .filter(({ words }) => words[1] === main && words[2] === word)
      .filter(({ variables }) => variables.includes(`SLURM_JOB_ID=${id}`))
      .filter(({ variables }) => variables.includes(`SLURM_CONF=${join(this.folder, 'slurm.conf')}`))
      .filter(({ variables }) => rank === undefined || variables.includes(`SLURM_PROCID=${rank}`))
      .map(({ pid }) => pid);
  }

  async close(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
    // its processes have gone with it, but for those that the kernel is still busy with
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}

/** The command lines and environments of this machine's processes. */
function everyProcess(): { pid: number; words: string[]; variables: string[] }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const of = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
        return [{ pid: Number(pid), words: of('cmdline'), variables: of('environ') }];
      } catch {
        // it has gone meanwhile
        return [];
      }
    });
}

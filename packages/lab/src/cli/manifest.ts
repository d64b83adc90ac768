import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import { readJob } from '../schedulers/job.js';
import { brokerValues, type Cluster, CREDENTIAL, manifests } from '../schedulers/kubernetes.js';
import { countOption, type Declared } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { printResult } from '../terminal/streams.js';

const OPTIONS = {
  image: { type: 'string', placeholder: 'IMAGE', description: 'the image, made of the Containerfile; needed' },
  'per-pod': { type: 'string', placeholder: 'K', description: 'workers of a pod of hosts (default: 10)' },
  name: { type: 'string', placeholder: 'NAME', description: 'what everything is called (default: flotilla)' },
  namespace: { type: 'string', placeholder: 'NAME', description: 'of the objects; default that of kubectl' },
  cpus: { type: 'string', placeholder: 'C', description: 'cores of a pod of hosts, and its threads (default: 1)' },
  memory: { type: 'string', placeholder: 'SIZE', description: 'of a pod of hosts (default: 1Gi)' },
  'server-cpus': { type: 'string', placeholder: 'C', description: 'cores of the server (default: 2)' },
  'server-memory': { type: 'string', placeholder: 'SIZE', description: 'of the server (default: 2Gi)' },
  storage: { type: 'string', placeholder: 'SIZE', description: "of the run folder's volume (default: 10Gi)" },
  'storage-class': { type: 'string', placeholder: 'NAME', description: "of the volume; default the cluster's" },
  auth: {
    type: 'string',
    placeholder: 'nkey|token',
    description:
      'how pods are let in by the broker: an NKey each, which may use the subjects of its own workers alone, or one token for all (default: nkey)',
  },
  'nats-values': { type: 'boolean', description: "print the values of NATS's Helm chart, for the broker, instead" },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const manifestHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} --image host/flotilla:1 --workers 100 --per-pod 10`, 'for kubectl apply -f -'],
          [`${program} --image host/flotilla:1 --workers 100 --nats-values`, 'for helm'],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'Prints manifests for Kubernetes: a Job for the server with a volume, an indexed Job for its hosts. All other options are those of start, paths as they are in the image.',
  );

/** `flotilla manifest`. */
export async function manifest(argv: readonly string[]): Promise<void> {
  const { own, connection, out, job } = readJob(argv, OPTIONS);
  if (own.help === true) {
    process.stdout.write(manifestHelp(programName('manifest')));
    return;
  }
  if (out !== undefined) throw new UsageError('--out has no meaning here: the run folder is on the volume');
  const { nats, run, ...files } = connection;
  const [file] = Object.keys(files);
  if (file !== undefined) throw new UsageError(`--${file} has no meaning here: pods have it from a Secret`);
  if (own.image === undefined || !/^[\w.:/@-]+$/.test(own.image)) {
    throw new UsageError(
      own.image === undefined
        ? 'manifest needs --image, which is made of the Containerfile: docs/slurm-and-kubernetes.md'
        : `--image must be the name of an image, not ${printed(own.image)}`,
    );
  }
  const name = own.name === undefined ? 'flotilla' : label('name', own.name, 40);
  const auth = own.auth ?? 'nkey';
  if (auth !== 'nkey' && auth !== 'token') throw new UsageError(`--auth must be nkey or token, not ${printed(auth)}`);
  const plain = nats?.split(',').find((one) => !one.startsWith('tls://'));
  if (plain !== undefined) throw new UsageError(`--nats ${printed(plain)} must be tls://: pods reach it by a network`);
  const checked = job({ ...connection, 'nats-token': CREDENTIAL });
  const cluster: Cluster = {
    job: checked,
    name,
    namespace: own.namespace === undefined ? undefined : label('namespace', own.namespace, 63),
    image: own.image,
    hosts: Math.ceil(checked.options.workers / (countOption('per-pod', own['per-pod']) ?? 10)),
    host: { cpus: countOption('cpus', own.cpus) ?? 1, memory: size('memory', own.memory ?? '1Gi') },
    server: {
      cpus: countOption('server-cpus', own['server-cpus']) ?? 2,
      memory: size('server-memory', own['server-memory'] ?? '2Gi'),
    },
    storage: size('storage', own.storage ?? '10Gi'),
    storageClass: own['storage-class'] === undefined ? undefined : label('storage-class', own['storage-class'], 253),
    auth,
    nats,
    run: run ?? name,
  };
  if (own['nats-values'] === true && nats !== undefined) {
    throw new UsageError('--nats-values are for a broker of its own, and --nats names another one');
  }
  printResult(own['nats-values'] === true ? brokerValues(cluster) : manifests(cluster));
}

/** @throws UsageError */
function label(option: string, text: string, longest: number): string {
  if (text.length <= longest && /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(text)) return text;
  throw new UsageError(
    `--${option} must be at most ${longest} small letters, digits and dashes, a letter first, not ${printed(text)}`,
  );
}

/** @throws UsageError */
function size(option: string, text: string): string {
  if (/^[1-9]\d{0,8}[KMGT]i$/.test(text)) return text;
  throw new UsageError(`--${option} must be a whole number of Ki, Mi, Gi or Ti, such as 2Gi, not ${printed(text)}`);
}

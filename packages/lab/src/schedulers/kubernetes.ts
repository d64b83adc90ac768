import { shareOf, subjectsOf } from '@flotilla/protocol';
import { shellWord } from '../terminal/shell-word.js';
import type { Job } from './job.js';
import { type Plain, yaml } from './yaml.js';

/** A training for Kubernetes. */
export interface Cluster {
  readonly job: Job;
  /** What everything is called, with something behind it. */
  readonly name: string;
  readonly namespace: string | undefined;
  readonly image: string;
  /** Pods that share the workers. */
  readonly hosts: number;
  /** Cores, and memory as Kubernetes writes it. */
  readonly host: Resources;
  readonly server: Resources;
  /** The volume of the run folder. */
  readonly storage: string;
  readonly storageClass: string | undefined;
  readonly auth: 'nkey' | 'token';
  /** The broker; the one that {@link brokerValues} are for, when left out. */
  readonly nats: string | undefined;
  /** What the run is called there. */
  readonly run: string;
}

interface Resources {
  readonly cpus: number;
  readonly memory: string;
}

type Fields = { readonly [key: string]: Plain | undefined };

const RUNS = '/runs';
const OUT = `${RUNS}/run`;
/** The file in a pod that lets it in. */
export const CREDENTIAL = '/etc/flotilla/credential';
const CA = '/etc/flotilla/ca';
const NOT_ROOT = { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
/** How often a pod that failed is followed by another one; one that was evicted does not count. */
const RETRIES = 6;
/** What `flotilla` ends with where it was told nonsense, or is not taken: another try would end the same. */
const USAGE = 2;

/** Manifests for `kubectl apply -f -`: the volume, the server's Job and the hosts' Job. */
export function manifests(cluster: Cluster): string {
  const { name, auth, nats } = cluster;
  const secrets = [
    auth === 'token' ? `${name}-token: token` : `${name}-nkeys: server, host-0, host-1, …, the seeds of NKeys`,
    `${name}-ca: ca.crt, which the broker's certificate is signed by`,
  ];
  const broker = [
    `a broker as ${name}-nats: helm upgrade --install ${name}-nats nats/nats -f VALUES, from manifest --nats-values`,
  ];
  const needs = [...(nats === undefined ? broker : []), ...secrets.map((secret) => `Secret ${secret}`)];
  const head = ['A run of flotilla. Needed in the same namespace:', ...needs.map((line) => `- ${line}`)];
  return `${head.map((line) => `# ${line}\n`).join('')}${documents(cluster)
    .map((document) => `---\n${yaml(document)}`)
    .join('')}`;
}

/** What {@link manifests} are made of. */
function documents(cluster: Cluster): readonly Fields[] {
  const { name, storage, storageClass, hosts, job } = cluster;
  const { begin, goOn, host } = job;
  const start = (words: readonly string[]) =>
    ['flotilla', 'start', ...words, '--transport=nats', ...connection(cluster)].map(shellWord).join(' ');
  // the folder decides: a pod that comes in the place of another one goes on
  const serve = `if [ -e ${OUT}/config.json ]; then exec ${start([`--resume=${OUT}`, ...goOn])}; else exec ${start([`--out=${OUT}`, ...begin])}; fi`;
  const join = ['flotilla', 'worker', `--threads=${cluster.host.cpus}`, ...host, ...connection(cluster)];
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: metadata(cluster, 'runs'),
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: storageClass,
        resources: { requests: { storage } },
      },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadata(cluster, 'server'),
      spec: {
        backoffLimit: RETRIES,
        // two servers in one folder would be one too many
        podReplacementPolicy: 'Failed',
        podFailurePolicy: failurePolicy('server'),
        template: pod(cluster, 'server', {
          command: ['/bin/sh', '-c', serve],
          resources: cluster.server,
          mounts: [{ name: 'runs', mountPath: RUNS }],
          volumes: [{ name: 'runs', persistentVolumeClaim: { claimName: `${name}-runs` } }],
          // every byte goes by way of the broker
          affinity: nearBroker(cluster),
        }),
      },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadata(cluster, 'hosts'),
      spec: {
        completionMode: 'Indexed',
        completions: hosts,
        parallelism: hosts,
        backoffLimitPerIndex: RETRIES,
        podReplacementPolicy: 'Failed',
        podFailurePolicy: failurePolicy('hosts'),
        template: pod(cluster, 'hosts', {
          command: join,
          resources: cluster.host,
          // with the index that the Job gives each pod: the share of its workers
          env: [{ name: 'FLOTILLA_HOSTS', value: String(hosts) }],
        }),
      },
    },
  ];
}

function metadata({ name, namespace }: Cluster, part: string): Fields {
  return { name: `${name}-${part}`, namespace, labels: labels(name, part) };
}

const labels = (name: string, part: string): Fields => ({
  'app.kubernetes.io/name': 'flotilla',
  'app.kubernetes.io/instance': name,
  'app.kubernetes.io/component': part,
});

function connection({ name, auth, nats, run }: Cluster): string[] {
  const url = nats ?? `tls://${name}-nats:4222`;
  return [`--run=${run}`, `--nats=${url}`, `--nats-${auth}=${CREDENTIAL}`, `--nats-ca=${CA}/ca.crt`];
}

const failurePolicy = (containerName: string): Fields => ({
  rules: [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'FailJob', onExitCodes: { containerName, operator: 'In', values: [USAGE] } },
  ],
});

interface Container {
  readonly command: readonly string[];
  readonly resources: Resources;
  readonly env?: readonly Fields[];
  readonly mounts?: readonly Fields[];
  readonly volumes?: readonly Fields[];
  readonly affinity?: Fields;
}

/** A pod of one container that may do nothing but compute, talk to the broker and write its volumes. */
function pod(cluster: Cluster, part: 'server' | 'hosts', container: Container): Fields {
  const { name, image, auth } = cluster;
  const { command, resources, env = [], mounts = [], volumes = [], affinity } = container;
  const { cpus: cpu, memory } = resources;
  const ownSeed = part === 'hosts' && auth === 'nkey';
  // a pod sees its own seed alone
  const key: Fields = ownSeed
    ? { subPathExpr: 'host-$(HOST_INDEX)' }
    : { subPath: auth === 'token' ? 'token' : 'server' };
  const index = { fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']" };
  return {
    metadata: { labels: labels(name, part) },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 60,
      securityContext: { ...NOT_ROOT, seccompProfile: { type: 'RuntimeDefault' } },
      affinity,
      containers: [
        {
          name: part,
          image,
          command: command.map(literal),
          env: [
            { name: 'XDG_CACHE_HOME', value: '/cache' },
            ...env,
            ...(ownSeed ? [{ name: 'HOST_INDEX', valueFrom: { fieldRef: index } }] : []),
          ],
          resources: { requests: { cpu, memory }, limits: { memory } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'credential', mountPath: CREDENTIAL, readOnly: true, ...key },
            { name: 'ca', mountPath: CA, readOnly: true },
            { name: 'cache', mountPath: '/cache' },
            { name: 'tmp', mountPath: '/tmp' },
            ...mounts,
          ],
        },
      ],
      volumes: [
        {
          name: 'credential',
          secret: { secretName: `${name}-${auth === 'token' ? 'token' : 'nkeys'}`, defaultMode: 0o440 },
        },
        { name: 'ca', secret: { secretName: `${name}-ca`, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { name: 'cache', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
        ...volumes,
      ],
    },
  };
}

/** A word of a command that Kubernetes leaves as it is: it would put variables in place of `$(NAME)`. */
const literal = (word: string) => word.replaceAll('$', () => '$$');

function nearBroker({ name, nats }: Cluster): Fields | undefined {
  if (nats !== undefined) return undefined;
  const matchLabels = { 'app.kubernetes.io/name': 'nats', 'app.kubernetes.io/instance': `${name}-nats` };
  const podAffinityTerm = { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' };
  return { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] } };
}

/** Values of NATS's official Helm chart (1.0 or later) for the run's broker: TLS, and who may say what. */
export function brokerValues(cluster: Cluster): string {
  const { name } = cluster;
  const resources = { cpu: '2', memory: '1Gi' };
  const head = [
    `helm repo add nats https://nats-io.github.io/k8s/helm/charts/`,
    `helm upgrade --install ${name}-nats nats/nats -f THIS`,
    `Secret ${name}-nats-tls: tls.crt for the name ${name}-nats, and tls.key`,
  ];
  return `${head.map((line) => `# ${line}\n`).join('')}${yaml({
    config: {
      nats: { tls: { enabled: true, secretName: `${name}-nats-tls` } },
      merge: { authorization: authorization(cluster) },
    },
    container: {
      env: brokerVariables(cluster),
      merge: { resources: { requests: resources, limits: resources } },
    },
    podTemplate: {
      merge: {
        spec: { securityContext: NOT_ROOT },
      },
    },
    natsBox: { enabled: false },
  })}`;
}

/** Of nats-server's configuration; the chart leaves `<< … >>` without quotes, as variables are written. */
function authorization({ auth, run, hosts, job }: Cluster): Fields {
  if (auth === 'token') return { token: '<< $TOKEN >>' };
  const { join, offer, all, up, down } = subjectsOf(run);
  const user = (variable: string, publish: readonly string[], subscribe: readonly string[]) => ({
    nkey: `<< $${variable} >>`,
    permissions: { publish, subscribe },
  });
  return {
    users: [
      user('SERVER', [offer, all, down('*')], [join, up('*')]),
      ...Array.from({ length: hosts }, (_, rank) => {
        const { first, end } = shareOf(job.options.workers, rank, hosts);
        const own = Array.from({ length: end - first }, (_, k) => first + k);
        return user(`HOST_${rank}`, [join, ...own.map(up)], [offer, all, ...own.map(down)]);
      }),
    ],
  };
}

/** The variables of {@link authorization}, from the Secret that has public keys beside the seeds. */
function brokerVariables({ name, auth, hosts }: Cluster): Fields {
  const from = (secret: string, key: string) => ({ valueFrom: { secretKeyRef: { name: secret, key } } });
  if (auth === 'token') return { TOKEN: from(`${name}-token`, 'token') };
  const own = Array.from({ length: hosts }, (_, k) => [`HOST_${k}`, from(`${name}-nkeys`, `host-${k}.pub`)]);
  return { SERVER: from(`${name}-nkeys`, 'server.pub'), ...Object.fromEntries(own) };
}

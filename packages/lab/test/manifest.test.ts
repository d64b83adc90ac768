import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinRun, train } from '@flotilla/server';
import { createUser } from '@nats-io/nkeys';
import fc from 'fast-check';
import { Job } from 'kubernetes-models/batch/v1';
import { PersistentVolumeClaim } from 'kubernetes-models/v1';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Plain, yaml } from '../dist/schedulers/yaml.js';
import { commandLine } from './command-line.js';
import { Broker, hasBroker } from './nats-broker.js';

const { folder, flotilla, flotillaWords } = commandLine('manifest');
const IMAGE = ['--image', 'registry.example/flotilla:1'];

// biome-ignore lint/suspicious/noExplicitAny: whatever a document has
type Document = any;

const KINDS: Record<string, new (data: Document) => { validate(): void }> = { Job, PersistentVolumeClaim };

/** What is wrong with a document: by the API's schemas, and fields that these do not know. */
function problemsOf(document: Document): string[] {
  const read = new Set<string>();
  const watched = (value: Document, path: string): Document =>
    typeof value !== 'object' || value === null
      ? value
      : new Proxy(value, {
          get: (target, key) => {
            if (typeof key === 'string') read.add(`${path}/${key}`);
            return watched(Reflect.get(target, key), `${path}/${String(key)}`);
          },
        });
  const found: string[] = [];
  const Kind = KINDS[document.kind];
  if (Kind === undefined) return [`kind ${document.kind} is not known`];
  try {
    Kind.prototype.validate.call(watched(document, ''));
  } catch (error) {
    found.push(String((error as Error).message));
  }
  // a schema looks at each field that it knows, and at each key of a map
  const walk = (value: Document, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (!read.has(`${path}/${key}`)) found.push(`${path}/${key} is not known`);
      else walk(inner, `${path}/${key}`);
    }
  };
  walk(document, '');
  return found;
}

async function documentsOf(words: readonly string[]): Promise<Document[]> {
  const { code, stdout, stderr } = await flotillaWords(['manifest', ...IMAGE, ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

test('documents come out of YAML as they went in', () => {
  const text = fc.oneof(
    fc.stringMatching(/^[ -~é\n\t]{0,9}$/),
    fc.constantFrom('yes', 'No', 'null', '~', '1e3', '0x1', '.inf', '', '- a', 'a: b', 'a #b', '$(X)', '2026-01-01'),
  );
  const { tree } = fc.letrec<{ tree: Plain }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(text, tie('tree'), { maxKeys: 3, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      for (const version of ['1.1', '1.2'] as const) expect(parse(yaml(value), { version })).toEqual(value);
    }),
  );
});

describe('manifests', () => {
  test.each([
    '--workers 100 --per-pod 10',
    '--workers 1 --auth token --name a --namespace b --storage-class fast --storage 1Ti',
    '--nats tls://broker.example:4222 --cpus 4 --memory 8Gi --server-cpus 8 --server-memory 16Gi --plugin /app/p.js',
  ])('%s: the schemas of the API find nothing, and no field that they do not know', async (words) => {
    const documents = await documentsOf(words.split(' '));
    expect(documents.map(({ kind }) => kind)).toEqual(['PersistentVolumeClaim', 'Job', 'Job']);
    for (const document of documents) expect(problemsOf(document)).toEqual([]);
  });

  test('the check finds what is wrong', async () => {
    const [, server] = await documentsOf([]);
    const wrong = (change: (job: Document) => void) => {
      const job = structuredClone(server);
      change(job);
      return problemsOf(job).join();
    };
    expect(wrong((job) => Object.assign(job.spec.template.spec, { readOnly: true }))).toBe(
      '/spec/template/spec/readOnly is not known',
    );
    expect(wrong((job) => Object.assign(job.spec.template.spec.containers[0], { mounts: [] }))).toMatch(
      /mounts is not known/,
    );
    expect(wrong((job) => Object.assign(job.spec, { backoffLimit: 'six' }))).toMatch(/backoffLimit/);
    expect(wrong((job) => delete job.spec.template)).toMatch(/template/);
  });

  test('what the schemas let pass: pods that end, as nobody, and see the secrets that they need', async () => {
    for (const auth of ['token', 'nkey']) {
      const [claim, server, hosts] = await documentsOf(['--auth', auth, '--namespace', 'lab']);
      for (const { apiVersion, metadata } of [server, hosts]) {
        expect({ apiVersion, namespace: metadata.namespace }).toEqual({ apiVersion: 'batch/v1', namespace: 'lab' });
      }
      for (const { spec } of [server, hosts]) {
        const pod = spec.template.spec;
        expect(pod.restartPolicy).toBe('Never');
        expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } });
        const [container, ...others] = pod.containers;
        expect(others).toEqual([]);
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources.limits.memory).toBe(container.resources.requests.memory);
        const volumes = pod.volumes.map(({ name }: Document) => name);
        const mounted = container.volumeMounts.map(({ name }: Document) => name);
        expect(mounted.sort()).toEqual([...volumes].sort());
        expect(spec.podFailurePolicy.rules[1].onExitCodes.containerName).toBe(container.name);
      }
      expect(server.spec.template.spec.volumes.at(-1).persistentVolumeClaim.claimName).toBe(claim.metadata.name);
      const [key] = hosts.spec.template.spec.containers[0].volumeMounts;
      expect(key).toMatchObject(auth === 'token' ? { subPath: 'token' } : { subPathExpr: 'host-$(HOST_INDEX)' });
    }
  });

  test.each([
    ['--workers 100 --per-pod 10', 10],
    ['--workers 101 --per-pod 10', 11],
    ['--workers 7', 1],
    ['--workers 10000 --per-pod 64', 157],
  ])('%s: %d pods, each with an index', async (words, pods) => {
    const [, , hosts] = await documentsOf(words.split(' '));
    expect(hosts.spec).toMatchObject({ completionMode: 'Indexed', completions: pods, parallelism: pods });
    const { env } = hosts.spec.template.spec.containers[0];
    expect(env).toContainEqual({ name: 'FLOTILLA_HOSTS', value: String(pods) });
  });

  test('the server begins in an empty folder, and goes on where there is a run, with the words as they were given', async () => {
    const seed = `it's $(HOME) $HOME "x" \\ $$`;
    const [, server] = await documentsOf(['--seed', seed, '--method', 'gd']);
    const [shell, flag, script] = server.spec.template.spec.containers[0].command;
    // as Kubernetes does: $$ is $, and $(NAME) a variable
    const expanded = script.replaceAll(/\$\$|\$\((\w+)\)/g, (_: string, name?: string) =>
      name === undefined ? '$' : 'SET',
    );
    const runs = join(folder(), 'volume');
    mkdirSync(join(runs, 'run'), { recursive: true });
    const bin = join(folder(), 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'flotilla'), '#!/bin/sh\nprintf "%s\\0" "$@"\n', { mode: 0o755 });
    const start = () => {
      const env = { PATH: `${bin}:${process.env.PATH}` };
      const said = execFileSync(shell, [flag, expanded.replaceAll('/runs/', `${runs}/`)], { env, encoding: 'utf8' });
      return said.split('\0').slice(0, -1);
    };
    const rest = [
      '--method=gd',
      `--seed=${seed}`,
      '--transport=nats',
      '--run=flotilla',
      '--nats=tls://flotilla-nats:4222',
    ];
    const files = ['--nats-nkey=/etc/flotilla/credential', '--nats-ca=/etc/flotilla/ca/ca.crt'];
    expect(start()).toEqual(['start', `--out=${runs}/run`, ...rest, ...files]);
    writeFileSync(join(runs, 'run', 'config.json'), '{}');
    expect(start()).toEqual(['start', `--resume=${runs}/run`, ...rest, ...files]);
  });

  test.each([
    ['', 'manifest needs --image, which is made of the Containerfile: docs/slurm-and-kubernetes.md'],
    ['--image a;b', '--image must be the name of an image, not "a;b"'],
    ['--image a --per-pod 0', '--per-pod must be a whole number from 1 to 1000, not "0"'],
    ['--image a --name Big', '--name must be at most 40 small letters, digits and dashes, a letter first, not "Big"'],
    ['--image a --memory 1GB', '--memory must be a whole number of Ki, Mi, Gi or Ti, such as 2Gi, not "1GB"'],
    ['--image a --auth password', '--auth must be nkey or token, not "password"'],
    ['--image a --out b', '--out has no meaning here: the run folder is on the volume'],
    ['--image a --nats-token b', '--nats-token has no meaning here: pods have it from a Secret'],
    ['--image a --nats nats://127.0.0.1', '--nats "nats://127.0.0.1" must be tls://: pods reach it by a network'],
    [
      '--image a --nats tls://b --nats-values',
      '--nats-values are for a broker of its own, and --nats names another one',
    ],
    ['--image a --workers 0', '--workers must be'],
  ])('%s is refused', async (words, line) => {
    const { code, stdout, stderr } = await flotilla(`manifest ${words}`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`flotilla: ${line}`);
  });
});

describe("values of NATS's chart", () => {
  const brokers: Broker[] = [];
  afterAll(async () => {
    for (const broker of brokers) await broker.close();
  });

  /** A broker with the values' configuration, as the chart writes it: what is in `<< >>` is left without quotes. */
  async function brokerWith(words: string, variables: Record<string, string>): Promise<Broker> {
    const { stdout } = await flotillaWords(['manifest', ...IMAGE, '--nats-values', ...words.split(' ')]);
    const { config, container } = parse(stdout);
    expect(Object.keys(container.env).sort()).toEqual(Object.keys(variables).sort());
    expect(config.nats.tls).toEqual({ enabled: true, secretName: 'flotilla-nats-tls' });
    const text = JSON.stringify(config.merge, null, 1).replaceAll(
      /"<< \$(\w+) >>"/g,
      (_, name) => variables[name] as string,
    );
    const broker = await Broker.start({ more: text.slice(1, -1) });
    brokers.push(broker);
    return broker;
  }

  test.skipIf(!hasBroker)('with NKeys: a run, and no host has the workers of another one', async () => {
    const keys = ['SERVER', 'HOST_0', 'HOST_1', 'HOST_2'].map((name) => [name, createUser()] as const);
    const variables = Object.fromEntries(keys.map(([name, pair]) => [name, pair.getPublicKey()]));
    const broker = await brokerWith('--workers 7 --per-pod 3 --run safe', variables);
    const nkey = Object.fromEntries(
      keys.map(([name, pair]) => {
        writeFileSync(join(folder(), name), pair.getSeed(), { mode: 0o600 });
        return [name, join(folder(), name)];
      }),
    );
    const job = { problem: 'heterogeneous-quadratic:d=30', workers: 7, rounds: 20, method: 'gd' } as const;
    const run = train({ ...job, transport: 'nats', nats: broker.url, run: 'safe', natsNkey: nkey.SERVER });
    const hosts = [0, 1, 2].map((rank) =>
      joinRun({ nats: { url: broker.url, nkey: nkey[`HOST_${rank}`] }, run: 'safe', workers: { rank, of: 3 } }),
    );
    const { xHash } = await run.result;
    await Promise.all(hosts);
    expect(xHash).toBe((await train({ ...job, transport: 'loopback' }).result).xHash);

    const second = train({ ...job, transport: 'nats', nats: broker.url, run: 'safe', natsNkey: nkey.SERVER });
    second.result.catch(() => undefined);
    const stop = new AbortController();
    const said: string[] = [];
    await joinRun({
      nats: { url: broker.url, nkey: nkey.HOST_0 },
      run: 'safe',
      workers: { rank: 1, of: 3 },
      signal: stop.signal,
      onNote: (line) => {
        said.push(line);
        if (line.startsWith('the broker refuses')) stop.abort();
      },
    });
    expect(said.join('\n')).toMatch(/the broker refuses: .*flotilla\.safe\.(down|up)\.[23]/);
    second.terminate();
    await second.result.catch(() => undefined);
  });

  test.skipIf(!hasBroker)('with a token: nobody without it', async () => {
    const broker = await brokerWith('--auth token', { TOKEN: '"a secret"' });
    writeFileSync(join(folder(), 'wrong'), 'another', { mode: 0o600 });
    const join1 = joinRun({ nats: { url: broker.url, token: join(folder(), 'wrong') }, run: 'r' });
    await expect(join1).rejects.toThrow(/[Aa]uthorization/);
  });
});

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { FlotillaError } from '@flotilla/core';
import { hasBroker } from '../nats/broker.js';

const NEEDED = ['unshare', 'nsenter', 'ip', 'tc', 'openssl'];
/** Of Debian's packages. */
const INSTALL = 'apt-get install -y --no-install-recommends nats-server iproute2 util-linux openssl';

/** What is missing for a network of our own, and how it is had; undefined when nothing is. */
export function missingForShaping(): string | undefined {
  const missing = [
    ...(process.platform === 'linux' ? [] : ['Linux']),
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...(hasBroker() ? [] : ['nats-server']),
    ...NEEDED.filter((name) => spawnSync('sh', ['-c', 'command -v "$0"', name]).status !== 0),
  ];
  return missing.length === 0 ? undefined : `${missing.join(', ')} (as root, ${INSTALL})`;
}

/** The broker's, on all its links: not of the loopback network. */
export const BROKER_ADDRESS = '10.77.0.1';
/** What may wait for a link: more than is ever on its way, so that nothing is dropped. */
const QUEUE_BYTES = 32 << 20;

/** Bytes that pass unslowed: little more than two packets at 10 Mbit/s, and a third of a millisecond's at least. */
const burstOf = (mbit: number) => Math.max(3200, Math.ceil((mbit * 1e6) / 8 / 3000));

/** A process that keeps a namespace until its input ends. */
interface Space {
  readonly holder: ChildProcess;
  /** Of the process inside. */
  readonly pid: number;
}

/**
 * A network namespace for the broker and one for each host, with a veth pair between them that lets `mbit` through each way (tbf).
 * Whatever runs in it is in one process namespace, whose first process reads from this one: when this process is gone, however it
 * ended, that one ends, and takes processes, links and namespaces with it. None has a name that could be left behind.
 */
export class ShapedNetwork {
  private constructor(
    readonly mbit: number,
    readonly burst: number,
    /** What the broker, hosts and server run TCP with. */
    readonly congestion: string,
    private readonly broker: Space,
    private readonly hosts: readonly Space[],
  ) {}

  /** @throws FlotillaError with what a command says that fails */
  static async open(hosts: number, mbit: number): Promise<ShapedNetwork> {
    const spaces: Space[] = [];
    try {
      const broker = await space(['unshare', '--net', '--pid', '--fork', '--kill-child', 'cat']);
      spaces.push(broker);
      const burst = burstOf(mbit);
      const at = (where: Space, command: string) => run([...into(where), ...command.split(' ')]);
      const shape = (where: Space, link: string) =>
        at(where, `tc qdisc add dev ${link} root tbf rate ${mbit}mbit burst ${burst} limit ${QUEUE_BYTES}`);
      at(broker, 'ip link set lo up');
      at(broker, `ip address add ${BROKER_ADDRESS}/32 dev lo`);
      const congestion = setCongestion(broker);
      for (let k = 0; k < hosts; k++) {
        // its processes are in the broker's process namespace, and end with it
        const host = await space([...insideOf(broker), 'unshare', '--net', 'cat']);
        spaces.push(host);
        setCongestion(host);
        const [net, link] = [`10.77.${k + 1}`, `host${k}`];
        at(broker, `ip link add ${link} type veth peer name wire netns ${host.pid}`);
        at(broker, `ip address add ${net}.1/30 dev ${link}`);
        at(broker, `ip link set ${link} up`);
        at(host, `ip address add ${net}.2/30 dev wire`);
        at(host, 'ip link set wire up');
        at(host, `ip route add ${BROKER_ADDRESS} via ${net}.1`);
        shape(broker, link);
        shape(host, 'wire');
      }
      return new ShapedNetwork(mbit, burst, congestion, broker, spaces.slice(1));
    } catch (error) {
      await closeAll(spaces);
      throw error;
    }
  }

  /** What runs a command beside the broker, or at a host. */
  within(where: 'broker' | number): readonly string[] {
    return insideOf(where === 'broker' ? this.broker : (this.hosts[where] as Space));
  }

  close(): Promise<void> {
    return closeAll([this.broker, ...this.hosts]);
  }
}

/** Numbers of processes are those outside: what is set up names some. */
const into = ({ pid }: Space) => ['nsenter', `--target=${pid}`, '--net'];
const insideOf = (where: Space) => [...into(where), '--pid'];

function run([command = '', ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new FlotillaError('io', `${words.slice(-12).join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** Starts what ends in `cat` in a new namespace. */
async function space([command = '', ...words]: readonly string[]): Promise<Space> {
  const holder = spawn(command, words, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  holder.stderr.on('data', (text) => {
    said += text;
  });
  holder.once('error', (error) => {
    said += error.message;
  });
  for (let k = 0; k < 200 && holder.exitCode === null && said === ''; k++) {
    const pid = namedCat(holder.pid);
    if (pid !== undefined) return { holder, pid };
    await setTimeout(10);
  }
  holder.kill('SIGKILL');
  throw new FlotillaError('io', `no namespace: ${said.trim() || 'it does not come up'}`);
}

/** The process that has become `cat`: this one, or a child of it. */
function namedCat(pid: number | undefined): number | undefined {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cat\n') return pid;
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    return child === '' ? undefined : namedCat(Number(child));
  } catch {
    return undefined;
  }
}

/**
 * One without a model of the path, where there is one: a model is slow to learn that links are shorter than its probes.
 * @returns its name
 */
function setCongestion(where: Space): string {
  const file = '/proc/sys/net/ipv4/tcp_congestion_control';
  run([...into(where), 'sh', '-c', `echo reno >${file} || echo cubic >${file} || true`]);
  return run([...into(where), 'cat', file]);
}

async function closeAll(spaces: readonly Space[]): Promise<void> {
  // the first one has the processes of all
  for (const { holder } of spaces) holder.stdin?.end();
  await Promise.all(spaces.map(({ holder }) => holder.exitCode === null && once(holder, 'exit')));
}

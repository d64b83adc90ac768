import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Precision, Spec, type State, type Vector } from '@flotilla/core';
import { snapshotState } from '@flotilla/core/internal';
import { describe, expect, test } from 'vitest';
import { explain } from '../explain.js';
import { parseOptions } from '../run/options.js';
import { planRun } from '../run/plan.js';
import { type TrainOptions, train } from '../train.js';
import { hosted, iterates, openHere, relativeDistance } from './in-process.js';

/** What {@link describeMethod} is to hold a method to. */
export interface MethodSuiteOptions {
  /** Options under which the method is gradient descent (identity compressors), or false when there are none. */
  readonly identity: Pick<TrainOptions, 'method' | 'uplink' | 'downlink'> | false;
  /** Vectors of the server's state that every worker holds too, equal to the last bit after every round: the worker's name for each. */
  readonly replicas?: Readonly<Record<string, string>>;
  /** Vectors of the server's state that are the mean of vectors of the workers, up to rounding: the workers' name for each. */
  readonly means?: Readonly<Record<string, string>>;
  /** Vectors of the server's state that are vectors of all workers one after the other, equal to the last bit: their name for each. */
  readonly perWorker?: Readonly<Record<string, string>>;
  /**
   * The spec under which E x^k is gradient descent's x^k on quadratics, for methods whose estimators are unbiased: tested over
   * many seeds. Left out for the others.
   */
  readonly unbiased?: string;
  /** Seeds of that test; default 60. The bias that it sees falls with their square root. */
  readonly seeds?: number;
  /** A problem and options that suit the method; default a strongly convex quadratic with different Hessians. */
  readonly problem?: TrainOptions;
  /** The spec for runs with a `batch`, where that is another. */
  readonly batch?: string;
  /** Whether payload sizes depend on values, so that the expected bytes are only an estimate. */
  readonly variableBytes?: boolean;
  /** Which precisions it is run in; default both. */
  readonly precisions?: readonly Precision[];
}

const PRECISIONS: readonly Precision[] = ['f64', 'f32'];

const quadratic: TrainOptions = { problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3', workers: 6 };

/** Four quadratics in six dimensions that do not depend on the seed. */
function quadratics(): TrainOptions {
  const file = join(mkdtempSync(join(tmpdir(), 'flotilla-')), 'quadratics.json');
  writeFileSync(file, JSON.stringify({ c: [0.4, 0.8, 1.2, 1.6], b: [1, -2, 3, -4, 5, 0.5] }));
  return { problem: 'heterogeneous-quadratic', data: file, workers: 4 };
}

/** Five workers with eleven or twelve samples each. */
function sampled(): TrainOptions {
  const row = (s: number) => Array.from({ length: 9 }, (_, j) => `${j + 1}:${Math.sin(3 * s + j * (2 + (s % 7)))}`);
  const file = join(mkdtempSync(join(tmpdir(), 'flotilla-')), 'samples.svm');
  writeFileSync(file, Array.from({ length: 58 }, (_, s) => `${s % 3 === 0 ? 1 : -1} ${row(s).join(' ')}`).join('\n'));
  return { problem: 'nonconvex-logistic', data: file, workers: 5 };
}

/**
 * The properties that every method must have, as a vitest suite: with identity compressors it is gradient descent; both
 * sides of the wire hold the same state, and that is all they keep between rounds; one hash for any number of threads and any
 * transport; the ledger counts what the transport carries, and the theory's expectation of it holds; all of that in f64 and in
 * f32; a run with a batch is one run too, or refused; the step size of theory makes progress; its description names every
 * parameter.
 *
 * @example
 * describeMethod('marina', { identity: { method: 'marina:p=0.3', uplink: 'identity' }, replicas: { x: 'x' } });
 */
export function describeMethod(spec: string, suite: MethodSuiteOptions): void {
  const common: TrainOptions = { ...quadratic, ...suite.problem, method: spec };
  const { precisions = PRECISIONS } = suite;

  describe(spec, () => {
    if (suite.identity !== false) {
      const { identity } = suite;
      test.each(precisions)('%s: with identity compressors it is gradient descent', async (precision) => {
        const exact: TrainOptions = { ...common, precision, wire: precision, stepSize: 0.3 };
        const gd = await iterates({ ...exact, method: 'gd' }, 40);
        const own = await iterates({ ...exact, ...identity }, 40);
        expect(relativeDistance(own, gd)).toBeLessThan(precision === 'f64' ? 1e-12 : 2e-5);
      });
    }

    if (suite.unbiased !== undefined) {
      const { unbiased, seeds = 60 } = suite;
      test('on quadratics the mean of its iterates is that of gradient descent', async () => {
        const exact: TrainOptions = { ...common, ...quadratics(), wire: 'f64', stepSize: 0.4 };
        const [gd] = (await iterates({ ...exact, method: 'gd' }, 4)).slice(-1) as [Float64Array];
        const sum = new Float64Array(gd.length);
        const squares = new Float64Array(gd.length);
        for (let seed = 0; seed < seeds; seed++) {
          const [x] = (await iterates({ ...exact, method: unbiased, seed: `${seed}` }, 4)).slice(-1) as [Float64Array];
          for (const [j, v] of x.entries()) {
            const off = v - (gd[j] as number);
            sum[j] = (sum[j] as number) + off;
            squares[j] = (squares[j] as number) + off * off;
          }
        }
        for (const [j, s] of sum.entries()) {
          const standardError = Math.sqrt((squares[j] as number) / seeds / seeds);
          expect(standardError).toBeGreaterThan(0);
          expect(Math.abs(s / seeds) / standardError, `coordinate ${j}`).toBeLessThan(5);
        }
      });
    }

    test.each([
      ['f64', 'f64'],
      ['f64', 'f32'],
      ['f32', 'f32'],
    ] as const)('%s over a wire of %s: what both sides hold is the same after every round', async (precision, wire) => {
      const { replicas = {}, means = {}, perWorker = {} } = suite;
      const workers = common.workers as number;
      const training = await openHere({ ...common, precision, wire, stepSize: 0.1 });
      const { server, fleet } = training;
      for (let round = 1; round <= 40; round++) {
        await training.round();
        const { state } = server;
        const own = snapshotState(state);
        const held = Array.from({ length: workers }, (_, worker) => snapshotState(hosted(fleet, worker)));
        for (const [name, theirs] of Object.entries(replicas)) {
          for (const [worker, other] of held.entries()) {
            const same = sameBits(own[name], other[theirs]);
            expect(same, `${name} of worker ${worker} in round ${round}`).toBe(true);
          }
        }
        for (const [name, theirs] of Object.entries(perWorker)) {
          const all = vector(own[name]);
          const size = all.length / workers;
          for (const [worker, other] of held.entries()) {
            const same = sameBits(all.slice(worker * size, (worker + 1) * size), other[theirs]);
            expect(same, `${name} of worker ${worker} in round ${round}`).toBe(true);
          }
        }
        for (const [name, theirs] of Object.entries(means)) {
          const mean = new Float64Array(state.x.length);
          for (const other of held) {
            vector(other[theirs]).forEach((v, j) => {
              mean[j] = (mean[j] as number) + v / workers;
            });
          }
          const tolerance = wire === 'f64' ? 1e-12 : precision === 'f64' ? 1e-5 : 1e-4;
          const distance = relativeDistance([mean], [vector(own[name])]);
          expect(distance, `${name} in round ${round}`).toBeLessThan(tolerance);
        }
      }
      await training.close();
    });

    test.each(precisions)(
      '%s: its state is all there is: from a snapshot on, a run that began elsewhere is the same run',
      async (precision) => {
        const options: TrainOptions = { ...common, precision, stepSize: 0.1 };
        const run = await openHere(options);
        const other = await openHere({ ...options, init: 'normal:0.5' });
        const advance = async (rounds: number) => {
          for (let round = 0; round < rounds; round++) for (const training of [run, other]) await training.round();
        };
        await advance(7);
        expect(other.xHash()).not.toBe(run.xHash());
        await other.restore(await run.snapshot());
        expect(other.xHash()).toBe(run.xHash());
        await advance(13);
        expect(other.xHash()).toBe(run.xHash());
        expect(other.ledger.total('uplink')).toEqual(run.ledger.total('uplink'));
        for (const training of [run, other]) await training.close();
      },
    );

    test.each(precisions)(
      '%s: one hash for 2 and n threads and for loopback, another for another seed',
      async (precision) => {
        const run = async (options: TrainOptions) =>
          (await train({ ...common, precision, stepSize: 0.1, rounds: 60, evalEvery: 60, ...options }).result).xHash;
        const one = await run({ transport: 'loopback' });
        for (const threads of [2, common.workers as number]) expect(await run({ threads })).toBe(one);
        expect(await run({ transport: 'loopback', seed: 'another' })).not.toBe(one);
        const other = precision === 'f32' ? 'f64' : 'f32';
        expect(await run({ transport: 'loopback', precision: other })).not.toBe(one);
      },
    );

    test.each(precisions)(
      '%s: with a batch: one hash for threads and for loopback, the same from a snapshot on; or it is refused',
      async (precision) => {
        const { method } = await planRun(parseOptions({ ...common, transport: 'loopback' }));
        const { problem: _, data: __, ...others } = common;
        const exact: TrainOptions = { ...others, ...sampled(), method: suite.batch ?? spec, stepSize: 0.1 };
        const options: TrainOptions = { ...exact, precision, batch: 4 };
        if (method.stochastic === undefined) {
          await expect(train(options).result).rejects.toThrow(/batch/);
          return;
        }
        const run = async (more: TrainOptions) =>
          (await train({ ...options, rounds: 40, evalEvery: 40, ...more }).result).xHash;
        const hash = await run({ transport: 'loopback' });
        expect(await run({ threads: 3 })).toBe(hash);
        expect(await run({ transport: 'loopback', batch: 5 })).not.toBe(hash);

        const training = await openHere(options);
        const other = await openHere({ ...options, init: 'normal:0.5' });
        const advance = async (one: typeof training, rounds: number) => {
          for (let round = 0; round < rounds; round++) await one.round();
        };
        await advance(training, 17);
        await advance(other, 9);
        await other.restore(await training.snapshot());
        for (const one of [training, other]) await advance(one, 23);
        expect(training.xHash()).toBe(hash);
        expect(other.xHash()).toBe(hash);
        expect((await other.spent()).gradientCalls).toBe((await training.spent()).gradientCalls);
        for (const one of [training, other]) await one.close();
      },
    );

    test('the ledger counts what the transport carries, and theory expects it', async () => {
      const rounds = 2000;
      const options: TrainOptions = { ...common, stepSize: 1e-3 };
      const training = await openHere(options);
      const { ledger, fleet } = training;
      await training.start();
      const initial = [ledger.frameBytes.uplink, ledger.frameBytes.downlink];
      for (let round = 0; round < rounds; round++) await training.round();
      const { uplink, downlink } = ledger.frameBytes;
      expect(fleet.transport.stats.sentBytes).toBe(downlink);
      expect(fleet.transport.stats.receivedBytes).toBe(uplink);
      await training.close();
      const expected = await explain(parseOptions(options));
      const share = suite.variableBytes === true ? 0.1 : 0;
      // a round is a toss between a dense message and less: its standard deviation is at most half of one
      const noise = (4 * 0.5) / Math.sqrt(rounds) + share;
      for (const [k, link] of (['uplink', 'downlink'] as const).entries()) {
        const measured = (ledger.frameBytes[link] - (initial[k] as number)) / (rounds * (common.workers as number));
        const off = Math.abs(measured - expected[link].bytesPerRound) / expected.denseBytes;
        expect(off, `${link}: ${measured} bytes, expected ${expected[link].bytesPerRound}`).toBeLessThan(noise);
      }
    });

    test('the step size of theory is positive, finite, and makes progress', async () => {
      const { stepSize, gradNormSq } = await train({
        ...common,
        stepSize: 'theory',
        rounds: 400,
        evalEvery: 400,
        transport: 'loopback',
      }).result;
      expect(stepSize).toBeGreaterThan(0);
      expect(stepSize).toBeLessThan(Number.POSITIVE_INFINITY);
      const training = await openHere(common);
      const start = (await training.evaluate()).gradNormSq;
      await training.close();
      expect(gradNormSq).toBeLessThan(start);
    });

    test('its description names every parameter that its spec takes, and no other', async () => {
      const { method, theory } = await planRun(parseOptions({ ...common, transport: 'loopback' }));
      const parsed = Spec.parse('method', spec);
      method.parameters(parsed, theory);
      expect([...parsed.asked].sort()).toEqual(Object.keys(method.description.parameters).sort());
    });
  });
}

function vector(value: State[string] | undefined): Vector {
  if (value instanceof Float64Array || value instanceof Float32Array) return value;
  throw new Error('there is no vector of that name');
}

function sameBits(a: State[string] | undefined, b: State[string] | undefined): boolean {
  return Buffer.from(vector(a).buffer).equals(Buffer.from(vector(b).buffer));
}

import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import { Kernels } from '../kernels/kernels.js';
import { problems } from '../problem/index.js';
import { checkInit, initialPoint } from '../problem/initial-point.js';
import { checkData, loadData } from '../problem/load-data.js';
import { type Oracle, type Problem, tensorsOf } from '../problem/problem.js';
import { KeyedRandom, Rng } from '../random.js';
import { lookUp, Spec } from '../spec.js';
import { norm } from './curvature.js';
import { describeConstants } from './describe-constants.js';
import { describeLinearMap } from './describe-linear-map.js';
import { type Evaluation, evaluateAll } from './evaluate-all.js';
import type { Offer, ProblemSuiteOptions } from './suite-options.js';

const SEED = 'describeProblem';

/**
 * The properties that every problem must have, as a vitest suite: gradients are derivatives, batches are means over samples,
 * constants bound what is found, f32 gives what f64 gives, rounded, a product of the linear map stands for its point, tensors
 * make up x, starting point and metrics keep to their contract, another thread computes the same bits from the shared data.
 * Exported as `@flotilla/core/testing`; needs vitest, which is an optional peer of this package.
 *
 * @example
 * describeProblem('ridge regression', {
 *   spec: 'ridge:lambda=0.1',
 *   family: plugin.problems.ridge,
 *   module: new URL('./ridge.js', import.meta.url).href, // a plug-in, or a problem that is its default export
 *   data: 'small.txt',
 *   offers: ['smoothness', 'samples'],
 * });
 */
export function describeProblem(name: string, options: ProblemSuiteOptions): void {
  const { spec, data, split, workers = 4, scale = 0.5, offers } = options;
  const family = options.family ?? lookUp('problem', problems, Spec.parse('problem', spec).name);
  const random = () => new KeyedRandom(SEED);
  const rng = random().stream(new Rng(), 'init', 1, 1);

  describe(name, () => {
    let shared: object;
    let samples: number | undefined;
    let problem: Problem;
    let oracles: readonly Oracle[];
    const create = (text = spec) =>
      family.create(Spec.parse('problem', text), { workers, random: random(), ...shared });
    const point = () => Float64Array.from({ length: problem.dimension }, () => scale * rng.normal());
    const zeros = () => new Float64Array(problem.dimension);

    beforeAll(async () => {
      const asked = { data, split };
      checkData(family, asked);
      const input = { ...asked, workers, random: random(), signal: undefined };
      ({ shared, samples } = await loadData(family, Spec.parse('problem', spec), input));
      problem = create();
      const kernels = new Kernels();
      oracles = Array.from({ length: workers }, (_, worker) => problem.oracle(worker, kernels));
    });

    test('a parameter that it does not have is refused', () => {
      expect(() => create(`${spec}${spec.includes(':') ? ',' : ':'}no-such-parameter=1`)).toThrow(
        expect.objectContaining({
          code: 'usage',
          message: expect.stringContaining('has no parameter no-such-parameter'),
        }),
      );
    });

    test('it has what it is said to have', () => {
      for (const [worker, oracle] of oracles.entries()) {
        const has: Record<Offer, boolean> = {
          smoothness: oracle.smoothness !== undefined,
          samples: oracle.samples !== undefined,
          linearMap: oracle.linearMap !== undefined,
          metrics: oracle.metrics !== undefined,
          start: problem.start !== undefined,
          facts: problem.facts !== undefined,
        };
        const expected = Object.fromEntries(Object.keys(has).map((offer) => [offer, offers.includes(offer as Offer)]));
        expect(has, `worker ${worker}`).toEqual(expected);
        expect(oracle.batchGradient !== undefined, 'batchGradient comes with samples').toBe(has.samples);
        expect((problem.metrics ?? []).length > 0, 'metrics that are described').toBe(has.metrics);
      }
    });

    test('the gradient is the derivative of the value', () => {
      for (const [worker, oracle] of oracles.entries()) {
        const x = point();
        const gradient = zeros().fill(Number.NaN);
        const before = x.slice();
        const value = oracle.gradient(x, gradient);
        expect(Number.isFinite(value), `f_${worker}(x) = ${value}`).toBe(true);
        expect(gradient.every(Number.isFinite), 'every coordinate of the gradient is written').toBe(true);
        expect(x, 'x is left as it was').toEqual(before);
        const scratch = zeros();
        expect(oracle.gradient(x, scratch), 'the same value again').toBe(value);
        expect(scratch, 'the same gradient again').toEqual(gradient);

        const h = 1e-5 * scale;
        const limit = 1e-6 * norm(gradient) + (1e-14 * Math.abs(value)) / h;
        const slope = (v: Float64Array) => {
          const at = (t: number) =>
            oracle.gradient(
              x.map((c, j) => c + t * v[j]),
              scratch,
            );
          return (at(h) - at(-h)) / (2 * h);
        };
        const along = (v: Float64Array) => v.reduce((sum, c, j) => sum + c * gradient[j], 0);
        for (let trial = 0; trial < 5; trial++) {
          const v = Float64Array.from(x, () => rng.normal());
          const length = norm(v);
          const unit = v.map((c) => c / length);
          expect(Math.abs(slope(unit) - along(unit)), `worker ${worker}`).toBeLessThan(limit);
        }
        if (worker > 0) continue;
        const step = Math.ceil(x.length / 1000);
        for (let j = 0; j < x.length; j += step) {
          const unit = zeros();
          unit[j] = 1;
          expect(Math.abs(slope(unit) - gradient[j]), `coordinate ${j}`).toBeLessThan(limit);
        }
      }
    });

    test('in f32 the gradients are those of f64 at the same point, rounded', () => {
      const { precisions = ['f64'], dimension } = problem;
      expect(precisions, 'evaluations are in f64').toContain('f64');
      if (!precisions.includes('f32')) return;
      for (const oracle of oracles) {
        const x = Float32Array.from(point());
        const compare = (gradient: (x: Float64Array, out: Float64Array) => number | undefined) => {
          const [wide, narrow] = [zeros(), new Float32Array(dimension).fill(Number.NaN)];
          const value = gradient(Float64Array.from(x), wide) as number;
          const before = x.slice();
          // who takes f32 too is typed for f64
          const found = gradient(x as unknown as Float64Array, narrow as unknown as Float64Array) as number;
          expect(x, 'x is left as it was').toEqual(before);
          expect(Math.abs(found - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value));
          expect(norm(wide.map((v, j) => v - narrow[j]))).toBeLessThanOrEqual(1e-6 * norm(wide));
        };
        compare((at, out) => oracle.gradient(at, out));
        const m = oracle.samples ?? 0;
        if (m > 0) compare((at, out) => oracle.batchGradient?.(at, Int32Array.of(m - 1, 0), out));
        const { linearMap } = oracle;
        if (linearMap === undefined) continue;
        compare((at, out) => {
          const product = linearMap.allocate();
          linearMap.product(at, product);
          return linearMap.gradientAt(at, product, out);
        });
      }
    });

    test('f is never below its lower bound', () => {
      const { lowerBound = Number.NEGATIVE_INFINITY } = problem;
      for (let trial = 0; trial < 3; trial++) {
        const x = point();
        const value = oracles.reduce((sum, oracle) => sum + oracle.gradient(x, zeros()) / workers, 0);
        // an exact minimum has rounding of its own
        expect(value).toBeGreaterThanOrEqual(lowerBound - 1e-12 * Math.abs(lowerBound));
      }
    });

    if (options.f !== undefined)
      test('f is the mean of the f_i', () => {
        for (let trial = 0; trial < 3; trial++) {
          const x = point();
          const value = oracles.reduce((sum, oracle) => sum + oracle.gradient(x, zeros()) / workers, 0);
          const expected = options.f?.(x) as number;
          expect(Math.abs(value - expected)).toBeLessThan(1e-12 * (1 + Math.abs(expected)));
        }
      });

    if (offers.includes('samples'))
      test('a batch is the mean over its samples, all of them the whole function', () => {
        expect(samples, 'm').toBe(Math.max(...oracles.map((oracle) => oracle.samples as number)));
        for (const oracle of oracles) {
          const x = point();
          const m = oracle.samples as number;
          const at = (batch: readonly number[]) => {
            const out = zeros().fill(Number.NaN);
            return Float64Array.of(oracle.batchGradient?.(x, Int32Array.from(batch), out) as number, ...out);
          };
          const close = (a: Float64Array, b: Float64Array) => {
            expect(norm(a.map((v, j) => v - b[j]))).toBeLessThan(1e-13 * (1 + norm(b)));
          };
          const all = Array.from({ length: m }, (_, j) => j);
          const out = zeros();
          const value = oracle.gradient(x, out);
          const whole = Float64Array.of(value, ...out);
          close(at(all.toReversed()), whole);
          // longer than there are samples, with repeats, and shorter again
          const last = m - 1;
          for (const batch of [[...all, 0, 0, last], [last, 0, last], [last]]) {
            const parts = batch.map((j) => at([j]));
            close(
              at(batch),
              parts[0].map((_, c) => parts.reduce((sum, part) => sum + part[c], 0) / batch.length),
            );
          }
          expect(oracle.gradient(x, zeros()), 'batches leave the function as it was').toBe(value);
        }
      });

    if (offers.includes('smoothness'))
      describe('constants', () => {
        describeConstants(() => ({ problem, oracles, point, rng }), options);
      });

    if (offers.includes('linearMap'))
      describe('a product of the linear map stands for its point', () => {
        describeLinearMap(() => ({ problem, oracles, point, rng }));
      });

    test('x is made of its tensors', () => {
      const tensors = tensorsOf(problem);
      expect(new Set(tensors.map((tensor) => tensor.name)).size, 'names').toBe(tensors.length);
      let total = 0;
      for (const tensor of tensors) {
        expect(tensor.name).not.toBe('');
        for (const length of tensor.shape) expect(Number.isInteger(length) && length > 0, tensor.name).toBe(true);
        total += tensor.shape.reduce((product, length) => product * length, 1);
      }
      expect(total, 'coordinates').toBe(problem.dimension);
    });

    test('where a run begins: a point of d numbers, the same for one seed on all sides, and a step size', () => {
      for (const init of [family.init, ...(offers.includes('start') ? ['problem'] : [])]) {
        checkInit(init, problem);
        const x = initialPoint(init, problem, random());
        expect(x.length).toBe(problem.dimension);
        expect(x.every(Number.isFinite)).toBe(true);
        expect(initialPoint(init, create(), random())).toEqual(x);
        expect(initialPoint(init, problem, random())).toEqual(x);
      }
      if (!offers.includes('start')) expect(() => checkInit('problem', problem)).toThrow('"problem" is not known');
      const stepSize = family.stepSize('gd');
      expect(stepSize === 'theory' ? offers.includes('smoothness') : Number(stepSize) > 0, stepSize).toBe(true);
    });

    if (offers.includes('metrics'))
      test('metrics are numbers of x, and leave everything else as it was', () => {
        const described = problem.metrics ?? [];
        expect(new Set(described.map((metric) => metric.name)).size, 'names').toBe(described.length);
        for (const { name: metric, better } of described) {
          expect(metric).not.toBe('');
          expect(['higher', 'lower']).toContain(better);
        }
        for (let trial = 0; trial < 3; trial++) {
          const x = point();
          const before = x.slice();
          const mean = new Float64Array(described.length);
          for (const oracle of oracles) {
            const value = oracle.gradient(x, zeros());
            const out = new Float64Array(described.length).fill(Number.NaN);
            oracle.metrics?.(x, out);
            expect(out.every(Number.isFinite), 'every metric is written').toBe(true);
            const again = new Float64Array(described.length);
            oracle.metrics?.(x, again);
            expect(again, 'the same again').toEqual(out);
            expect(oracle.gradient(x, zeros()), 'f_i is as it was').toBe(value);
            for (let k = 0; k < mean.length; k++) mean[k] += out[k] / workers;
          }
          expect(x, 'x is left as it was').toEqual(before);
          options.metrics?.(x).forEach((expected, k) => {
            expect(Math.abs(mean[k] - expected), described[k].name).toBeLessThan(1e-12 * (1 + Math.abs(expected)));
          });
        }
      });

    if (offers.includes('facts'))
      test('with its facts it is the same function on other data', async () => {
        const parsed = () => Spec.parse('problem', spec);
        const input = { data, split: undefined, workers: 1, random: random() };
        const loaded = await loadData(family, parsed(), input);
        const own = family.create(parsed(), { workers: 1, random: random(), ...loaded.shared });
        // as they come back from a file
        const facts = JSON.parse(JSON.stringify(own.facts));
        expect(facts).toEqual(own.facts);
        const again = await loadData(family, parsed(), { ...input, facts });
        const other = family.create(parsed(), { workers: 1, random: random(), facts, ...again.shared });
        expect(other.dimension).toBe(own.dimension);
        expect(tensorsOf(other)).toEqual(tensorsOf(own));
        expect(other.facts).toEqual(own.facts);
        const [a, b] = [own, other].map((made) => made.oracle(0, new Kernels()));
        const x = point();
        const [left, right] = [zeros(), zeros()];
        expect(b.gradient(x, right)).toBe(a.gradient(x, left));
        expect(right).toEqual(left);
        const values = (oracle: Oracle) => {
          const out = new Float64Array(problem.metrics?.length ?? 0);
          oracle.metrics?.(x, out);
          return out;
        };
        expect(values(b)).toEqual(values(a));
        const predicted = b.predict?.(x);
        expect(predicted).toEqual(a.predict?.(x));
        for (const [column, numbers] of Object.entries(predicted ?? {})) {
          expect(numbers.length, `rows of ${column}`).toBe(again.samples);
          expect(numbers.every(Number.isFinite), column).toBe(true);
        }
      });

    test('another thread computes the same bits from the shared data', async () => {
      const task: Evaluation = { spec, seed: SEED, workers, shared, points: [point(), point()] };
      const bytes = (vectors: readonly Float64Array[]) => vectors.map((v) => Buffer.from(v.buffer).toString('hex'));
      const here = bytes(evaluateAll(family, task));
      const builtIn = options.family === undefined;
      if (builtIn || options.module !== undefined) expect(bytes(await onThread(task, options.module))).toEqual(here);
      else expect(bytes(evaluateAll(family, structuredClone(task)))).toEqual(here);
      for (const array of typedArrays(shared)) {
        expect(array.byteLength <= 1024 || array.buffer instanceof SharedArrayBuffer, 'large arrays are shared').toBe(
          true,
        );
      }
    });
  });
}

/** Evaluates on a thread of its own. */
function onThread(task: Evaluation, module: string | undefined): Promise<Float64Array[]> {
  const worker = new Worker(new URL('./oracle-thread.js', import.meta.url), { workerData: { ...task, module } });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread ended with ${code} before it answered`)));
  });
}

/** Every typed array within a record. */
function typedArrays(value: unknown): ArrayBufferView[] {
  if (ArrayBuffer.isView(value)) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(typedArrays) : [];
}

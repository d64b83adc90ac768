// Long: one table of step sizes and parameters, each by hand, and what holds for every method.
import { createCompressor } from '@flotilla/compressors';
import { methods, Spec, type Theory } from '@flotilla/core';
import { reportedParameters } from '@flotilla/core/internal';
import { describe, expect, test } from 'vitest';
import type { TrainOptions } from '../dist/index.js';
import { openInProcess } from './in-process.js';

const smoothness = { f: 2, perWorker: [1, 3], rms: Math.sqrt(5), max: 3, LA: 0.5, LB: 1.5, sampleRms: 4 };

/** Theory of links with the given compressors, d = 100 and n = 4 unless said otherwise. */
function theory(uplink: string, downlink: string, workers = 4, dimension = 100): Theory {
  const link = (spec: string) => {
    const { omega, A = omega, B = 0, ...rest } = createCompressor(spec, { dimension, workers, wire: 'f32' }).constants;
    return { omega, A, B, ...rest };
  };
  return { workers, dimension, samples: 200, uplink: link(uplink), downlink: link(downlink) };
}

describe('step sizes and parameters by hand, n = 4, d = 100, L = 2, L_rms = √5, L_max = 3, L_A = ½, L_B = 3/2, 𝓛 = 4, m = 200', () => {
  const of = (text: string, links: Theory) => {
    const spec = Spec.parse('method', text);
    const method = methods[spec.name];
    const parameters = method.parameters(spec, links);
    return {
      parameters: reportedParameters(method, parameters),
      stepSize: method.stepSize(links, smoothness, parameters),
    };
  };

  test('gd: 1/L', () => expect(of('gd', theory('identity', 'identity')).stepSize).toBe(0.5));

  test('dcgd, RandK K = 10: 1/(3 (1 + 2·9/4))', () =>
    expect(of('dcgd', theory('rand-k:k=10', 'identity')).stepSize).toBeCloseTo(1 / 16.5, 15));

  test('diana, RandK K = 10: α = 1/10, 1/(10 √5 √(1 + 9/4) · 11)', () => {
    const { parameters, stepSize } = of('diana', theory('rand-k:k=10', 'identity'));
    expect(parameters).toEqual({ alpha: 0.1, 'shift-estimator': 0 });
    expect(stepSize).toBeCloseTo(1 / (110 * Math.sqrt(5 * 3.25)), 15);
    expect(() => of('diana:estimator=mean', theory('rand-k:k=10', 'identity'))).toThrow(/gradient or shift/);
  });

  test('diana, theory=li-richtarik: 1/(√5 (1 + 10 √(9/4)))', () =>
    expect(of('diana:theory=li-richtarik', theory('rand-k:k=10', 'identity')).stepSize).toBeCloseTo(
      1 / (16 * Math.sqrt(5)),
      15,
    ));

  test('ef21-p, TopK K = 19 of 100: √(1 − α) = 0.9, and (1 − 0.9)/L knows nothing of the L_i', () =>
    expect(of('ef21-p', theory('identity', 'top-k:k=19')).stepSize).toBeCloseTo(0.05, 15));

  test('ef21-p-dcgd, TopK K = 19 down, RandK K = 10 up: 1/(1/0.05 + 2·9/4·3)', () =>
    expect(of('ef21-p-dcgd', theory('rand-k:k=10', 'top-k:k=19')).stepSize).toBeCloseTo(1 / 33.5, 15));

  test('ef21-p has no step size for a compressor that is not contractive', () => {
    expect(of('ef21-p', theory('identity', 'rand-k:k=50')).stepSize).toBe(0);
    expect(of('ef21-p', theory('identity', 'rand-k:k=80')).stepSize).toBeGreaterThan(0);
  });

  test('marina, RandK K = 10: ω = 9, p = 1/10', () => {
    const { parameters, stepSize } = of('marina', theory('rand-k:k=10', 'identity'));
    expect(parameters).toEqual({ p: 0.1 });
    // 1/(√5 (1 + √(0.9·9/(0.1·4)))) = 1/(√5 · 5.5)
    expect(stepSize).toBeCloseTo(1 / (Math.sqrt(5) * 5.5), 15);
  });

  test('marina-p, PermK: ω = 3, θ = 0, p = 1/4', () => {
    const { parameters, stepSize } = of('marina-p', theory('identity', 'perm-k'));
    expect(parameters).toEqual({ p: 0.25 });
    // 1/(2 + √(¼·3·3)) = 1/3.5
    expect(stepSize).toBeCloseTo(1 / 3.5, 15);
  });

  test('marina and marina-p under PŁ: a factor 2 under the root, and at most p/(2μ)', () => {
    const up = theory('rand-k:k=10', 'identity');
    // 1/(√5 (1 + √(2·0.9·9/(0.1·4)))), and 0.1/(2·4)
    expect(of('marina:mu=0.01', up).stepSize).toBeCloseTo(1 / (Math.sqrt(5) * (1 + Math.sqrt(40.5))), 15);
    expect(of('marina:mu=4', up).stepSize).toBeCloseTo(0.0125, 15);
    const down = theory('identity', 'perm-k');
    // 1/(2 + √(2·¼·3·7)), and ¼/(2·4)
    expect(of('marina-p:mu=0.01', down).stepSize).toBeCloseTo(1 / (2 + Math.sqrt(10.5)), 15);
    expect(of('marina-p:mu=4', down).stepSize).toBeCloseTo(1 / 32, 15);
    expect(() => of('marina:mu=0', up)).toThrow(/mu=0/);
  });

  test('marina-p, SameRandK K = 25: θ = ω = 3; independent RandK: θ = ω/n', () => {
    // 1/(2 + √((¼·3 + 9/4·3)·3)) = 1/(2 + √22.5)
    expect(of('marina-p', theory('identity', 'same-rand-k:k=25')).stepSize).toBeCloseTo(1 / (2 + Math.sqrt(22.5)), 15);
    // 1/(2 + √((¼·3 + 9/4·¾)·3)) = 1/(2 + √7.3125)
    expect(of('marina-p', theory('identity', 'rand-k:k=25')).stepSize).toBeCloseTo(1 / (2 + Math.sqrt(7.3125)), 15);
  });

  test('m3, PermK down and RandK up, K = d/n: p = 1/n, β = (n/(3·3·4))^(1/3) = 9^(−1/3)', () => {
    const { parameters, stepSize } = of('m3', theory('rand-k:k=d/n', 'perm-k'));
    expect(parameters['p-downlink']).toBeCloseTo(1 / 4, 15);
    expect(parameters['p-uplink']).toBeCloseTo(1 / 4, 15);
    expect(parameters.beta).toBeCloseTo(9 ** (-1 / 3), 15);
    // θ = 0, ω_P = ω_D = 3, p = ¼
    const b = 9 ** (-1 / 3);
    const bracket = (1 / b ** 2) * 2.25 + (12 + 1.75 / b ** 2) * 0.25 + (9 * b + 3 * 1.75) * 9;
    expect(stepSize).toBeCloseTo(1 / (2 + Math.sqrt(288 * bracket)), 15);

    // under PŁ (Theorem E.8): 1536 under the root, and at most p/(2μ) and β/(4μ)
    const links = theory('rand-k:k=d/n', 'perm-k');
    expect(of('m3:mu=1e-6', links).stepSize).toBeCloseTo(1 / (2 + Math.sqrt(1536 * bracket)), 15);
    expect(of('m3:mu=1000,beta=1', links).stepSize).toBeCloseTo(0.25 / 2000, 15);
    expect(of('m3:mu=1000,p-uplink=0.1', links).stepSize).toBeCloseTo(0.1 / 2000, 15);
    expect(of('m3:mu=1000,p-downlink=0.1', links).stepSize).toBeCloseTo(0.1 / 2000, 15);
    expect(of('m3:mu=1000,beta=0.01', links).stepSize).toBeCloseTo(0.01 / 4000, 15);
  });

  test('m3, Corollary E.2: β = 1 where a link is not compressed, as in MARINA and MARINA-P; else min{(n/(ω_Pω_D(ω_D + 1)))^(1/3), 1}', () => {
    const beta = (uplink: string, downlink: string) => of('m3', theory(uplink, downlink)).parameters.beta;
    expect(beta('rand-k:k=10', 'identity')).toBe(1);
    expect(beta('identity', 'perm-k')).toBe(1);
    expect(beta('identity', 'identity')).toBe(1);
    // 4/(3·9·10)
    expect(beta('rand-k:k=10', 'rand-k:k=25')).toBeCloseTo(Math.cbrt(4 / 270), 15);
    expect(beta('natural', 'natural')).toBe(1);
    // workers that share what they draw: A = ω_D in place of ω_D/n
    expect(beta('same-rand-k:k=10', 'rand-k:k=25')).toBeCloseTo(Math.cbrt(1 / 270), 15);
  });

  describe('uplinks whose messages are not independent, K = 10 of 100: same-rand-k has A = ω = 9, perm-k A = B = 1 and ω = 3', () => {
    const same = theory('same-rand-k:k=10', 'perm-k');
    const perm = theory('perm-k', 'perm-k');

    test.each<[string, Theory, number]>([
      // p = 1/10, (1 − p)/p = 9: 1/(2 + √(9·9·5))
      ['marina', same, 1 / (2 + Math.sqrt(405))],
      ['marina:mu=0.001', same, 1 / (2 + Math.sqrt(810))],
      ['marina:mu=40', same, 0.1 / 80],
      // p = 1/4, (1 − p)/p = 3, L_± = L_rms as long as nothing better is known: 1/(2 + √(3·5))
      ['marina', perm, 1 / (2 + Math.sqrt(15))],
      // p = 2/202, (1 − p)/p = 100: 100 (9·5 + (9 + ¼)·16/2)
      ['vr-marina', same, 1 / (Math.sqrt(5) + Math.sqrt(100 * (45 + 9.25 * 8)))],
      ['vr-marina', perm, 1 / (Math.sqrt(5) + Math.sqrt(100 * (5 + 1.25 * 8)))],
      ['diana', same, 1 / (110 * Math.sqrt(5 * 10))],
      ['diana:theory=li-richtarik', same, 1 / (Math.sqrt(5) * (1 + 10 * 3))],
      ['vr-diana:batch=25', same, 1 / (140 * Math.sqrt(5 * 10))],
      ['dasha', same, 1 / (2 + Math.sqrt(5 * 16 * 9 * 19))],
      ['dcgd', same, 1 / (3 * 19)],
      // β = 1/4: 10·9·¼·210
      ['dore', same, 1 / (10 + Math.sqrt(5 * 4725))],
      // perm-k down: ω = 3, α = 1/4; 4·9·3
      ['mcm', same, 1 / (2 * (1 + 2 * Math.sqrt(108)) + 108 * (1 + Math.sqrt(6)))],
      ['rand-mcm', perm, 1 / (3 * (1 + 2 * Math.sqrt(108)) + 12 * (1 + Math.sqrt(6)))],
      ['dcgd', perm, 1 / 9],
    ])('%s', (method, links, expected) => expect(of(method, links).stepSize / expected).toBeCloseTo(1, 13));

    test('marina with L_±: PermK’s step is that of gradient descent where all f_i have the same Hessian', () => {
      const step = (LPlusMinus: number) =>
        methods.marina.stepSize(perm, { ...smoothness, LPlusMinus }, { p: 0.25, downlink: 'dense' });
      expect(step(0)).toBe(0.5);
      // 1/(2 + √(3·4))
      expect(step(2)).toBeCloseTo(1 / (2 + Math.sqrt(12)), 15);
    });

    test('pp-marina has no step size for them, and says why', () => {
      expect(methods['pp-marina'].uncovered?.(theory('rand-k:k=10', 'identity'), {})).toBeUndefined();
      expect(methods['pp-marina'].uncovered?.(same, {})).toBe(
        "Theorem 4.1 assumes that the workers' messages are independent, which have A = ω/n = 2.25 and B = 0 (docs/methods.md), and these have A = 9 and B = 0",
      );
    });
  });

  test('vr-marina with all samples in a batch: 𝓛 = 0, and it is MARINA with p = 1/10', () => {
    const links = theory('rand-k:k=10', 'identity');
    expect(of('vr-marina:batch=200,p=0.1', links).stepSize).toBeCloseTo(1 / (Math.sqrt(5) * 5.5), 15);
    // drawn with replacement they are not all of them
    expect(of('vr-marina:batch=200,p=0.1,online=true', links).stepSize).toBeLessThan(1 / (Math.sqrt(5) * 5.5));
  });

  const upTo = theory('rand-k:k=10', 'identity');
  const root5 = Math.sqrt(5);

  test('vr-marina, RandK K = 10: b′ = 2, p = 2/202, (1 − p)/(pn) = 25', () => {
    const { parameters, stepSize } = of('vr-marina', upTo);
    expect(parameters).toEqual({ p: 2 / 202, batch: 2 });
    // √(25 (9·5 + 10·16/2)) = 25 √5
    expect(stepSize).toBeCloseTo(1 / (26 * root5), 15);
    expect(of('vr-marina:mu=0.01', upTo).stepSize).toBeCloseTo(1 / (root5 * (1 + 25 * Math.SQRT2)), 15);
    expect(of('vr-marina:mu=4', upTo).stepSize).toBeCloseTo(1 / 808, 15);
    // p = ζ/d where that is smaller
    expect(of('vr-marina:batch=100', upTo).parameters.p).toBe(0.1);
  });

  test('vr-marina, online: p = b′/(b + b′), (1 − p)/(pn) = 4.75', () => {
    const { parameters, stepSize } = of('vr-marina:online=true,batch=2,large-batch=38', upTo);
    expect(parameters).toEqual({ p: 0.05, batch: 2, 'large-batch': 38 });
    expect(stepSize).toBeCloseTo(1 / (root5 + Math.sqrt(4.75 * 125)), 15);
    expect(() => of('vr-marina:large-batch=38', upTo)).toThrow(/online=true/);
    expect(() => of('vr-marina:batch=201', upTo)).toThrow(/batch=201/);
    expect(() => of('vr-marina:batch=1.5', upTo)).toThrow(/whole number/);
  });

  test('pp-marina, RandK K = 10, r = 2: p = 1/20, √(0.95·10/(0.05·2)) = √95', () => {
    const { parameters, stepSize } = of('pp-marina:sampled=2', upTo);
    expect(parameters).toEqual({ p: 0.05, sampled: 2 });
    expect(stepSize).toBeCloseTo(1 / (root5 * (1 + Math.sqrt(95))), 15);
    expect(of('pp-marina:sampled=2,mu=0.01', upTo).stepSize).toBeCloseTo(1 / (root5 * (1 + Math.sqrt(190))), 15);
  });

  test('vr-diana, RandK K = 10, b′ = 25: m′ = 8, 1/(10 √5 √(13/4) (4 + 10))', () => {
    const { parameters, stepSize } = of('vr-diana:batch=25', upTo);
    expect(parameters).toEqual({ alpha: 0.1, 'shift-estimator': 0, batch: 25, 'p-reference': 1 / 8 });
    expect(stepSize).toBeCloseTo(1 / (140 * Math.sqrt(5 * 3.25)), 15);
  });

  test('core, m = 10: m/(4 d L), m/(4 tr(A)) where the trace is known', () => {
    const links = theory('identity', 'identity');
    expect(of('core:m=10', links).stepSize).toBe(10 / 800);
    expect(methods.core.stepSize(links, { ...smoothness, trace: 50 }, { m: 10 })).toBe(0.05);
    expect(of('core', links).parameters).toEqual({ m: 25 });
    expect(of('core', theory('identity', 'identity', 4, 8000)).parameters).toEqual({ m: 100 });
  });

  test('ef21, TopK K = 19 of 100, as ef21-p', () =>
    expect(of('ef21', theory('top-k:k=19', 'identity')).stepSize).toBeCloseTo(1 / (2 + 9 * root5), 14));

  test('ef21-bc, TopK K = 19 both ways: R = 9 + (1.9/0.1)·9 = 180; EF21’s step where the downlink is not compressed', () => {
    expect(of('ef21-bc', theory('top-k:k=19', 'top-k:k=19')).stepSize).toBeCloseTo(1 / (2 + 180 * root5), 15);
    expect(of('ef21-bc', theory('top-k:k=19', 'identity')).stepSize).toBeCloseTo(1 / (2 + 9 * root5), 14);
    expect(of('ef21-bc', theory('identity', 'identity')).stepSize).toBe(0.5);
  });

  test('dist-ef-sgd, TopK K = 19 both ways: 1/(2 + √(8·2·3)·180)', () => {
    const { stepSize } = of('dist-ef-sgd', theory('top-k:k=19', 'top-k:k=19'));
    expect(stepSize).toBeCloseTo(1 / (2 + Math.sqrt(48) * 180), 15);
  });

  test('ef21-p-diana, RandK K = 10 up, TopK K = 19 down: (1 − a)/a = 9, 16A = 36', () => {
    const { parameters, stepSize } = of('ef21-p-diana', theory('rand-k:k=10', 'top-k:k=19'));
    expect(parameters).toEqual({ beta: 0.1 });
    const root = Math.sqrt(1.5);
    expect(stepSize).toBeCloseTo(1 / (2 * (1 + 9 * root) + 36 * (1 + 0.9 * root) * 3), 15);
    expect(of('ef21-p-diana', theory('identity', 'identity')).stepSize).toBe(0.5);
  });

  test('dore, RandK K = 10 up, K = 25 down: α = 1/10, β = 1/4, η = 1/√30, 10·(9/4)·(1/4)·21·10 = 1181.25', () => {
    const { parameters, stepSize } = of('dore', theory('rand-k:k=10', 'rand-k:k=25'));
    expect(parameters).toEqual({ alpha: 0.1, beta: 0.25, eta: 1 / Math.sqrt(30) });
    expect(stepSize).toBeCloseTo(1 / (10 + root5 * Math.sqrt(1181.25)), 15);
    // 10·(9/4)·(1/10)·41·20
    expect(of('dore:alpha=0.05,beta=0.1', theory('rand-k:k=10', 'rand-k:k=25')).stepSize).toBeCloseTo(
      1 / (10 + root5 * Math.sqrt(1845)),
      15,
    );
    const without = of('dore', theory('identity', 'identity'));
    expect(without).toEqual({ parameters: { alpha: 1, beta: 1, eta: 1 }, stepSize: 0.1 });
  });

  test('mcm and rand-mcm, RandK K = 10 up, K = 25 down: α = 1/4, 2√(3·9·4) = 2√108, 4A·L_max = 27', () => {
    const links = theory('rand-k:k=10', 'rand-k:k=25');
    const [perturbed, noise] = [1 + 2 * Math.sqrt(108), 27 * (1 + Math.sqrt(6))];
    expect(of('mcm', links)).toEqual({
      parameters: { alpha: 0.25 },
      stepSize: expect.closeTo(1 / (2 * perturbed + noise), 15),
    });
    const memory = of('mcm:memory=true', links);
    expect(memory.parameters).toEqual({ alpha: 0.25, 'alpha-uplink': 0.1 });
    expect(memory.stepSize).toBeCloseTo(1 / (2 * perturbed + 2 * noise), 15);
    expect(of('rand-mcm', links).stepSize).toBeCloseTo(1 / (3 * perturbed + noise), 15);
    // 2√(3·21·10)
    expect(of('mcm:alpha=0.1', links).stepSize).toBeCloseTo(1 / (2 * (1 + 2 * Math.sqrt(630)) + noise), 15);
    expect(of('mcm', theory('identity', 'identity')).stepSize).toBe(0.5);
  });

  test('dasha, RandK K = 10: a = 1/19, √(16·9·19/4) = √684', () => {
    const { parameters, stepSize } = of('dasha', upTo);
    expect(parameters).toEqual({ a: 1 / 19 });
    expect(stepSize).toBeCloseTo(1 / (2 + root5 * Math.sqrt(684)), 15);
  });

  test('m3: one p sets both coins, p-uplink and p-downlink each its own', () => {
    const links = theory('rand-k:k=d/n', 'perm-k');
    expect(of('m3:p=0.005,beta=0.1', links).parameters).toEqual({ 'p-downlink': 0.005, 'p-uplink': 0.005, beta: 0.1 });
    expect(of('m3:p=0.005,p-uplink=0.5', links).parameters).toMatchObject({ 'p-downlink': 0.005, 'p-uplink': 0.5 });
  });
});

describe('coins', () => {
  const quadratic: TrainOptions = {
    problem: 'heterogeneous-quadratic:d=40,sigma=0.5',
    workers: 5,
    wire: 'f64',
    stepSize: 0.3,
  };

  test('the share of dense rounds is p; M3 tosses its two coins independently', async () => {
    const rounds = 4000;
    const { server } = await openInProcess({ ...quadratic, method: 'm3:p-downlink=0.2,p-uplink=0.4', seed: 'coins' });
    await server.start();
    let both = 0;
    let [down, up] = [0, 0];
    for (let k = 0; k < rounds; k++) {
      await server.step();
      const [d, u] = [
        server.ledger.total('downlink', { kind: 'dense' }).messages / 5,
        server.ledger.total('uplink', { kind: 'dense' }).messages / 5,
      ];
      if (d > down && u > up) both++;
      [down, up] = [d, u];
    }
    const within = (count: number, p: number) =>
      expect(Math.abs(count - rounds * p)).toBeLessThan(4 * Math.sqrt(rounds * p * (1 - p)));
    within(down, 0.2);
    within(up, 0.4);
    within(both, 0.08);
  });

  test('even coins: every round has probability p, the rounds of a run are 1/p apart, the two links for themselves', async () => {
    const denseRounds = async (seed: string) => {
      const options = { ...quadratic, method: 'm3:p-downlink=0.15,p-uplink=0.4', coins: 'even', seed } as const;
      const { server } = await openInProcess(options);
      await server.start();
      const rounds: [number[], number[]] = [[], []];
      const seen = [0, 0];
      for (let k = 1; k <= 60; k++) {
        await server.step();
        for (const [link, direction] of (['downlink', 'uplink'] as const).entries()) {
          const { messages } = server.ledger.total(direction, { kind: 'dense' });
          if (messages > seen[link]) rounds[link].push(k);
          seen[link] = messages;
        }
      }
      return rounds;
    };
    const runs = [];
    for (let seed = 0; seed < 120; seed++) runs.push(await denseRounds(String(seed)));
    const often = [Array(61).fill(0), Array(61).fill(0)];
    for (const rounds of runs) {
      for (const [link, p] of [0.15, 0.4].entries()) {
        expect(Math.abs(rounds[link].length - 60 * p)).toBeLessThan(1);
        const gaps = rounds[link].slice(1).map((round, k) => round - rounds[link][k]);
        expect(gaps.every((gap) => Math.abs(gap - 1 / p) < 1)).toBe(true);
        for (const round of rounds[link]) often[link][round]++;
      }
    }
    for (const [link, p] of [0.15, 0.4].entries()) {
      // each of 60 rounds in 120 runs; 4.5 standard errors, so that one of 120 counts fails by chance once in a thousand seeds
      for (let k = 1; k <= 60; k++) {
        expect(Math.abs(often[link][k] - 120 * p)).toBeLessThan(4.5 * Math.sqrt(120 * p * (1 - p)));
      }
    }
    // where the dense rounds of one link fall says nothing of the other's
    const phases = new Set(runs.map(([down, up]) => `${down[0]} ${up[0]}`));
    expect(phases.size).toBeGreaterThan(12);
  });

  test("after a dense round MARINA's g is the gradient: with p = 1 it is gradient descent", async () => {
    const gd = await openInProcess({ ...quadratic, method: 'gd' });
    const marina = await openInProcess({ ...quadratic, method: 'marina:p=1', uplink: 'rand-k:k=1' });
    await marina.server.start();
    for (let k = 0; k < 50; k++) {
      await gd.server.step();
      await marina.server.step();
    }
    const [a, b] = [marina.server.iterate(), gd.server.iterate()];
    a.forEach((v, j) => {
      expect(v).toBeCloseTo(b[j], 12);
    });
  });
});

describe('DCGD stalls at a floor that shrinks with the step size, where DIANA goes on down', () => {
  const quadratic: TrainOptions = {
    problem: 'heterogeneous-quadratic:d=6,sigma=0.2',
    workers: 3,
    wire: 'f64',
    uplink: 'rand-k:k=2',
  };
  /** Mean of ‖∇f‖² over 200 rounds after `rounds`, relative to its value at x⁰. */
  const floor = async (method: string, stepSize: number, rounds: number) => {
    const { server } = await openInProcess({ ...quadratic, method, stepSize });
    const { gradNormSq: initial } = await server.evaluate();
    for (let k = 0; k < rounds; k++) await server.step();
    let sum = 0;
    for (let k = 0; k < 200; k++) {
      await server.step();
      sum += (await server.evaluate()).gradNormSq;
    }
    return sum / 200 / initial;
  };

  test('floors at γ = 0.1 and 0.01; shifts of either estimator take the floor away', async () => {
    const [large, small] = [await floor('dcgd', 0.1, 4000), await floor('dcgd', 0.01, 20_000)];
    expect(small).toBeGreaterThan(1e-6);
    expect(small).toBeLessThan(large / 4);
    expect(await floor('diana', 0.1, 8000)).toBeLessThan(1e-20);
    expect(await floor('diana:estimator=shift', 0.05, 16_000)).toBeLessThan(1e-20);
  });
});

// M3's constants are large: √288 of them
test.each([
  ['marina', 6000],
  ['marina-p', 6000],
  ['m3', 30_000],
] as const)(
  '%s with its own compressors and theory step size converges on a strongly convex quadratic',
  async (method, rounds) => {
    const { server } = await openInProcess({
      problem: 'heterogeneous-quadratic:d=6,nu=1,sigma=0.2',
      workers: 3,
      wire: 'f64',
      method,
      uplink: method === 'marina-p' ? undefined : 'rand-k:k=2',
    });
    const { gradNormSq: initial } = await server.evaluate();
    await server.start();
    for (let k = 0; k < rounds; k++) await server.step();
    const { gradNormSq } = await server.evaluate();
    expect(gradNormSq).toBeLessThan(1e-12 * initial);
  },
);

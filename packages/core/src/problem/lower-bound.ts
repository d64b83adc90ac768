import { ANY_PRECISION, type Vector } from '../vector.js';
import { type ProblemFamily, type Smoothness, smoothnessFrom } from './problem.js';

/** ∇F_T is ℓ₁-Lipschitz, and F_T(0) − inf F_T ≤ Δ⁰ T [Carmon et al., Lemma 3]. */
const L1 = 152;
const DELTA = 12;

/**
 * Lipschitz constant of the gradient of one block j ≥ 2, the smallest there is: 133.85 = √(2πe) max |Ψ″|, which its Hessian
 * comes to as x_j → ∞. Ψ″(z) = e^{1−s}(16s³ − 24s²) with s = (2z − 1)^{−2}, largest at s = (9 + √33)/4.
 */
const BLOCK = (() => {
  const s = (9 + Math.sqrt(33)) / 4;
  return Math.sqrt(2 * Math.PI * Math.E) * Math.exp(1 - s) * (16 * s ** 3 - 24 * s ** 2);
})();

/**
 * The instance behind the lower bound for compressed downlinks [MARINA-P, eq. (36), Theorems 3.1 and G.4]: a zero-chain, its
 * blocks dealt out to the workers like cards.
 *
 *   f_i(x) = n (L λ²/ℓ₁) Σ_{j = i, i+n, i+2n, …} B_j(x/λ),  f = (1/n) Σ f_i = (L λ²/ℓ₁) F_T(x/λ),  F_T = B_1 + … + B_T,
 *   B_1(x) = −Ψ(1) Φ(x_1),  B_j(x) = Ψ(−x_{j−1}) Φ(−x_j) − Ψ(x_{j−1}) Φ(x_j),
 *   λ = √(2ε) ℓ₁/L,  T = d = ⌊δ⁰L/(2ε ℓ₁Δ⁰)⌋,  ℓ₁ = 152, Δ⁰ = 12,
 *
 * with F_T of Carmon, Duchi, Hinder, Sidford (Lower bounds for finding stationary points I, 2020), eq. (10), and
 * Ψ(z) = exp(1 − 1/(2z − 1)²) for z > ½ and 0 otherwise, Φ(z) = √e ∫_{−∞}^z e^{−t²/2} dt.
 *
 * f is L-smooth, f(0) − inf f ≤ δ⁰, and ‖∇f(x)‖² > 2ε as long as x_T = 0. From x⁰ = 0, coordinate j + 1 can move only once
 * coordinate j has reached the one worker that holds block j + 1. When that happens with chance at most q a round, the
 * expected rounds to ‖∇f(x)‖² ≤ ε are at least 1 + (T − 1)/q, whatever the step size: docs/results/lower-bound.
 *
 * Parameters: `l`, L (default 1), `delta`, δ⁰ (default 1), `t`, T (default 100, ε = δ⁰L/(2Tℓ₁Δ⁰)) or `epsilon`, ε, and
 * `dealt` (default true); with `dealt=false` all f_i are f, the control. The metric `prog` is the largest j with x_j ≠ 0,
 * or 0. L of f is the theorem's constant, an upper bound; L_i is exact: {@link dealtSmoothness}.
 */
export const lowerBound: ProblemFamily = {
  name: 'lower-bound',
  summary: 'a zero-chain dealt out to the workers, of the lower bound (MARINA-P, Theorem 3.1)',
  data: 'none',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers }) {
    const L = spec.number('l', 0, 1e9, true) ?? 1;
    const delta = spec.number('delta', 0, 1e9, true) ?? 1;
    const dealt = spec.boolean('dealt') ?? true;
    const asked = spec.number('epsilon', 0, 1e9, true);
    const most = (epsilon: number) => Math.floor((delta * L) / (2 * epsilon * L1 * DELTA));
    const T = asked === undefined ? (spec.integer('t', 1, 1e6) ?? 100) : most(asked);
    spec.rejectUnknown();
    if (!(T >= 1 && T <= 1e6)) throw spec.invalid('epsilon', String(asked), `such that T = ${T} lies in [1, 1000000]`);
    const epsilon = asked ?? (delta * L) / (2 * T * L1 * DELTA);
    const lambda = (Math.sqrt(2 * epsilon) * L1) / L;
    // one worker holds all blocks either way
    const smoothness =
      dealt && workers > 1 ? dealtSmoothness(L, T, workers) : smoothnessFrom(new Array(workers).fill(L));
    return {
      dimension: T,
      smoothness,
      // F_T(0) − Δ⁰T, F_T(0) = −Ψ(1) Φ(0)
      lowerBound: ((-L * lambda * lambda) / L1) * (bigPhi(0) + DELTA * T),
      metrics: [{ name: 'prog', better: 'higher' }],
      precisions: ANY_PRECISION,
      oracle(worker) {
        const scaled = new Float64Array(T);
        const [first, stride, weight] = dealt ? [worker, workers, workers * L] : [0, 1, L];
        return {
          smoothness: smoothness.perWorker[worker],
          gradient(x, out) {
            for (let j = 0; j < T; j++) scaled[j] = x[j] / lambda;
            out.fill(0);
            let value = 0;
            for (let j = first; j < T; j += stride) value += addBlock(scaled, j, out);
            for (let j = 0; j < T; j++) out[j] *= (weight * lambda) / L1;
            return ((weight * lambda * lambda) / L1) * value;
          },
          metrics(x, out) {
            let prog = T;
            while (prog > 0 && x[prog - 1] === 0) prog--;
            out[0] = prog;
          },
        };
      },
    };
  },
};

/**
 * Constants of the dealt instance, n ≥ 2. No two blocks of one worker share a coordinate, so that its Hessian consists of
 * theirs side by side: L_i = n L {@link BLOCK}/ℓ₁ is exact. Who holds block 1 alone has n L/ℓ₁ (|Φ″| ≤ 1), who holds none 0.
 *
 * L_A = √n L, L_B = 0: let d_j be the change of ∇B_j when worker i, who holds block j, moves by u_i. Its components at j − 1
 * and j are at most 133.85 ‖u_i‖ and √54 ‖u_i‖ (largest norms of the two rows of B_j's Hessian), u_i taken at these two
 * coordinates. Coordinate k of Σ d_j is one component of d_{k+1} and one of d_k, so ‖Σ d_j‖ ≤ (133.85 + √54)(Σ ‖u_i‖²)^½ by
 * the triangle inequality, which is less than ℓ₁ √n ((1/n) Σ ‖u_i‖²)^½.
 */
function dealtSmoothness(L: number, T: number, workers: number): Smoothness {
  const perWorker = Array.from({ length: workers }, (_, i) => {
    if (i >= T) return 0;
    return i === 0 && T <= workers ? (workers * L) / L1 : (workers * L * BLOCK) / L1;
  });
  return {
    ...smoothnessFrom(perWorker),
    f: L,
    LA: Math.sqrt(workers) * L,
    estimated: ['f', 'LA', 'LB'],
  };
}

/** Adds ∇B_{j+1}(x) to `out` and returns B_{j+1}(x): blocks are counted from 0 here. */
function addBlock(x: Float64Array, j: number, out: Vector): number {
  if (j === 0) {
    out[0] -= phi(x[0]);
    return -bigPhi(x[0]);
  }
  const z = x[j - 1];
  // Ψ(z) and Ψ(−z) are never both positive
  const s = z < 0 ? -1 : 1;
  const psi = bigPsi(s * z);
  if (psi === 0) return 0;
  const reached = bigPhi(s * x[j]);
  out[j] -= psi * phi(x[j]);
  out[j - 1] -= bigPsiSlope(s * z, psi) * reached;
  return -s * psi * reached;
}

/** Ψ(z). */
function bigPsi(z: number): number {
  return z > 0.5 ? Math.exp(1 - 1 / (2 * z - 1) ** 2) : 0;
}

/** Ψ′(z) = 4 Ψ(z)/(2z − 1)³. */
function bigPsiSlope(z: number, psi: number): number {
  return (4 * psi) / (2 * z - 1) ** 3;
}

/** Φ′(z) = √e e^{−z²/2}. */
function phi(z: number): number {
  return Math.exp(0.5 - 0.5 * z * z);
}

/**
 * Φ(z), absolute error about 1e-15: ½ √(2πe) + √e e^{−z²/2} (z + z³/3 + z⁵/(3·5) + …) [G. Marsaglia, Evaluating the normal
 * distribution, Journal of Statistical Software 11 (2004)].
 */
function bigPhi(z: number): number {
  const half = 0.5 * Math.sqrt(2 * Math.PI * Math.E);
  // the tail is below 1e-18
  if (Math.abs(z) > 9) return z > 0 ? 2 * half : 0;
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return half + phi(z) * sum;
}

import { type ProblemFamily, smoothnessFrom } from './problem.js';

/** ∇F_T is ℓ₁-Lipschitz, and F_T(0) − inf F_T ≤ Δ⁰ T [Carmon et al., Lemma 3]. */
const L1 = 152;
const DELTA = 12;

/**
 * The function behind the lower bound for compressed downlinks [MARINA-P, eq. (36), Theorem 3.1]: all f_i are
 *
 *   f(x) = (L λ²/ℓ₁) F_T(x/λ),  λ = √(2ε) ℓ₁/L,  T = d = ⌊δ⁰L/(2ε ℓ₁Δ⁰)⌋,  ℓ₁ = 152, Δ⁰ = 12,
 *
 * with the zero-chain of Carmon, Duchi, Hinder, Sidford (Lower bounds for finding stationary points I, 2020), eq. (10),
 *
 *   F_T(x) = −Ψ(1) Φ(x_1) + Σ_{i=2}^T [Ψ(−x_{i−1}) Φ(−x_i) − Ψ(x_{i−1}) Φ(x_i)],
 *   Ψ(z) = exp(1 − 1/(2z − 1)²) for z > ½ and 0 otherwise,  Φ(z) = √e ∫_{−∞}^z e^{−t²/2} dt.
 *
 * f is L-smooth, f(0) − inf f ≤ δ⁰, and ‖∇f(x)‖² > 2ε as long as x_T = 0. From x⁰ = 0 the gradient at x is zero beyond the
 * coordinate that comes after the last non-zero one of x: a method that hears of one coordinate at a time needs T rounds
 * in which a compressor lets just that one pass.
 *
 * Parameters: `l`, L (default 1), `delta`, δ⁰ (default 1), and `t`, T (default 100, ε = δ⁰L/(2Tℓ₁Δ⁰)) or `epsilon`, ε. L is
 * the theorem's constant, an upper bound of the smallest one.
 */
export const lowerBound: ProblemFamily = {
  name: 'lower-bound',
  summary: 'the zero-chain of the lower bound (MARINA-P, Theorem 3.1)',
  data: 'none',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers }) {
    const L = spec.number('l', 0, 1e9, true) ?? 1;
    const delta = spec.number('delta', 0, 1e9, true) ?? 1;
    const asked = spec.number('epsilon', 0, 1e9, true);
    const most = (epsilon: number) => Math.floor((delta * L) / (2 * epsilon * L1 * DELTA));
    const T = asked === undefined ? (spec.integer('t', 1, 1e6) ?? 100) : most(asked);
    spec.rejectUnknown();
    if (!(T >= 1 && T <= 1e6)) throw spec.invalid('epsilon', String(asked), `such that T = ${T} lies in [1, 1000000]`);
    const epsilon = asked ?? (delta * L) / (2 * T * L1 * DELTA);
    const lambda = (Math.sqrt(2 * epsilon) * L1) / L;
    return {
      dimension: T,
      smoothness: smoothnessFrom(new Array(workers).fill(L)),
      oracle: () => {
        const scaled = new Float64Array(T);
        return {
          smoothness: L,
          gradient(x, out) {
            for (let j = 0; j < T; j++) scaled[j] = x[j] / lambda;
            const value = zeroChain(scaled, out);
            for (let j = 0; j < T; j++) out[j] *= (L * lambda) / L1;
            return ((L * lambda * lambda) / L1) * value;
          },
        };
      },
    };
  },
};

/** Writes ∇F_T(x) to `out` and returns F_T(x). */
function zeroChain(x: Float64Array, out: Float64Array): number {
  let value = -bigPhi(x[0]);
  out[0] = -phi(x[0]);
  for (let i = 1; i < x.length; i++) {
    const z = x[i - 1];
    // Ψ(z) and Ψ(−z) are never both positive
    const s = z < 0 ? -1 : 1;
    const psi = bigPsi(s * z);
    out[i] = 0;
    if (psi === 0) continue;
    const reached = bigPhi(s * x[i]);
    value -= s * psi * reached;
    out[i] = -psi * phi(x[i]);
    out[i - 1] -= bigPsiSlope(s * z, psi) * reached;
  }
  return value;
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

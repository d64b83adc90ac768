// Gaussians that both ends of a link must agree on: ECMAScript leaves Math.log and Math.exp to the engine, so everything
// here is +, −, ×, ÷ and √, which IEEE 754 fixes to the last bit.

const LN2 = 0.6931471805599453;
const SQRT_HALF = Math.SQRT1_2;

/** Natural logarithm of a normal positive number, by plain IEEE arithmetic; relative error below 1e-15. */
export function exactLog(x: number): number {
  let exponent = 0;
  let m = x;
  while (m < SQRT_HALF) {
    m *= 2;
    exponent--;
  }
  while (m >= 2 * SQRT_HALF) {
    m *= 0.5;
    exponent++;
  }
  // log m = 2 artanh(s) = 2 (s + s³/3 + s⁵/5 + …) with |s| ≤ 0.172
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let k = 21; k >= 1; k -= 2) sum = sum * s2 + 1 / k;
  return exponent * LN2 + 2 * s * sum;
}

function horner(coefficients: readonly number[], r: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * r + coefficients[i];
  return sum;
}

/**
 * The standard normal quantile Φ⁻¹(p), 0 < p < 1, to about 16 digits: algorithm AS 241 (PPND16), M. J. Wichura, Applied
 * Statistics 37 (1988) 477–484.
 */
export function standardNormalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(CENTRE_A, r)) / horner(CENTRE_B, r);
  }
  const r = Math.sqrt(-exactLog(q < 0 ? p : 1 - p));
  const tail = r <= 5 ? horner(NEAR_C, r - 1.6) / horner(NEAR_D, r - 1.6) : horner(FAR_E, r - 5) / horner(FAR_F, r - 5);
  return q < 0 ? -tail : tail;
}

const CENTRE_A = [
  3.387132872796366608, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
  4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
];
const CENTRE_B = [
  1, 4.2313330701600911252e1, 6.871870074920579083e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
  3.930789580009271061e4, 2.8729085735721942674e4, 5.226495278852854561e3,
];
const NEAR_C = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258,
  2.4178072517745061177e-1, 2.27238449892691845833e-2, 7.7454501427834140764e-4,
];
const NEAR_D = [
  1, 2.05319162663775882187, 1.6763848301838038494, 6.8976733498510000455e-1, 1.4810397642748007459e-1,
  1.51986665636164571966e-2, 5.475938084995344946e-4, 1.05075007164441684324e-9,
];
const FAR_E = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 2.9656057182850489123e-1,
  2.6532189526576123093e-2, 1.2426609473880784386e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
];
const FAR_F = [
  1, 5.9983220655588793769e-1, 1.3692988092273580531e-1, 1.48753612908506148525e-2, 7.868691311456132591e-4,
  1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
];

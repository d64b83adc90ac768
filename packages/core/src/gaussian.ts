// Gaussians that both ends of a link must agree on: ECMAScript leaves Math.log and Math.exp to the engine, so everything
// here is +, −, ×, ÷ and √, which IEEE 754 fixes to the last bit.

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
  return exponent * Math.LN2 + 2 * s * sum;
}

/** e^x for −745 < x ≤ 0, by plain IEEE arithmetic; relative error below 1e-13. */
export function exactExp(x: number): number {
  // e^x = (e^(x / 2¹⁰))^(2¹⁰), the inner one by its series
  const y = x / 1024;
  let sum = 1;
  for (let k = 12; k >= 1; k--) sum = 1 + (sum * y) / k;
  for (let k = 0; k < 10; k++) sum *= sum;
  return sum;
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
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
  33430.57558358813, 2509.0809287301227,
];
const CENTRE_B = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271, 28729.085735721943,
  5226.495278852854,
];
const NEAR_C = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684, 0.2417807251774506,
  0.022723844989269184, 0.0007745450142783414,
];
const NEAR_D = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
];
const FAR_E = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const FAR_F = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
  1.421511758316446e-7, 2.0442631033899397e-15,
];

import type { LinkTheory, Theory } from './method.js';

/** Whether n workers' messages err no more together than independent ones do: A ≤ ω/n, B = 0. */
export function isIndependent({ omega, A, B }: Pick<LinkTheory, 'omega' | 'A' | 'B'>, workers: number): boolean {
  return B === 0 && A <= (omega / workers) * (1 + 1e-12);
}

/** Why a theorem that assumes independent messages says nothing of this uplink; undefined where it does. */
export function uncoveredUnlessIndependent({ uplink, workers }: Theory, theorem: string): string | undefined {
  if (isIndependent(uplink, workers)) return undefined;
  const [A, least] = [uplink.A, uplink.omega / workers].map((v) => Number(v.toPrecision(4)));
  return `${theorem} assumes that the workers' messages are independent, which have A = ω/n = ${least} and B = 0 (docs/methods.md), and these have A = ${A} and B = ${uplink.B}`;
}

/** Why a proof that holds for a parameter up to `most` says nothing of this value; undefined where it does. */
export function uncoveredAbove(name: string, value: number, most: number, formula: string): string | undefined {
  // what was written down of 1/(1 + ω) is no more than that
  if (value <= most * (1 + 1e-9)) return undefined;
  return `${name}=${value} is more than ${formula} = ${Number(most.toPrecision(4))}, the most that its proof allows`;
}

/** A warning for methods whose rounds are dense with probability p, where that is most of them although Q is no identity. */
export function hardlyCompresses(method: string, { omega }: LinkTheory, p: number): string | undefined {
  if (omega === 0 || p <= 0.5) return undefined;
  return `method ${method}: p = ${Number(p.toPrecision(3))}, so most uplinks are dense and little is compressed; ζ/d is near 1 for a compressor that keeps most coordinates; give one that keeps few, such as rand-k, or p, such as ${method}:p=0.1`;
}

import { createCompressor } from '@flotilla/compressors';
import { type LinkTheory, type Method, methods, type Smoothness, Spec, type Theory } from '@flotilla/core';

// What docs/complexity.md is made of: the methods' own step sizes, bounds and traffic for numbers that are stated, no run.

/** n, d, the links' compressors and the problem's constants. */
export interface Setting {
  readonly workers: number;
  readonly dimension: number;
  /** m and b′ for finite sums. */
  readonly samples?: number;
  readonly uplink?: string;
  readonly downlink?: string;
  readonly smoothness: Smoothness;
}

/** A method in a setting, with δ⁰ = ε = 1: rounds are in units of δ⁰/ε, coordinates in rounds of them. */
export interface Complexity {
  readonly stepSize: number;
  /** 2/γ, where the method's theorem has that bound. */
  readonly rounds: number | undefined;
  /** Expected coordinates a worker and round. */
  readonly uplink: number;
  readonly downlink: number;
}

/** L_i = L, all functions' Hessians within `spread` of their mean's norm: quadratics by MARINA-P's Theorem 4.9. */
export function constants(L: number, spread: number, trace?: number): Smoothness {
  const max = L + spread;
  return {
    f: L,
    perWorker: [],
    rms: L,
    max,
    LA: Math.SQRT2 * spread,
    LB: Math.SQRT2 * L,
    sampleRms: L,
    ...(trace === undefined ? {} : { trace }),
  };
}

function theoryOf({ workers, dimension, samples, uplink, downlink }: Setting): Theory {
  const link = (spec = 'identity'): LinkTheory => {
    const { omega, A = omega, B = 0, ...rest } = createCompressor(spec, { dimension, workers, wire: 'f32' }).constants;
    return { ...rest, omega, A, B };
  };
  return { workers, dimension, samples, uplink: link(uplink), downlink: link(downlink) };
}

/** @param spec A method and its parameters, as `--method` has them */
export function complexity(spec: string, setting: Setting): Complexity {
  const parsed = Spec.parse('method', spec);
  const method = methods[parsed.name] as Method;
  const theory = theoryOf(setting);
  const parameters = method.parameters(parsed, theory);
  const stepSize = method.stepSize(theory, setting.smoothness, parameters);
  const { uplink, downlink } = method.traffic(parameters, setting.workers);
  const length = method.messageDimension?.(parameters) ?? setting.dimension;
  const coordinates = ({ dense = 0, compressed = 0 }, density: number) => dense * length + compressed * density;
  // so small a target that rounding up does not show
  const tiny = 1e-9;
  const bound = method.bound?.({ stepSize, delta: 1, target: tiny }, setting.smoothness, parameters, theory);
  return {
    stepSize,
    rounds: bound && bound.rounds * tiny,
    uplink: coordinates(uplink, theory.uplink.density),
    downlink: coordinates(downlink, theory.downlink.density),
  };
}

/** A row of MARINA's Table 1: rounds in units of δ⁰L/ε² as the paper writes them, constants left out. */
export interface MarinaRow {
  readonly name: string;
  readonly method: string;
  readonly order: string;
  readonly value: (of: { omega: number; n: number; m: number; r: number }) => number;
}

export const marinaTable: readonly MarinaRow[] = [
  {
    name: 'DIANA, Li and Richtárik',
    method: 'diana:theory=li-richtarik',
    order: '1 + (1 + ω)√(ω/n)',
    value: ({ omega, n }) => 1 + (1 + omega) * Math.sqrt(omega / n),
  },
  {
    name: 'DIANA, Horváth et al.',
    method: 'diana',
    order: '(1 + ω)√(1 + ω/n)',
    value: ({ omega, n }) => (1 + omega) * Math.sqrt(1 + omega / n),
  },
  {
    name: 'MARINA',
    method: 'marina',
    order: '1 + ω/√n',
    value: ({ omega, n }) => 1 + omega / Math.sqrt(n),
  },
  {
    name: 'VR-DIANA',
    method: 'vr-diana:batch=1',
    order: '(m^{2/3} + ω)√(1 + ω/n)',
    value: ({ omega, n, m }) => (m ** (2 / 3) + omega) * Math.sqrt(1 + omega / n),
  },
  {
    name: 'VR-MARINA',
    method: 'vr-marina:batch=1',
    order: '1 + max{ω, √((1 + ω)m)}/√n',
    value: ({ omega, n, m }) => 1 + Math.max(omega, Math.sqrt((1 + omega) * m)) / Math.sqrt(n),
  },
  {
    name: 'PP-MARINA',
    method: 'pp-marina:sampled=R',
    order: '1 + (1 + ω)√n/r',
    value: ({ omega, n, r }) => 1 + ((1 + omega) * Math.sqrt(n)) / r,
  },
];

/** The row's method in the setting of the table: RandK with K coordinates, L_i = L_ij = 1. */
export function marinaComplexity(
  { method }: Pick<MarinaRow, 'method'>,
  { n, d, K, m, r }: { n: number; d: number; K: number; m: number; r: number },
): Complexity {
  return complexity(method.replace('R', `${r}`), {
    workers: n,
    dimension: d,
    samples: m,
    ...(method === 'gd' ? {} : { uplink: `rand-k:k=${K}` }),
    smoothness: constants(1, 0),
  });
}

/** A row of MARINA-P's Table 1: coordinates a worker in units of dδ⁰/ε, constants left out. */
export interface MarinaPRow {
  readonly name: string;
  readonly method: string;
  readonly uplink?: string;
  readonly downlink?: string;
  /** Server to worker, and both links, where the paper's claim is about them. */
  readonly down?: string;
  readonly total?: string;
}

export const marinaPTable: readonly MarinaPRow[] = [
  { name: 'GD', method: 'gd', down: 'L', total: 'L' },
  { name: 'EF21-P, TopK', method: 'ef21-p', downlink: 'top-k:k=d/n', down: 'L' },
  { name: 'MARINA-P, SameRandK', method: 'marina-p', downlink: 'same-rand-k:k=d/n', down: 'L + h' },
  { name: 'MARINA-P, RandK', method: 'marina-p', downlink: 'rand-k:k=d/n', down: 'L/√n + h' },
  { name: 'MARINA-P, PermK', method: 'marina-p', downlink: 'perm-k', down: 'L/n + h' },
  {
    name: 'M3, PermK down, RandK up',
    method: 'm3',
    uplink: 'rand-k:k=d/n',
    downlink: 'perm-k',
    total: 'L_max/n^{1/3} + h',
  },
  { name: 'CORE', method: 'core', down: 'tr(A)/d', total: 'tr(A)/d' },
];

/** Coordinates a worker until E‖∇f(x̂)‖² ≤ ε by the method's bound, in units of dδ⁰L/ε. h = max‖A_i − A‖, in units of L. */
export function marinaPCoordinates(
  { method, uplink, downlink }: MarinaPRow,
  { n, d, h }: { n: number; d: number; h: number },
): { readonly down: number; readonly total: number } {
  const found = complexity(method, {
    workers: n,
    dimension: d,
    ...(uplink === undefined ? {} : { uplink }),
    ...(downlink === undefined ? {} : { downlink }),
    smoothness: constants(1, h, d),
  });
  const rounds = found.rounds ?? Number.NaN;
  return { down: (rounds * found.downlink) / d, total: (rounds * (found.downlink + found.uplink)) / d };
}

import { join } from 'node:path';
import { FlotillaError, methods, readDataset, UsageError } from '@flotilla/core';
import { writeWhole } from '@flotilla/core/internal';
import type { Target } from '../../experiment/run-record.js';
import { resolveData } from '../../reproduce/run-figure.js';
import { type Combination, methodOf } from '../methods.js';

/** A problem that all methods are run on, to one target. */
export interface Case {
  readonly id: string;
  readonly title: string;
  /** What it is, and why it is here. */
  readonly about: string;
  readonly problem: string;
  readonly data?: string;
  readonly workers: number;
  readonly target: Target;
  /** Rounds after which a run is given up. */
  readonly rounds: number;
  readonly evalEvery: number;
}

/** A row of the tables. */
export interface Entry extends Combination {
  /** Whether it has other compressors or parameters than the method's own. */
  readonly variant: boolean;
}

/**
 * What might change who wins: natural compression, PermK where a method's theory takes it, and the parameters that a method is
 * known with beside its own.
 */
const VARIANTS: readonly Combination[] = [
  { method: 'dcgd', uplink: 'natural' },
  { method: 'diana:theory=li-richtarik' },
  { method: 'diana', uplink: 'natural' },
  { method: 'diana', uplink: 'perm-k+natural' },
  { method: 'marina', uplink: 'perm-k+natural' },
  { method: 'dasha', uplink: 'perm-k+natural' },
  { method: 'marina-p', downlink: 'perm-k+natural' },
  { method: 'm3', downlink: 'perm-k+natural', uplink: 'perm-k+natural' },
  { method: 'ef21-p', downlink: 'natural' },
  { method: 'ef21-p-dcgd', downlink: 'natural', uplink: 'natural' },
  { method: 'ef21-p-diana', downlink: 'natural', uplink: 'natural' },
  { method: 'ef21-bc', downlink: 'natural', uplink: 'natural' },
  { method: 'dist-ef-sgd', downlink: 'natural', uplink: 'natural' },
  { method: 'dore', downlink: 'natural', uplink: 'natural' },
  { method: 'mcm:memory=true' },
  { method: 'mcm:memory=true', downlink: 'natural', uplink: 'natural' },
  { method: 'rand-mcm:memory=true' },
];

/** Every method there is with its own compressors, and the variants. @param asked Names of methods. */
export function entries(asked?: readonly string[]): Entry[] {
  const own = Object.keys(methods).map((method) => ({ method, variant: false }));
  const others = VARIANTS.map((combination) => ({ ...combination, variant: true }));
  return [...own, ...others].filter(({ method }) => asked === undefined || asked.includes(methodOf(method).name));
}

export const CASE_IDS = ['mushrooms', 'quadratic', 'mnist'] as const;
export type CaseId = (typeof CASE_IDS)[number];

export interface CaseOptions {
  readonly quick: boolean;
  /** Folder of the LIBSVM files, if there is one. */
  readonly dataFolder: string | undefined;
  /** Folder that files may be written to. */
  readonly out: string;
  /** MNIST images that are used; undefined: all. */
  readonly images: number | undefined;
}

/** The three problems. @throws FlotillaError where data cannot be read */
export const CASES: Readonly<Record<CaseId, (options: CaseOptions) => Promise<Case>>> = {
  mushrooms: async ({ quick, dataFolder }) => ({
    id: 'mushrooms',
    title: 'Mushrooms, n = 20',
    about:
      'Binary classification with the non-convex loss of MARINA’s experiments on mushrooms, d = 113, 406 samples a worker in file order, x⁰ = 0. d is small: a dense vector takes 452 bytes, the header of a frame 8. The target is one of f and not of ‖∇f‖², because this loss is flat far from x⁰: a step size that is much too large makes ‖∇f‖² small wherever it leads.',
    problem: 'nonconvex-logistic',
    data: resolveData('mushrooms', dataFolder),
    workers: 20,
    target: { value: quick ? 0.05 : 0.02, of: 'loss' },
    rounds: quick ? 300 : 3000,
    evalEvery: 2,
  }),
  quadratic: async ({ quick }) => ({
    id: 'quadratic',
    title: `Heterogeneous quadratics, n = ${quick ? 10 : 100}`,
    about:
      'The quadratics of MARINA-P’s experiments (F.3), L_A² = 1, L_B² = 1000, x⁰ = 0: nearly one Hessian for all workers, and linear terms that are independent. Convex, not strongly so in practice: the smallest eigenvalue of the Hessian is some 37,000 times below the largest where d = 300. The problem is drawn by the seed.',
    problem: `heterogeneous-quadratic:${quick ? 'd=40,' : ''}la2=1,lb2=1000`,
    workers: quick ? 10 : 100,
    target: { value: 0.1, relative: true },
    rounds: 2000,
    evalEvery: quick ? 1 : 2,
  }),
  mnist: async ({ quick, out, images }) => {
    const count = quick ? Math.min(images ?? 1000, 1000) : images;
    return {
      id: 'mnist',
      title: 'MNIST, n = 20',
      about: `Softmax regression on ${count === undefined ? 'the 60,000 training images' : `the first ${count.toLocaleString('en-US')} training images`} of MNIST, d = 7,850, dealt out at random, x⁰ = 0. Softmax and not the autoencoder, because it has smoothness constants, and so theory has step sizes. The seed also draws the shards.`,
      problem: 'softmax',
      data: count === undefined ? 'mnist' : await firstImages(out, count),
      workers: 20,
      target: { value: quick ? 1 : 0.4, of: 'loss' },
      rounds: quick ? 100 : 800,
      evalEvery: 2,
    };
  },
};

/** Writes the first training images of MNIST as a data set of its own, and returns its path. */
async function firstImages(folder: string, count: number): Promise<string> {
  const data = await readDataset('mnist');
  const { rowStart, column } = data;
  if (rowStart === undefined || column === undefined) throw new FlotillaError('internal', 'MNIST is a sparse data set');
  if (count > data.samples) throw new UsageError(`--images must be at most ${data.samples}, not ${count}`);
  const side = Math.sqrt(data.features);
  const pixels = new Uint8Array(count * data.features);
  for (let s = 0; s < count; s++) {
    const end = rowStart[s + 1] as number;
    for (let k = rowStart[s] as number; k < end; k++) {
      pixels[s * data.features + (column[k] as number)] = data.value[k] as number;
    }
  }
  const path = join(folder, `mnist-${count}-images-idx3-ubyte`);
  writeWhole(path, idx([count, side, side], pixels), () => true);
  const labels = Uint8Array.from(data.label.subarray(0, count));
  writeWhole(path.replace('images-idx3', 'labels-idx1'), idx([count], labels), () => true);
  return path;
}

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  for (const [axis, length] of shape.entries()) bytes.writeUInt32BE(length, 4 + 4 * axis);
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

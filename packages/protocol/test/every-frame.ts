import { KeyedRandom } from '@flotilla/core';
import { Boundary, type BoundaryOptions } from '../dist/boundary.js';
import { FrameKind, HEADER_BYTES, packControl, packState, writeHeader } from '../dist/index.js';

/** A frame as its sender writes it, before a checksum. */
export interface SampleFrame {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly way: 'down' | 'up';
  /** Who it goes to, or comes from. */
  readonly worker: number | 'all';
  /** What reads it, where it carries vectors. */
  readonly receiver?: Boundary;
  readonly round: number;
}

const WORKER = 1;
const COMPRESSORS = [
  'rand-k:k=3',
  'same-rand-k:k=3',
  'perm-k',
  'bernoulli:p=0.5',
  'top-k:k=3',
  'natural',
  'natural-dithering:levels=4',
  'qsgd:levels=4',
  'l2-quantization',
  'packed',
  'core:m=3',
  'top-k:k=3+natural',
  'rand-k:k=3+qsgd:levels=2',
];

/** Frames of every kind, form and compressor, all of at most 256 bytes. */
export function everyFrame(dimension = 8, round = 7): SampleFrame[] {
  const random = new KeyedRandom('frames');
  const x = Float64Array.from({ length: dimension }, (_, j) => Math.fround(Math.sin(1 + j) * 3));
  const y = x.map((v, j) => (j % 5 === 0 ? v + 1 : v));
  const none = { form: 'none', vector: x } as const;
  const link = { dimension, workers: 4, compressor: undefined, random, coins: 2 } as const;

  const vectors = (name: string, options: Partial<BoundaryOptions>, outgoing: Parameters<Boundary['write']>[4]) =>
    (['down', 'up'] as const).flatMap((way) =>
      (['f32', 'f64'] as const).map((wire): SampleFrame => {
        const direction = way === 'down' ? 'downlink' : 'uplink';
        const all = { ...link, ...options, wire, direction } as const;
        const sender = new Boundary(all);
        const room = new Uint8Array(sender.maxFrameBytes(outgoing));
        const length = sender.write(FrameKind[direction], round, way === 'down' ? 3 : 0, WORKER, outgoing, room);
        const toAll = way === 'down' && name.startsWith('dense');
        return {
          name: `${direction} ${name} ${wire}`,
          frame: room.slice(0, length),
          way,
          worker: toAll ? 'all' : WORKER,
          receiver: new Boundary(all),
          round,
        };
      }),
    );
  const plain = (kind: keyof typeof FrameKind, way: 'down' | 'up', worker: number | 'all', payload: Uint8Array) => {
    const exchange = ['snapshot', 'state', 'restore', 'restored'].includes(kind);
    const of = exchange ? 2 ** 31 + round : kind === 'start' ? 0 : round;
    const frame = new Uint8Array(HEADER_BYTES + payload.length);
    writeHeader({ kind: FrameKind[kind], form: 'none', coins: 0, extra: 0, round: of }, frame);
    frame.set(payload, HEADER_BYTES);
    return { name: kind, frame, way, worker, round: of };
  };
  const empty = new Uint8Array(0);
  const bytes = (vector: Float64Array) => new Uint8Array(vector.slice().buffer);
  const state = packState({ round: 6, seconds: 0.5, calls: 3, 'method/g': x });
  return [
    plain('start', 'down', 'all', empty),
    ...vectors('none', {}, none),
    ...vectors('dense', {}, { form: 'dense', vector: x }),
    ...vectors('dense packed', { dense: 'packed' }, { form: 'dense', vector: x }),
    ...vectors('dense, 2 vectors', {}, { form: 'dense', vector: x, extra: [y] }),
    ...vectors('delta', {}, { form: 'dense', vector: y, deltaBase: x }),
    ...COMPRESSORS.flatMap((compressor) =>
      vectors(compressor, { compressor }, { form: 'compressed', vector: x, extra: [] }).concat(
        vectors(`${compressor}, 3 vectors`, { compressor }, { form: 'compressed', vector: x, extra: [y, x] }),
      ),
    ),
    plain('evaluate', 'down', 'all', bytes(x)),
    plain('evaluation', 'up', WORKER, bytes(Float64Array.of(1, ...x, 0.5))),
    plain('failure', 'up', WORKER, packControl({ type: 'failed', code: 'protocol', message: 'no', refusal: 'stale' })),
    plain('snapshot', 'down', 'all', empty),
    plain('state', 'up', WORKER, state),
    plain('restore', 'down', WORKER, state),
    plain('restored', 'up', WORKER, empty),
  ];
}

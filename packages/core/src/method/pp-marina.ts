import type { Outgoing } from '../message.js';
import { EVERY_WORKER, Rng } from '../random.js';
import { axpy, subtract, type Vector } from '../vector.js';
import { boundWithMu } from './bound.js';
import { type Context, defineMethod } from './method.js';
import { type PolyakLojasiewicz, polyakLojasiewicz } from './parameters.js';
import { hardlyCompresses, uncoveredUnlessIndependent } from './uplink-theory.js';

interface PpMarinaParameters extends PolyakLojasiewicz {
  /** Probability of a round in which every worker sends its gradient. */
  readonly p: number;
  /** r, workers drawn for any other round. */
  readonly sampled: number;
  /** Who gets g: all, or those that take part. */
  readonly downlink: 'broadcast' | 'participants';
}

type PpContext = Context<PpMarinaParameters>;

/** Coin: every worker sends its gradient. */
const ALL = 1;

/** Visits the workers of a round with c = 0: r draws with replacement, derived on both sides from the run's randomness. */
function drawWorkers({ random, workers, parameters }: PpContext, round: number, visit: (worker: number) => void): void {
  const rng = random.stream(new Rng(), 'participants', round, EVERY_WORKER);
  for (let k = 0; k < parameters.sampled; k++) visit(rng.below(workers));
}

/** How often `worker` was drawn for `round`. */
function drawnTimes(context: PpContext, round: number, worker: number): number {
  let times = 0;
  drawWorkers(context, round, (drawn) => {
    if (drawn === worker) times++;
  });
  return times;
}

/** x⁺ = x − γ g, kept on the wire's grid where x itself may have to be sent later. */
function move(context: PpContext, g: Vector, x: Vector): void {
  axpy(-context.stepSize, g, x);
  if (context.parameters.downlink === 'participants') context.toWire(x);
}

/** x⁰, on the wire's grid in the same case. */
function initial(context: PpContext): Vector {
  const x = context.start.slice();
  if (context.parameters.downlink === 'participants') context.toWire(x);
  return x;
}

/**
 * PP-MARINA, partial participation [Gorbunov, Burlachenko, Li, Richtárik, ICML 2021, Algorithm 4].
 *
 *   g⁰ = ∇f(x⁰);  x⁺ = x − γ g;  c ~ Be(p)
 *   c = 1: every worker sends ∇f_i(x⁺), g⁺ = the mean
 *   c = 0: r workers, drawn uniformly with replacement, send Q_i(∇f_i(x⁺) − ∇f_i(x)), one drawn t times t independent
 *   compressions; g⁺ = g + (1/r) Σ over the r draws
 *
 * p = ζr/(dn); γ = 1 / (L (1 + √((1−p)(1+ω)/(pr)))), L = √((1/n) Σ L_i²) (Theorem 4.1); with μ (Polyak–Łojasiewicz) a
 * factor 2 under the root and at most p/(2μ) (Theorem E.2). Parameters: `sampled` (r, default ⌈n/10⌉), `p`, `mu`;
 * `downlink`, `broadcast` (the paper's: g to all) or `participants`: only who takes part in a round gets g, and, when it
 * missed the round before, x. x is then kept in the width of the wire on both sides, since any part of it may have to be sent.
 * Workers may be away (`elastic`) with `downlink=participants`: f is then the mean over those that are there, n their number in the
 * means, a worker that is drawn and away sends nothing, and a round in which others are there than before has c = 1
 * (docs/decisions/0026).
 * With a batch both gradients of a difference are of the same samples, as in `marina`.
 */
export const ppMarina = defineMethod({
  name: 'pp-marina',
  summary: 'as marina, with a sample of the workers in each round',
  coins: 1,
  description: {
    paper: 'MARINA (Gorbunov, Burlachenko, Li, Richtárik, ICML 2021)',
    algorithm: 'Algorithm 4',
    theorem: 'Theorem 4.1; under PŁ Theorem E.2',
    downlink: 'g dense to all; with downlink=participants to those that take part, x before it where it was missed',
    uplink: '∇f_i(x⁺) dense from all with probability p, else Q_i(∇f_i(x⁺) − ∇f_i(x)) from r drawn workers',
    stepSize: '1/(L_rms (1 + √((1 − p)(1 + ω)/(pr))))',
    stepSizePL: 'min{1/(L_rms (1 + √(2(1 − p)(1 + ω)/(pr)))), p/(2μ)}',
    parameters: {
      sampled: 'r, workers drawn with replacement: ⌈n/10⌉',
      p: 'probability of a round in which every worker sends its gradient: ζr/(dn)',
      downlink: 'broadcast: g to all workers; participants: to those that take part',
      mu: 'μ of the Polyak–Łojasiewicz condition',
    },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  stochastic: 'differences',
  parameters(spec, { uplink, dimension, workers }): PpMarinaParameters {
    const sampled = spec.integer('sampled', 1, workers) ?? Math.ceil(workers / 10);
    const downlink = spec.choice('downlink', ['broadcast', 'participants']) ?? 'broadcast';
    const p = spec.number('p', 0, 1, true) ?? Math.min(1, (uplink.density * sampled) / (dimension * workers));
    return { p, sampled, downlink, ...polyakLojasiewicz(spec) };
  },
  gaps: ({ downlink }) => downlink === 'participants',
  elastic: ({ downlink }) => downlink === 'participants',
  report: ({ p, sampled, downlink, ...rest }) =>
    downlink === 'participants' ? { p, sampled, 'participants-downlink': 1, ...rest } : { p, sampled, ...rest },
  traffic({ p, sampled, downlink }, workers) {
    // a worker is drawn at least once with probability 1 − (1 − 1/n)^r; one that was left out gets x as well
    const drawn = 1 - (1 - 1 / workers) ** sampled;
    const takesPart = p + (1 - p) * drawn;
    return {
      uplink: { dense: p, compressed: ((1 - p) * sampled) / workers },
      downlink: { dense: downlink === 'participants' ? takesPart * (1 + (1 - takesPart)) : 1 },
    };
  },
  uncovered: (theory) => uncoveredUnlessIndependent(theory, 'Theorem 4.1'),
  warning: ({ uplink }, { p }) => hardlyCompresses('pp-marina', uplink, p),
  stepSize({ uplink: { omega } }, { rms }, { p, sampled, mu }) {
    const variance = ((1 - p) * (1 + omega)) / (p * sampled);
    if (mu === undefined) return 1 / (rms * (1 + Math.sqrt(variance)));
    return Math.min(1 / (rms * (1 + Math.sqrt(2 * variance))), p / (2 * mu));
  },
  bound: (input, smoothness, parameters) => boundWithMu(input, smoothness, parameters),
  server: {
    init: (context) => ({
      x: initial(context),
      g: context.zeros(),
      before: context.zeros(),
      /** How often each worker was drawn this round, and the last round that it took part in. */
      drawn: new Float64Array(context.workers),
      lastRound: new Float64Array(context.workers),
    }),
    start: (state, _context, mean) => state.g.set(mean),
    plan(state, context, coin, round, attendance) {
      const isAway = (worker: number) => attendance?.isAway(worker) === true;
      // g is of those that were there before: others begin with their gradients
      const coins = coin(context.parameters.p, 0) || attendance?.changed === true ? ALL : 0;
      const { drawn, lastRound, before, x, g } = state;
      drawn.fill(0);
      if (coins !== ALL) drawWorkers(context, round, (worker) => drawn[worker]++);
      const answers = (worker: number) => !isAway(worker) && (coins === ALL || drawn[worker] > 0);
      if (context.parameters.downlink === 'broadcast') {
        return { coins, answers, downlink: { form: 'dense', vector: g } };
      }
      context.toWire(g);
      before.set(x);
      move(context, g, x);
      const downlink = (worker: number): Outgoing => {
        // whoever comes in its place knows x⁰ alone
        if (isAway(worker) || attendance?.isNew(worker) === true) lastRound[worker] = 0;
        if (!answers(worker)) return { form: 'none', vector: g };
        const missed = lastRound[worker] < round - 1;
        lastRound[worker] = round;
        return missed ? { form: 'dense', vector: before, extra: [g] } : { form: 'dense', vector: g };
      };
      return { coins, answers, downlink };
    },
    sent(state, context, carried) {
      carried.copyTo(state.g);
      move(context, state.g, state.x);
    },
    step(state, { workers, parameters }, plan, mean) {
      if (plan.coins === ALL) state.g.set(mean);
      else axpy(workers / parameters.sampled, mean, state.g);
    },
  },
  worker: {
    init: (context) => ({
      x: initial(context),
      g: context.zeros(),
      gradient: context.zeros(),
      difference: context.zeros(),
    }),
    start(state, _context, local) {
      local.denseGradient(state.x, state.gradient);
      return { form: 'dense', vector: state.gradient };
    },
    round(state, context, incoming, local) {
      if (incoming.vectors === 2) incoming.copyTo(state.x);
      incoming.copyTo(state.g, incoming.vectors - 1);
      const times = incoming.coins === ALL ? 0 : drawnTimes(context, local.round, local.worker);
      if (times > 0) local.gradient(state.x, state.difference);
      move(context, state.g, state.x);
      if (incoming.coins === ALL) {
        local.denseGradient(state.x, state.gradient);
        return { form: 'dense', vector: state.gradient };
      }
      if (times === 0) return undefined;
      local.gradient(state.x, state.gradient);
      subtract(state.gradient, state.difference, state.difference);
      const { difference } = state;
      return times === 1
        ? { form: 'compressed', vector: difference }
        : { form: 'compressed', vector: difference, extra: new Array<Vector>(times - 1).fill(difference) };
    },
  },
});

import { agreement } from '../../experiment/agreement.js';
import { spread } from '../../report/statistics.js';
import { grouped, number } from '../../terminal/format.js';
import type { Claim, Curve, Figure, Panel, PanelResult, Size } from '../figure.js';
import { curveOf, valueBits } from '../measure.js';

/** d of the autoencoder on MNIST. */
const DIMENSION = 25_088;

/** Step sizes of the reference runs: at twice these GD and MARINA-P diverge. */
function panel(workers: number, rounds: number, stepSizes: Readonly<Record<string, number>>, quick: boolean): Panel {
  const k = Math.floor(DIMENSION / workers);
  const up = `rand-k:k=${k}+natural`;
  const step = (label: string) => ({
    label,
    rounds,
    stepSize: stepSizes[label] as number,
    evalEvery: 10,
    deterministic: quick,
  });
  const curves: Curve[] = [
    { ...step('GD'), method: 'gd', deterministic: true },
    { ...step('MARINA-P'), method: 'marina-p', downlink: 'perm-k+natural' },
    { ...step('M3'), method: 'm3', downlink: 'perm-k+natural', uplink: up },
    // every side draws 100 vectors a round, which takes most of the quick size
    { ...step('CORE'), method: 'core:m=100', ...(quick ? { rounds: rounds / 2 } : {}) },
    { ...step('EF21-P + DCGD'), method: 'ef21-p-dcgd', downlink: `top-k:k=${k}`, uplink: up },
  ];
  return {
    id: `n${workers}`,
    title: `n = ${workers}, K = ${k}, ${rounds} rounds`,
    problem: 'autoencoder',
    data: 'mnist',
    workers,
    axis: 'both',
    loss: true,
    toTheEnd: true,
    xLog: true,
    targets: [{ value: 50, of: 'loss' }],
    curves,
  };
}

/** f at the end, of an independent program; one seed each. */
const REFERENCES = [
  { id: 'n20', label: 'GD', loss: 35.3417 },
  { id: 'n20', label: 'MARINA-P', loss: 35.03 },
  { id: 'n20', label: 'M3', loss: 36.11 },
  { id: 'n100', label: 'GD', loss: 45.32 },
  { id: 'n100', label: 'MARINA-P', loss: 45.47 },
  { id: 'n100', label: 'M3', loss: 47.82 },
  { id: 'n100', label: 'CORE', loss: 50.95 },
] as const;
/** Standard deviation of M3's f over seeds: two runs of one seed each may lie far apart. */
const SEED_SD = 0.4;

export const marinaP3: Figure = {
  name: 'marina-p-3',
  paper: 'MARINA-P (NeurIPS 2024), Figure 3',
  summary: 'Linear autoencoder on MNIST, 100 workers: GD, MARINA-P, M3, CORE, EF21-P + DCGD, bits of both links.',
  panels: (size: Size) =>
    size.quick
      ? [panel(20, 500, { GD: 0.002, 'MARINA-P': 0.002, M3: 0.002, CORE: 2e-4, 'EF21-P + DCGD': 1e-4 }, true)]
      : [panel(100, 600, { GD: 0.001, 'MARINA-P': 0.001, M3: 0.001, CORE: 2e-4, 'EF21-P + DCGD': 1e-4 }, false)],
  claims: (panels) => [...order(panels), ...references(panels)],
  differences: [
    'With `--quick` CORE runs half as many rounds as the others.',
    'The paper’s axis is bits of both links. The second chart of each row has real frame bytes; for GD and MARINA-P the dense link outweighs everything else.',
    'Our MARINA-P and M3 have natural compression behind PermK and RandK; the reference for MARINA-P does without.',
    'Gradient descent of the same step size is the lowest curve against rounds; against bits M3 is, once it has sent more than CORE does in as many rounds: with 100 projections a round CORE sends least, and comes farthest for the first few million bits.',
  ],
};

function order(panels: readonly PanelResult[]): Claim[] {
  return panels.map(({ panel }): Claim => {
    const ended = (label: string) => {
      const records = curveOf(panels, panel.id, label)?.outcome.records ?? [];
      const ends = records.flatMap(({ rows }) => rows.slice(-1));
      return ends.length === 0 ? Number.NaN : spread(ends.map((row) => valueBits(panel, row))).mean;
    };
    const lossAt = (label: string, bits: number) => {
      const records = curveOf(panels, panel.id, label)?.outcome.records ?? [];
      const losses = records.map(({ rows }) => rows.findLast((row) => valueBits(panel, row) <= bits)?.loss);
      return spread(losses.map((loss) => loss ?? Number.NaN)).mean;
    };
    // M3 beside each other method, for as many bits as both have sent
    const compared = panel.curves
      .filter(({ label }) => label !== 'M3')
      .map(({ label }) => {
        const bits = Math.min(ended('M3'), ended(label));
        const [ours, theirs] = [lossAt('M3', bits), lossAt(label, bits)];
        return {
          better: ours <= theirs,
          text: `${grouped(bits)} bits: M3 ${number(ours)}, ${label} ${number(theirs)}`,
        };
      });
    const wins = compared.filter(({ better }) => better).length;
    return {
      claim: `${panel.title}: for equal bits M3 reaches a lower f than every other method`,
      verdict: wins === compared.length ? 'reproduced' : wins > 0 ? 'in part' : 'not reproduced',
      numbers: compared.map(({ text }) => text).join('; '),
    };
  });
}

function references(panels: readonly PanelResult[]): Claim[] {
  return REFERENCES.filter(({ id }) => panels.some(({ panel }) => panel.id === id)).map(({ id, label, loss }) => {
    const records = curveOf(panels, id, label)?.outcome.records ?? [];
    const losses = records.flatMap(({ summary }) => (summary === null ? [] : [summary.loss]));
    const claim = `${label}, ${id.replace('n', 'n = ')}: f at the end, as an independent program has it`;
    if (losses.length === 0) return { claim, verdict: 'not run', numbers: 'diverged or not run' };
    const knownSd = label === 'GD' ? 0 : SEED_SD;
    const { verdict, text } = agreement(losses, { mean: loss, sd: 0, runs: 1, knownSd });
    return { claim, verdict, numbers: text };
  });
}

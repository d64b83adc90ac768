import { methods } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import {
  complexity,
  constants,
  type MarinaPRow,
  type MarinaRow,
  marinaComplexity,
  marinaPCoordinates,
  marinaPTable,
  marinaTable,
} from './complexity.js';

// docs/complexity.md is written from the methods' formulas: `npx vitest run packages/server/test/complexity-page.test.ts -u`

const bounded = Object.values(methods).filter(({ bound }) => bound !== undefined);
const unbounded = Object.values(methods).filter(({ bound }) => bound === undefined);

/** Where the rate of a method is from, where that is more than its theorem. */
const SOURCES: Readonly<Record<string, string>> = {
  gd: 'classical; C = 0 below',
  core: 'the step of CORE below',
};

const SETTING = { n: 100, d: 10_000, K: 100, m: 1000, r: 10 };
const WORKERS = [10, 100, 1000, 10_000, 100_000, 1_000_000];
const DIMENSION = 1_000_000;

const GD: Pick<MarinaRow, 'name' | 'method' | 'order' | 'value'> = {
  name: 'GD',
  method: 'gd',
  order: '1',
  value: () => 1,
};

const code = (names: readonly { readonly name: string }[]) => names.map(({ name }) => `\`${name}\``).join(', ');
const figures = (value: number, digits = 3) =>
  value.toLocaleString('en', { maximumSignificantDigits: digits, useGrouping: true });

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

function boundTable(): string {
  const rows = bounded.map(({ name, description: { theorem, paper, stepSizePL } }) => {
    const formulas = stepSizePL === undefined ? '2δ⁰/(γε)' : '2δ⁰/(γε); with `mu` ln(2 L_f δ⁰/ε)/−ln(1 − γμ)';
    return [`[\`${name}\`](methods.md#${name})`, formulas, `${paper}: ${SOURCES[name] ?? theorem}`];
  });
  return table(['method', 'T', 'source'], rows);
}

function marinaRows(): string {
  const { n, K, d, m, r } = SETTING;
  const rows = [GD, ...marinaTable].map((row) => {
    const { stepSize, rounds, uplink } = marinaComplexity(row, SETTING);
    return [
      row.name,
      row.order,
      figures(row.value({ omega: d / K - 1, n, m, r })),
      figures(1 / stepSize),
      rounds === undefined ? '–' : figures(rounds),
      rounds === undefined ? '–' : figures((1000 * rounds * uplink * 32) / 1e6),
    ];
  });
  return table(
    ['method', 'order of rounds', 'its value', '1/(γL)', 'bound on rounds', 'bound on uplink, Mbit a worker'],
    rows,
  );
}

function marinaPRows(link: 'down' | 'total', h: number): string {
  const rows = marinaPTable
    .filter((row) => row[link] !== undefined)
    .map((row) => [
      row.name,
      row[link] ?? '',
      ...WORKERS.map((n) => figures(marinaPCoordinates(row, { n, d: DIMENSION, h })[link], 2)),
    ]);
  return table(['method', 'order', ...WORKERS.map((n) => `n = ${n.toLocaleString('en')}`)], rows);
}

function page(): string {
  const { n, d, K, m, r } = SETTING;
  return `# Complexity

Written from the methods' own step sizes, bounds and traffic by \`packages/server/test/complexity-page.test.ts\`, which keeps it true.

What a theorem says of the number of rounds is a bound: it holds for every function with these constants and every x⁰. It is no
forecast: [the runs below](#a-bound-is-no-forecast) need ten times fewer. \`--explain\` with \`--target\` or \`--target-relative\` gives it, and
the bytes of so many rounds, for the run at hand:

    flotilla --method marina --uplink rand-k:k=10 --problem nonconvex-logistic --data mushrooms --workers 5 --target 1e-2 --explain

It needs δ⁰ = f(x⁰) − inf f. f(x⁰) is evaluated; for inf f stands the problem's lower bound: 0 where no loss is negative (\`autoencoder\`,
\`logistic\`, \`nonconvex-logistic\`, \`softmax\`, \`least-squares\`), the exact minimum of a quadratic that has one,
f(0) − δ⁰ of \`lower-bound\`; a problem of your own says it
as \`lowerBound\`. ε is the target, a value of ‖∇f‖²; MARINA's paper writes ε² for it. Bytes are the expected frame bytes of a round
times the bound, and those of the initial gradients.

## Bounds

Two kinds, of different points:

- T = 2δ⁰/(γε): E‖∇f(x̂)‖² ≤ ε for an x̂ drawn uniformly from x⁰, …, x^{T−1}, which is what [\`--output uniform\`](cli.md#--output) gives back.
  The last iterate may be worse. The least ‖∇f‖² of the T iterates is at most ε on average.
- With \`mu\`, under the Polyak–Łojasiewicz condition, T = ln(2 L_f δ⁰/ε)/−ln(1 − γμ): E‖∇f(x^T)‖² ≤ ε at the last iterate. The theorems have
  E f(x^T) − inf f ≤ (1 − γμ)^T δ⁰, and ‖∇f(x)‖² ≤ 2 L_f (f(x) − inf f).

${boundTable()}

All of the first kind have one proof. A step x⁺ = x − γg of an L-smooth f has

    f(x⁺) ≤ f(x) − γ/2 ‖∇f(x)‖² − (1/(2γ) − L/2)‖x⁺ − x‖² + γ/2 ‖g − ∇f(x)‖²,

and the method's own lemma is E Σ‖g − ∇f(x)‖² ≤ C E Σ‖x⁺ − x‖², summed over the rounds; nothing else is in it because the first g is
∇f(x⁰), which the workers send whole. Where γ ≤ 1/(L + √C), what is left of the sum is γ/2 E Σ‖∇f(x)‖² ≤ δ⁰. So the bound holds at every
γ up to theory's, and \`--explain\` has none above it. \`core\` has no such lemma but E g = ∇f(x): for an L-smooth f

    E f(x⁺) ≤ f(x) − γ(1 − γL(m + d + 1)/(2m))‖∇f(x)‖²,

and for a quadratic with Hessian A tr(A) + (m + 1)L in place of L(m + d + 1): the same bound where γ is at most m over that. The base
step size m/(4 d L) always is; m/(4 tr(A)) is where (m + 1)L ≤ 3 tr(A).

No bound of this kind: ${code(unbounded)}. They stall at a floor where the workers' functions differ, or
their theorems have more in them than δ⁰, such as the first distances ‖∇f_i(x⁰) − h_i⁰‖, or their step size is a base for tuning. There is none
either with \`--batch\`, with \`--coins even\`, for \`vr-marina:online=true\`, or for \`dasha\` with an \`a\` that is not the theorem's; \`--explain\` says
which it is.

## MARINA, Table 1

Rounds to E‖∇f(x̂)‖² ≤ ε in units of δ⁰L/ε. "Order" leaves constants out, as the paper's table does; 1/(γL) is what stands in
its place by the method's own step size, and twice that is the bound where there is one. n = ${n}, d = ${d.toLocaleString('en')}, RandK with K = ${K} (ω = ${d / K - 1}),
all L_i = L_ij = L; m = ${m.toLocaleString('en')} samples a worker and b′ = 1 for the variance-reduced, r = ${r} workers a round for PP-MARINA. Uplink: expected
coordinates of 32 bits, at δ⁰L/ε = 1,000, initial gradients left out.

${marinaRows()}

Without a bound the order is a scale. Both step sizes of DIANA are shown: the table's is Li and Richtárik's; Horváth's, with a factor of
10, is that of the paper's experiments, and their distance to MARINA hangs on it. VR-DIANA's row has the same factor: its step size is
Theorem 4 of Horváth et al. as the published script of MARINA's experiments has it, with m/b′ for m; the text of the theorem itself was not
at hand. With p = 1/(1 + ω) MARINA's 1/(γL) is the order itself.

## MARINA-P, Table 1

Coordinates a worker in units of dδ⁰L/ε by the methods' bounds, for quadratics with ‖A_i‖ = ‖A‖ = L and h = max‖A_i − A‖: L_A = √2 h,
L_B = √2 L (Theorem 4.9), L_max = L + h, tr(A) = dL. K = d/n, d = ${DIMENSION.toLocaleString('en')}; CORE with its m. "Order" is in units of dδ⁰/ε and leaves
constants out, as the paper's table does.

From the server to a worker, equal Hessians, h = 0:

${marinaPRows('down', 0)}

The same with h = L/10:

${marinaPRows('down', 0.1)}

Both links, h = 0:

${marinaPRows('total', 0)}

Both links, h = L/10:

${marinaPRows('total', 0.1)}

What the orders promise is there: PermK's downlink falls as 1/n, RandK's as 1/√n, until h stands in the way; SameRandK, EF21-P and CORE gain nothing
from workers. (CORE's rows are the bound derived [above](#bounds); the theorems of its paper were not at hand to hold them to.)
M3's total falls as 1/n^{1/3}. What they leave out is there too: with the constant 288 of M3's step size its bound is above that of
gradient descent for all n up to 100,000. M3 is tuned in multiples of theory's γ; what it saves is in [results](results.md), not in its
bound.

## A bound is no forecast

\`nonconvex-logistic\` on mushrooms, n = 5, to ‖∇f(x)‖² ≤ 10⁻² at an evaluated round, \`--eval-every 1\`, \`theory\`, seeds 0 to 4. Bound: the command above
and the same with \`--method gd\`. Measured: without \`--explain\`, with \`--eval-every 1\`.

${table(
  ['method', 'bound on rounds', 'rounds measured', 'uplink by the bound, a worker', 'uplink measured, a worker'],
  [
    ['GD', '170', '16', '78.2 kB', '7.36 kB'],
    ['MARINA, RandK with K = 10', '951', '91, 91, 91, 92, 92', '80.8 kB', '6.48 to 9.41 kB'],
  ],
)}

After the 951 rounds of the bound, with \`--rounds 951 --output uniform\`, the x̂ of these seeds have ‖∇f(x̂)‖² = 3.1·10⁻³, 4.5·10⁻⁴, 7.8·10⁻⁴, 4.4·10⁻⁴
and 1.3·10⁻³.
`;
}

test('docs/complexity.md says what the formulas give', async () => {
  await expect(page()).toMatchFileSnapshot('../../../docs/complexity.md');
});

describe('by hand', () => {
  // ω = 99, p = K/d = 0.01: (1 − p)ω/(pn) = 0.99 · 99/(0.01 · 100) = 98.01 = 9.9²
  test('MARINA: 1 + 9.9, twice that, and 0.01 · 10,000 + 0.99 · 100 coordinates a round', () => {
    const { stepSize, rounds, uplink } = marinaComplexity({ method: 'marina' }, SETTING);
    expect(1 / stepSize).toBeCloseTo(10.9, 10);
    expect(rounds).toBeCloseTo(21.8, 6);
    expect(uplink).toBeCloseTo(199, 10);
  });

  test.each([
    // 1 + 100 √0.99
    { method: 'diana:theory=li-richtarik', value: 1 + 100 * 0.99498743710662 },
    // 10 √1.99 · 101
    { method: 'diana', value: 1010 * 1.41067359796659 },
    // m^{2/3} = 100: 10 √1.99 · 200
    { method: 'vr-diana:batch=1', value: 2000 * 1.41067359796659 },
    // p = 1/1001: (1 − p)/(pn) (99 + 100) = 1000/100 · 199 = 1990
    { method: 'vr-marina:batch=1', value: 1 + 44.6094160463909 },
    // p = 100 · 10/(10,000 · 100) = 0.001: 0.999 · 100/(0.001 · 10) = 9990
    { method: 'pp-marina:sampled=R', value: 1 + 99.9499874937461 },
  ])('$method: 1/(γL) = $value', ({ method, value }) => {
    const { stepSize } = marinaComplexity({ method }, SETTING);
    expect(1 / stepSize / value).toBeCloseTo(1, 12);
  });

  const coordinates = (name: string, n: number) =>
    marinaPCoordinates(marinaPTable.find((row) => row.name === name) as MarinaPRow, { n, d: DIMENSION, h: 0 });

  // a round costs p + (1 − p)/n = (2n − 1)/n² of d coordinates
  test.each([
    { name: 'GD', n: 10, down: 2 },
    // α = 1/n: 2/(1 − √0.9) · 1/10
    { name: 'EF21-P, TopK', n: 10, down: 0.2 / (1 - 0.948683298050514) },
    // θ = 0: γ = 1/L
    { name: 'MARINA-P, PermK', n: 10, down: (2 * 19) / 100 },
    // θ = ω/n = 0.9, 1/p − 1 = 9: 1 + √(2 · 0.9 · 9)
    { name: 'MARINA-P, RandK', n: 10, down: (2 * 19 * (1 + 4.02492235949962)) / 100 },
    // θ = ω = 9: 1 + √2 · 9
    { name: 'MARINA-P, SameRandK', n: 10, down: (2 * 19 * (1 + 9 * Math.SQRT2)) / 100 },
    // m = 100: 2 · 4 d/100 rounds of 100
    { name: 'CORE', n: 10, down: 8 },
  ])('$name, n = $n: $down downlink coordinates in units of dδ⁰L/ε', ({ name, n, down }) => {
    expect(coordinates(name, n).down / down).toBeCloseTo(1, 8);
  });

  // n = 10, ω = 9, θ = 0, p = 0.1, A = 0.9: β³ = 1/(0.9 · 9 · 10) = 1/81, β = 0.231120424783545, 1/β² = 18.7207544074671;
  // V = 2/β² + 0.9 (9β + 1 + 0.9)/0.1 = 37.4415088149343 + 35.8207544074672, √(288 V) = 145.256…; 0.19 · 2 (1 + √(288 V))
  test('M3, n = 10: both links twice one', () => {
    const one = 0.38 * (1 + Math.sqrt(288 * (37.4415088149343 + 35.8207544074672)));
    const { down, total } = coordinates('M3, PermK down, RandK up', 10);
    expect(down / one).toBeCloseTo(1, 8);
    expect(total / one).toBeCloseTo(2, 8);
  });
});

describe('the orders of MARINA’s table are those of the step sizes, at every n, K, m and r', () => {
  const grid = [10, 100, 1000].flatMap((n) =>
    [10, 100, 1000].flatMap((K) => [100, 10_000].map((m) => ({ n, d: 10_000, K, m, r: n / 10 }))),
  );
  test.each(marinaTable)('$name: $order', (row) => {
    const ratios = grid.map((at) => {
      const order = row.value({ omega: at.d / at.K - 1, ...at });
      return 1 / marinaComplexity(row, at).stepSize / order;
    });
    // Horváth's carry a factor of 10; what is left are constants such as √2
    const constant = /diana$|vr-diana/.test(row.method) ? 10 : 1;
    expect(Math.min(...ratios) / constant).toBeGreaterThan(0.99);
    expect(Math.max(...ratios) / constant).toBeLessThan(1.7);
  });
});

describe('and those of MARINA-P’s', () => {
  const slope = (name: string, link: 'down' | 'total', from: number, to: number) => {
    const row = marinaPTable.find((one) => one.name === name) as MarinaPRow;
    const [low, high] = [from, to].map((n) => marinaPCoordinates(row, { n, d: DIMENSION, h: 0 })[link]);
    return Math.log((high ?? 0) / (low ?? 0)) / Math.log(to / from);
  };
  test.each([
    { name: 'GD', link: 'down', power: 0 },
    { name: 'EF21-P, TopK', link: 'down', power: 0 },
    { name: 'MARINA-P, SameRandK', link: 'down', power: 0 },
    { name: 'MARINA-P, RandK', link: 'down', power: -1 / 2 },
    { name: 'MARINA-P, PermK', link: 'down', power: -1 },
    { name: 'M3, PermK down, RandK up', link: 'total', power: -1 / 3 },
    { name: 'CORE', link: 'total', power: 0 },
  ] as const)('$name: n to the power of $power', ({ name, link, power }) => {
    expect(slope(name, link, 1e3, 1e6)).toBeCloseTo(power, 1);
  });
});

test('the bound is twice 1/γ for every method that has one, whatever the problem', () => {
  const setting = { workers: 7, dimension: 70, samples: 30, smoothness: constants(3, 0.5, 100) };
  const found = bounded.map(({ name, uplink, downlink }) => {
    const links = { ...(uplink === undefined ? {} : { uplink }), ...(downlink === undefined ? {} : { downlink }) };
    const { rounds = Number.NaN, stepSize } = complexity(name, { ...setting, ...links });
    return [name, Math.round(rounds * stepSize * 1e6) / 1e6];
  });
  expect(found).toEqual(bounded.map(({ name }) => [name, 2]));
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Method, methods, Spec, type Theory } from '@flotilla/core';
import { expect, test } from 'vitest';
import { BOTH_WAYS } from './both-ways-page.js';

// docs/methods.md is written from the methods themselves: `npx vitest run packages/server/test/methods-page.test.ts -u`

const folder = fileURLToPath(new URL('../../core/src/method/', import.meta.url));

/** The file that defines a method. */
function fileOf(name: string): string {
  const found = readdirSync(folder).filter((file) =>
    readFileSync(`${folder}${file}`, 'utf8').includes(`\n  name: '${name}',\n`),
  );
  expect(found, name).toHaveLength(1);
  return `packages/core/src/method/${found[0]}`;
}

/** What `--batch` means to a method. */
const WITH_BATCH: Readonly<Record<NonNullable<Method['stochastic']>, string>> = {
  gradients: 'every gradient on B samples',
  differences: 'both gradients of a difference on the same B samples, dense ones on all or on `--batch-dense`',
  parameter: 'sets the parameter `batch`; all other gradients stay exact',
};

/** Two workers that share what their uplinks draw. */
const sharing = { omega: 1, theta: 1, A: 1, B: 0, alpha: 0, density: 1 };
const shared: Theory = { workers: 2, dimension: 2, samples: 2, uplink: sharing, downlink: sharing };

/** A table cell: `|` would end it. */
const cell = (text: string) => text.replaceAll('|', '\\|');

function page(all: readonly Method[]): string {
  const rows = all.map(({ name, description: of }) =>
    [`[\`${name}\`](#${name})`, of.paper, of.algorithm, of.downlink, of.uplink].map(cell).join(' | '),
  );
  const sections = all.map(({ name, summary, description: of, uplink, downlink, stochastic, ...method }) => [
    `## ${name}`,
    '',
    `${summary[0]?.toUpperCase()}${summary.slice(1)}. Source: ${of.paper}, ${of.algorithm}; ${of.theorem}. [${fileOf(name)}](../${fileOf(name)})`,
    '',
    `- step size: γ = ${of.stepSize}`,
    ...(of.stepSizePL === undefined ? [] : [`- under PŁ (\`mu\`): γ = ${of.stepSizePL}`]),
    ...(of.correlated === undefined
      ? []
      : [
          `- workers that share what their uplinks draw: γ = ${of.correlated.stepSize}${of.correlated.stepSizePL === undefined ? '' : `; under PŁ γ = ${of.correlated.stepSizePL}`} (${of.correlated.theorem})`,
        ]),
    ...(method.uncovered?.(shared, method.parameters(Spec.parse('method', name), shared)) === undefined
      ? []
      : ['- workers that share what their uplinks draw: no step size by theory']),
    ...(uplink === undefined ? [] : [`- uplink compressor unless asked otherwise: \`${uplink}\``]),
    ...(downlink === undefined ? [] : [`- downlink compressor unless asked otherwise: \`${downlink}\``]),
    ...Object.entries(of.parameters).map(([key, meaning]) => `- \`${key}\`: ${meaning}`),
    ...(stochastic === undefined ? [] : [`- with \`--batch\`: ${WITH_BATCH[stochastic]}`]),
    '',
  ]);
  return [
    '# Methods',
    '',
    'Written from `packages/core/src/method`; a test keeps it true. `pnpm start --method NAME … --explain` prints the constants',
    'of a run, these formulas and the values they give.',
    '',
    'Problem: minimise f(x) = (1/n) Σ f_i(x) over x in R^d; worker i of n holds f_i only. A round is one downlink and one uplink.',
    'Q is an unbiased compressor, E‖Q(v) − v‖² ≤ ω‖v‖²; C a contractive one, E‖C(v) − v‖² ≤ (1 − α)‖v‖²; θ bounds the error',
    'of the mean of the workers’ compressors, ζ is the expected number of coordinates in a message, K for RandK. Both sides',
    'apply what the wire carried, so that their copies of a vector are equal to the last bit.',
    '',
    'L_f is the smoothness of f, L_i that of f_i, L_rms = √((1/n) Σ L_i²), L_max = max L_i; L_A and L_B are the constants of the',
    'functional inequality (MARINA-P, Assumption 4.2), L_± is the root of the Hessian variance; 𝓛 = √((1/n) Σ max_j L_ij²) for',
    'finite sums; μ is that of the Polyak–Łojasiewicz (PŁ) condition ‖∇f(x)‖² ≥ 2μ(f(x) − f*). Subscripts P and D mark the',
    'downlink’s and the uplink’s compressor. A and B are what the uplink’s messages have in common: [correlated',
    'uplinks](#correlated-uplinks).',
    '',
    '| method | paper | algorithm | downlink, each round | uplink, each round |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
    '## Correlated uplinks',
    '',
    'Most theorems assume that the workers’ Q_i are independent, so that the error of their mean has a variance of ω/n. Workers',
    'that share what they draw err together: with `same-rand-k` or `core` the variance is ω, n times as large, and a step size made of',
    'ω/n diverges. Workers that share a permutation, `perm-k`, make up for each other. Both are cases of the AB-inequality',
    '(Szlendak, Tyurin, Richtárik 2021): for vectors a_i of mean ā',
    '',
    '    E‖(1/n) Σ Q_i(a_i) − ā‖² ≤ A (1/n) Σ ‖a_i‖² − B ‖ā‖²',
    '',
    '| uplink | A | B |',
    '| --- | --- | --- |',
    '| independent: `rand-k`, `bernoulli`, `natural`, `qsgd`, … | ω/n | 0 |',
    '| `same-rand-k`, `core` | ω | 0 |',
    '| `perm-k`, d ≥ n | 1 | 1 |',
    '| `perm-k`, d < n, q = ⌊n/d⌋ | (n − q)/(q(n − 1)) | the same |',
    '| `a+b`, b independent | A_a + (1 + ω_a) ω_b/n | B_a |',
    '| `a+b`, b shared; a compressor of a plug-in that does not say | ω | 0 |',
    '',
    'The last row always holds: the square of a mean is at most the mean of the squares. `--explain` prints A and B. What the',
    'methods make of them:',
    '',
    '- **`marina`.** Independent uplinks: Theorem 2.1. Any other: γ = 1/(L_f + √((1 − p)/p ((A − B) L_rms² + B L_±²))), of the same',
    '  authors, because with a_i = ∇f_i(x⁺) − ∇f_i(x) the inequality bounds what a compressed round adds to E‖g − ∇f(x)‖² by',
    '  (1 − p)((A − B) L_rms² + B L_±²)‖x⁺ − x‖²; L_±² ≥ (1/n)Σ‖a_i − ā‖²/‖x⁺ − x‖². Without a known L_± it is L_rms. The rest is the proof of',
    '  Theorem 2.1, and of Theorem 2.2 under PŁ, with a 2 under the root.',
    '- **`vr-marina`.** Let ã_i be the batch’s mean difference, of mean a_i and variance at most 𝓛²‖x⁺ − x‖²/b′, independent over the',
    '  workers and of what the Q_i draw. The error splits into that of the Q_i at the ã_i and that of the mean of the ã_i:',
    '  A (1/n)ΣE‖ã_i‖² − B E‖(1/n)Σã_i‖² + (1/n²) ΣE‖ã_i − a_i‖² ≤ ((A − B) L_rms² + B L_±² + (A + 1/n) 𝓛²/b′)‖x⁺ − x‖². With A = ω/n and B = 0',
    '  this is Theorem 3.1, and 3.2.',
    '- **`diana`.** Let D = (1/n)Σ‖∇f_i(x) − h_i‖² and α = 1/(1 + ω). The error of g is at most A D, so E‖g‖² ≤ ‖∇f(x)‖² + A D, whatever A is.',
    '  The shifts are about one worker each, so that ω alone decides: E‖∇f_i(x) − h_i⁺‖² ≤ (1 − α)‖∇f_i(x) − h_i‖². Hence',
    '  E D⁺ ≤ (1 + α/2)(1 − α)D + (1 + 2/α) L_rms² γ² (‖∇f(x)‖² + A D) and E f(x⁺) ≤ f(x) − γ‖∇f(x)‖² + ½ L_f γ² (‖∇f(x)‖² + A D). Where',
    '  γ ≤ 1/(4 L_rms) and γ² L_rms² A ≤ α²/16, f + cD with c = 8 L_f γ² A/(5α) falls by at least γ/2 ‖∇f(x)‖². That covers Horváth’s step',
    '  size for every A, and a quarter of Li and Richtárik’s, whose 1 + (1 + ω)√A is the order of their rate: in full it is a scale, which',
    '  this proof does not reach. (`packages/server/test/both-ways-potentials.py` checks the potential too.)',
    '- **`dasha`.** With S = ‖g − ∇f(x)‖², G = (1/n)Σ‖g_i − ∇f_i(x)‖², X = ‖x⁺ − x‖² and a = 1/(2ω + 1): E S⁺ ≤ (1 − a)²S + 2A(L_rms² X + a² G),',
    '  the only place where the workers’ messages are added up, and E G⁺ ≤ (1 − a)G + 2ω L_rms² X. So ΣS ≤ 4A(2ω + 1) L_rms² ΣX for every A; the',
    '  theorem’s 16 is more than enough.',
    '- **`vr-diana`, `m3`.** Their proofs too add up the workers’ messages in one place, the error of a mean of compressed vectors a_i,',
    '  which is (ω/n)(1/n)Σ‖a_i‖² for independent ones. A (1/n)Σ‖a_i‖² takes its place, and A that of ω/n in the step size (and in M3’s β). ω',
    '  alone, which is about one worker, stays. We have not gone through all of their constants: for other A than ω/n these step',
    '  sizes are scales, which the test below holds to.',
    '  Check of these four: where all workers share Q_i = Q linear, DIANA with n workers is DIANA with one worker',
    '  on f, and A = ω is what the theorems have for n = 1. B helps none of them: what they compress is not small where the f_i',
    '  are alike.',
    '- **`dcgd`.** E‖g‖² ≤ ‖∇f(x)‖² + A (1/n)Σ‖∇f_i(x)‖², and for convex f_i of smoothness L the second term is at most',
    '  4AL(f(x) − f*) + 2A (1/n)Σ‖∇f_i(x*)‖², so γ ≤ 1/(L(1 + 2A)) goes down to the floor that the last term makes.',
    '- **`ef21-p-dcgd`.** No theory; the base for tuning has DCGD’s 2A.',
    '- **`pp-marina`.** Theorem 4.1 draws workers independently; when they share what they compress with, a worker drawn twice, or two',
    '  workers, err together in a way that A and B of all n do not describe. Theory’s step size is refused, a number is taken.',
    '- **`ef21`** compresses what each worker has on its own: whether the workers share anything is nothing to it.',
    '',
    'A test (`packages/server/test/theory-is-safe.test.ts`) runs every method with 16 uplinks on three problems for 400 rounds at',
    'theory’s step size: refused in one line, or ‖∇f‖² is at most ten times what it was. With ω/n for A it grows 10⁴-fold and more for MARINA',
    'and DCGD there.',
    '',
    '## EF21-P’s step size',
    '',
    'EF21-P takes all gradients at one point w, so that ‖∇f(w) − ∇f(x)‖ ≤ L_f‖w − x‖: the L_i play no part, as they do in EF21. One',
    'step x⁺ = x − γ∇f(w) has f(x⁺) ≤ f(x) − (γ/2)‖∇f(x)‖² − (1/(2γ) − L_f/2)‖x⁺ − x‖² + (γ/2) L_f²‖w − x‖², and the compressor leaves',
    'E‖w⁺ − x⁺‖² ≤ (1 − α)‖w − x − (x⁺ − x)‖² ≤ (1 − a)‖w − x‖² + b‖x⁺ − x‖² with a = 1 − √(1 − α), b = (1 − α)/a. Adding γL_f²/(2a) times the',
    'second to the first, f + (γL_f²/(2a))‖w − x‖² goes down when γ ≤ 1/(L_f + L_f√(b/a)). √(b/a) = √(1 − α)/(1 − √(1 − α)), so',
    'that is γ = (1 − √(1 − α))/L_f.',
    '',
    ...BOTH_WAYS,
    '## Stochastic gradients',
    '',
    'With `--batch B` a worker takes its gradients on B of its samples, drawn without replacement, anew in each round, from the',
    'stream of (seed, `batch`, round, worker): the same B in all gradients of a round, and the same in every run of the seed. A',
    'worker that has no more than B takes all of them, and its gradient is exact. B above what any worker has is refused; so are',
    'problems whose f_i is no mean over samples.',
    '',
    'Methods that send differences ∇f_i(x⁺) − ∇f_i(x) take both gradients on the same samples, two gradients a round instead of',
    'one. The error that a round adds to g then shrinks with ‖x⁺ − x‖², as in VR-MARINA; on different samples it would be of the',
    'size of the gradients’ own variance, and add up until the next dense round. Dense rounds, and g⁰, take all samples, or',
    '`--batch-dense` of them, drawn from a stream of their own. `marina` with a batch is `vr-marina` with MARINA’s p and γ.',
    '',
    '`dasha` with a batch is DASHA-MVR (Algorithm 1, stochastic setting): h_i⁺ = G_i(x⁺) + (1 − b)(h_i − G_i(x)), both G_i on the',
    'same B samples, g_i⁰ = h_i⁰ over all samples or `--batch-dense` of them (the paper’s B_init). The paper’s momentum is',
    'b = Θ(min{√(nεB/σ²)/ω, nεB/σ²}). It needs the variance σ² of a sample’s gradient and the ε aimed at, so there is no default:',
    '`dasha:momentum=…` is asked for.',
    '',
    'For `vr-marina` and `vr-diana` `--batch` is b′ and nothing else: their theorems cover it. `--batch-dense` is then',
    '`large-batch` of `vr-marina:online=true`. The theorems of all other methods are about exact gradients: their constants and',
    'step sizes do not cover `--batch`, and `--explain` says so. A method of a plug-in says what a batch means to it',
    '(`stochastic`), else it is refused with one.',
    '',
    ...sections.flat(),
  ].join('\n');
}

test('docs/methods.md says what the methods are', async () => {
  await expect(page(Object.values(methods))).toMatchFileSnapshot('../../../docs/methods.md');
});

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Method, methods } from '@flotilla/core';
import { expect, test } from 'vitest';

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

/** A table cell: `|` would end it. */
const cell = (text: string) => text.replaceAll('|', '\\|');

function page(all: readonly Method[]): string {
  const rows = all.map(({ name, description: of }) =>
    [`[\`${name}\`](#${name})`, of.paper, of.algorithm, of.downlink, of.uplink].map(cell).join(' | '),
  );
  const sections = all.map(({ name, summary, description: of, uplink, downlink, stochastic }) => [
    `## ${name}`,
    '',
    `${summary[0]?.toUpperCase()}${summary.slice(1)}. Source: ${of.paper}, ${of.algorithm}; ${of.theorem}. [${fileOf(name)}](../${fileOf(name)})`,
    '',
    `- step size: γ = ${of.stepSize}`,
    ...(of.stepSizePL === undefined ? [] : [`- under PŁ (\`mu\`): γ = ${of.stepSizePL}`]),
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
    'functional inequality (MARINA-P, Assumption 4.2); 𝓛 = √((1/n) Σ max_j L_ij²) for finite sums; μ is that of the',
    'Polyak–Łojasiewicz (PŁ) condition ‖∇f(x)‖² ≥ 2μ(f(x) − f*). Subscripts P and D mark the downlink’s and the uplink’s',
    'compressor.',
    '',
    '| method | paper | algorithm | downlink, each round | uplink, each round |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
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

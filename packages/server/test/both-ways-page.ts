// The part of docs/methods.md that proves the step sizes of the methods that compress both ways.

export const BOTH_WAYS = `## Step sizes of compression both ways

The theorems of these papers have larger constants, or conditions on the gradients. The step sizes here come from the proofs below.
\`packages/server/test/both-ways-potentials.py\` checks the potentials by exact expectations of one step on random quadratics with
n = d = 2: 1,500 of them for each method and each combination of links, without a failure. Those of \`dist-ef-sgd\` are sums over
rounds, which it does not check.

C is contractive, a = 1 − √(1 − α) and b = (1 − α)/a, so that √(b/a) = (1 − a)/a and, of what was missing and what has come since,
E‖C(y + z) − (y + z)‖² ≤ (1 − a)‖y‖² + b‖z‖². Q is unbiased, A that of the uplink. Where the f_i are convex, x* is a minimiser of f,
δ(x) = f(x) − f(x*) and σ² = (1/n)Σ‖∇f_i(x*)‖². A step size γ = 1/(s + t) has γ²t² + γs ≤ 1.

**\`ef21-bc\`**, f_i smooth. Let G = (1/n)ΣE‖g̃_i − ∇f_i(x)‖², S = E‖g − g̃‖², X = E‖x⁺ − x‖², with a_w, b_w of the uplink and a_M, b_M of
the downlink. As in EF21, G⁺ ≤ (1 − a_w)G + b_w L_rms² X. The server’s compressor meets a target that moves by g̃⁺ − g̃, so
S⁺ ≤ (1 − a_M)S + b_M E‖g̃⁺ − g̃‖²; each worker’s change is C_w(u_i), u_i = ∇f_i(x⁺) − g̃_i, and √E‖C_w(u)‖² ≤ (2 − a_w)‖u‖, hence
E‖g̃⁺ − g̃‖² ≤ (2 − a_w)²((1 + s)G + (1 + 1/s)L_rms² X). With ‖g − ∇f(x)‖² ≤ (1 + 1/t)S + (1 + t)G and
f(x⁺) ≤ f(x) − γ/2 ‖∇f(x)‖² − (1/(2γ) − L_f/2)‖x⁺ − x‖² + γ/2 ‖g − ∇f(x)‖², the potential f + pS + qG falls by γ/2 ‖∇f(x)‖² when
γ²L_rms²(W(1 + t) + (1 + 1/t)M(1 + 1/s + W(1 + s))) + γL_f ≤ 1, where √W = (1 − a_w)/a_w and √M = (2 − a_w)(1 − a_M)/a_M. The best s and t
make the bracket (√W + √M(1 + √W))² = R², R = (1 − a_w)/a_w + (2 − a_w)(1 − a_M)/(a_w a_M).

**\`dist-ef-sgd\`**, f_i convex. With ē = (1/n)Σe_i the point x̃ = x − ē − ẽ moves by x̃⁺ = x̃ − γ∇f(x): error feedback is gradient descent
whose gradients are taken at x, at a distance of ‖ē + ẽ‖. Let G_k² = (1/n)Σ‖∇f_i(x_k)‖². The workers’ errors add up γG with weights (1 − a_w)^j,
the server’s those of messages that are at most (2 − a_w) times as long as the p_i; so Σ_k E‖x_k − x̃_k‖² ≤ γ²R² Σ_k E G_k², R as for
\`ef21-bc\`. From ‖x̃⁺ − x*‖², with ⟨x − x*, ∇f(x)⟩ ≥ δ + ‖∇f(x)‖²/(2L_f), ‖∇f(x)‖² ≤ 2L_f δ and G² ≤ 4L_max δ + 2σ²:
γ ≤ 1/L_f and γR√(8 L_f L_max) < 1 keep Σδ from growing, up to a floor of order γ²R²L_f σ², which the step size
1/(L_f + √(8 L_f L_max) R) satisfies.

**\`ef21-p-diana\`**, f_i convex. Let D = ‖x − w‖², V = (1/n)Σ‖h_i − ∇f_i(x*)‖². The variance of g is at most A (1/n)Σ‖∇f_i(w) − h_i‖² ≤
2A(2L_max δ(w) + V). By convexity −2⟨x − x*, ∇f(w)⟩ ≤ −2δ(x) − ‖∇f(w)‖²/L_f + L_f D, and δ(w) ≤ 2δ(x) + L_f D. As for EF21-P,
D⁺ ≤ (1 − a)D + bγ²‖∇f(w)‖² + (1 − α)γ² · the variance, and as for DIANA V⁺ ≤ (1 − β)V + 2βL_max δ(w), β ≤ 1/(1 + ω). In the potential
‖x − x*‖² + pD + vV, p = 1.5γL_f/a and v = 2APγ²/β with P = 1 + p(1 − α), what remains is −γδ(x) when γL_f(1 + √1.5 (1 − a)/a) ≤ 1 and
16γAP L_max ≤ 1; the first makes P ≤ 1 + √1.5 (1 − a).

**\`dore\`**, f_i smooth. Q_m is unbiased, so that E‖e⁺‖² ≤ ω_P‖q‖², and E‖x̂⁺ − x̂‖² ≤ β²(1 + ω_P)‖q‖² ≤ β‖q‖² for β ≤ 1/(1 + ω_P). Let
V = (1/n)Σ‖∇f_i(x̂) − h_i‖²; E‖ĝ‖² ≤ ‖∇f(x̂)‖² + AV, and V⁺ ≤ (1 − α/2)V + (1 + 2/α)L_rms²‖x̂⁺ − x̂‖² for α ≤ 1/(1 + ω_D). With
‖q‖² ≤ 2γ²‖ĝ‖² + 2η²‖e‖² and η⟨∇f, e⟩ ≤ (γ/4)‖∇f‖² + (η²/γ)‖e‖², the potential f(x̂) + r‖e‖² + sV, s = βγA/α, falls by
βγ/4 ‖∇f(x̂)‖² when η²ω_P ≤ 1/10 and γL_f + 2γ²Aβ(1 + 2/α)L_rms²/α ≤ 1/5.

**\`mcm\`**, f_i convex. Let Ω = x − H before the downlink. x̂ = H + C(Ω) has mean x and E‖x̂ − x‖² ≤ ω_P‖Ω‖², so
−2⟨x − x*, ∇f(x̂)⟩ ≤ −2δ(x̂) − ‖∇f(x̂)‖²/L_f + 2L_f ω_P‖Ω‖². For α ≤ 1/(1 + ω_P), ‖Ω⁺‖² ≤ (1 − α/2)‖Ω‖² + (1 + 2/α)γ²‖∇f(x̂)‖² + γ² · the
variance of g, which without memories is at most A(4L_max δ(x̂) + 2σ²), and with them 2A(2L_max δ(x̂) + V) as for
\`ef21-p-diana\`. In the potential ‖x − x*‖² + w‖Ω‖² + vV, w = 4γL_f ω_P/α and v = 2A(1 + w)γ²(1 + ω_D), what remains is −γδ(x̂), and without
memories the floor γ²A(1 + w)2σ², when γL_f(1 + 2√(ω_P(1 + 2/α)/α)) ≤ 1 and γ · 4A(1 + w)L_max ≤ 1, or 8A with memories; the first makes
w ≤ √(2ω_P).

**\`rand-mcm\`**, f_i convex. The same with means over the workers of ‖Ω_i‖² and of ‖∇f_i(x̂_i) − ∇f_i(x*)‖², which takes L_max for L_f:
each f_i is convex and smooth on its own, and nothing is won from perturbations that differ.

The proofs hold for α, β and η up to the values that they have when they are left out. Above them theory’s
step size is refused, there and with α of \`diana\` and \`vr-diana\` and a of \`dasha\`: most diverge. These are worst cases: in practice
\`--step-size theory*4\` or more is often safe.
`.split('\n');

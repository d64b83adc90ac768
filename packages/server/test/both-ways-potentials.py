"""The potentials of docs/methods.md, "Step sizes of compression both ways", and DIANA's of "Correlated uplinks". Usage:
python3 both-ways-potentials.py [trials]

For each method, step size and parameters as documented or below: the exact expectation of the potential after one step, over all
outcomes of the compressors, minus what the proof promises, relative to the potential. The largest value over random quadratics
with n = d = 2 is printed, and must not be above 0. Rand-1 has omega = 1, Top-1 has alpha = 1/2.
"""

import itertools
import sys

import numpy as np

TRIALS = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
rng = np.random.default_rng(0)
MASKS = [np.array([2.0, 0.0]), np.array([0.0, 2.0])]
ONE = np.ones(2)
# outcomes (probability, a mask for each worker), omega, A
UPLINKS = [
    ([(1, (ONE, ONE))], 0, 0),
    ([(0.25, pair) for pair in itertools.product(MASKS, MASKS)], 1, 0.5),
    ([(0.5, (mask, mask)) for mask in MASKS], 1, 1),
]
# outcomes for one message to all, outcomes for one to each worker, omega
DOWNLINKS = [([(1, ONE)], [(1, (ONE, ONE))], 0), ([(0.5, m) for m in MASKS], UPLINKS[1][0], 1)]
worst = {}


def square(v):
    return float(v @ v)


def mean(values):
    return sum(values) / 2


def noise():
    return rng.normal(size=2) * 10 ** rng.uniform(-3, 2)


def top1(v):
    out = np.zeros(2)
    j = np.argmax(np.abs(v))
    out[j] = v[j]
    return out


class Quadratics:
    """f_i(x) = x'A_i x/2 - b_i'x with a minimiser x* of the mean, of both where `shared`."""

    def __init__(self, convex, shared=False):
        self.A = []
        for _ in range(2):
            q, _ = np.linalg.qr(rng.normal(size=(2, 2)))
            matrix = q @ np.diag(rng.uniform(0.01, 1, 2) ** 2) @ q.T * rng.choice([1, 0.1])
            self.A.append(matrix if convex else matrix - rng.uniform(0, 0.8) * np.eye(2) * np.linalg.norm(matrix, 2))
        self.star = rng.normal(size=2)
        apart = np.zeros(2) if shared else rng.normal(size=2)
        self.b = [self.A[0] @ self.star + apart, self.A[1] @ self.star - apart]
        self.L = np.linalg.norm(mean(self.A), 2)
        each = [np.linalg.norm(matrix, 2) for matrix in self.A]
        self.max, self.rms = max(each), np.sqrt(np.mean(np.square(each)))

    def gradient(self, i, x):
        return self.A[i] @ x - self.b[i]

    def gradients(self, x):
        return [self.gradient(i, x) for i in range(2)]

    def value(self, x):
        return mean([x @ self.A[i] @ x / 2 - self.b[i] @ x for i in range(2)])


def note(method, after, before, promised):
    worst[method] = max(worst.get(method, -np.inf), (after - before + promised) / (abs(before) + abs(promised) + 1e-300))


def uplink(outcomes, gradients, shifts, step):
    """(probability, g, new shifts) for every outcome."""
    for probability, masks in outcomes:
        sent = [masks[i] * (gradients[i] - shifts[i]) for i in range(2)]
        yield probability, mean([shifts[i] + sent[i] for i in range(2)]), [shifts[i] + step * sent[i] for i in range(2)]


def diana(outcomes, omega, A):
    f = Quadratics(convex=rng.random() < 0.5)
    alpha = 1 / (1 + omega)
    horvath = 1 / (10 * f.rms * np.sqrt(1 + A) * (omega + 2))
    step = rng.choice([horvath, 1 / (4 * f.rms * (1 + (1 + omega) * np.sqrt(A)))]) * rng.choice([1, 0.5])
    c = 8 * f.L * step**2 * A / (5 * alpha)
    x = f.star + noise()
    h = [g + noise() for g in f.gradients(x)]

    def potential(x, h):
        return f.value(x) + c * mean([square(f.gradient(i, x) - h[i]) for i in range(2)])

    after = sum(p * potential(x - step * g, h2) for p, g, h2 in uplink(outcomes, f.gradients(x), h, alpha))
    note("diana", after, potential(x, h), step / 2 * square(mean(f.gradients(x))))


def dore(outcomes, omega, A, down, omega_down):
    f = Quadratics(convex=rng.random() < 0.5)
    alpha, beta = rng.choice([1, 0.5]) / (1 + omega), rng.choice([1, 0.3]) / (1 + omega_down)
    eta = rng.choice([1, 0.5, 0]) * (min(1, 1 / np.sqrt(10 * omega_down)) if omega_down else 1)
    step = rng.choice([1, 0.3]) / (5 * f.L + f.rms * np.sqrt(10 * A * beta * (1 + 2 / alpha) / alpha))
    s = beta * step * A / alpha
    moves = beta * (f.L / 2 + s * (1 + 2 / alpha) * f.rms**2)
    r = eta**2 * (beta / step + 2 * moves) / (1 - 2 * eta**2 * omega_down)
    x, e = f.star + noise(), noise() if omega_down else np.zeros(2)
    h = [g + noise() for g in f.gradients(x)]

    def potential(x, e, h):
        return f.value(x) + r * square(e) + s * mean([square(f.gradient(i, x) - h[i]) for i in range(2)])

    after = 0
    for p, g, h2 in uplink(outcomes, f.gradients(x), h, alpha):
        q = -step * g + eta * e
        after += sum(p * pd * potential(x + beta * m * q, q - m * q, h2) for pd, m in down)
    note("dore", after, potential(x, e, h), beta * step / 4 * square(mean(f.gradients(x))))


def mcm(outcomes, omega, A, down, omega_down, memory, own):
    """down: outcomes with a mask for each worker, the same ones where the message is."""
    f = Quadratics(convex=True, shared=not memory)
    alpha, L = rng.choice([1, 0.5]) / (1 + omega_down), f.max if own else f.L
    spread = 2 * np.sqrt(omega_down * (1 + 2 / alpha) / alpha)
    step = rng.choice([1, 0.5]) / (L * (1 + spread) + (8 if memory else 4) * A * (1 + np.sqrt(2 * omega_down)) * f.max)
    w, shift = 4 * step * L * omega_down / alpha, 1 / (1 + omega) if memory else 0
    v = 2 * A * (1 + w) * step**2 * (1 + omega) if memory else 0
    x, at_star = f.star + noise(), f.gradients(f.star)
    H = [x + noise()] * 2 if not own else [x + noise(), x + noise()]
    h = [g + noise() for g in at_star] if memory else [np.zeros(2)] * 2

    def potential(x, H, h):
        return square(x - f.star) + mean([w * square(x - H[i]) + v * square(h[i] - at_star[i]) for i in range(2)])

    after = promised = 0
    for pd, masks in down:
        carried = [masks[i] * (x - H[i]) for i in range(2)]
        points = [H[i] + carried[i] for i in range(2)]
        H2 = [H[i] + alpha * carried[i] for i in range(2)]
        distances = [(points[i] - f.star) @ f.A[i] @ (points[i] - f.star) / 2 for i in range(2)]
        promised += pd * step * mean(distances)
        for p, g, h2 in uplink(outcomes, [f.gradient(i, points[i]) for i in range(2)], h, shift):
            after += pd * p * potential(x - step * g, H2, h2)
    note(f"{'rand-' if own else ''}mcm{':memory=true' if memory else ''}", after, potential(x, H, h), promised)


def ef21_p_diana(outcomes, omega, A):
    f = Quadratics(convex=True)
    a, lag, beta = 1 - np.sqrt(0.5), np.sqrt(1.5 * 0.5), rng.choice([1, 0.4]) / (1 + omega)
    step = rng.choice([1, 0.5]) / (f.L * (1 + lag / a) + 16 * A * (1 + lag) * f.max)
    p = 1.5 * step * f.L / a
    v = 2 * A * (1 + p / 2) * step**2 / beta
    x, at_star = f.star + noise(), f.gradients(f.star)
    w, h = x + noise(), [g + noise() for g in at_star]

    def potential(x, w, h):
        return square(x - f.star) + p * square(x - w) + v * mean([square(h[i] - at_star[i]) for i in range(2)])

    after = 0
    for probability, g, h2 in uplink(outcomes, f.gradients(w), h, beta):
        moved = x - step * g
        after += probability * potential(moved, w + top1(moved - w), h2)
    note("ef21-p-diana", after, potential(x, w, h), step * (f.value(x) - f.value(f.star)))


def ef21_bc():
    f = Quadratics(convex=rng.random() < 0.5)
    a = 1 - np.sqrt(0.5)
    b, W, M = 0.5 / a, ((1 - a) / a) ** 2, ((2 - a) * (1 - a) / a) ** 2
    step = rng.choice([1, 0.5]) / (f.L + f.rms * (np.sqrt(W) + np.sqrt(M) * (1 + np.sqrt(W))))
    s, t = 1 / np.sqrt(W), np.sqrt(M) * (1 + np.sqrt(W)) / np.sqrt(W)
    p = step * (1 + 1 / t) / (2 * a)
    q = (step * (1 + t) / 2 + p * b * (2 - a) ** 2 * (1 + s)) / a
    x = f.star + noise()
    own = [g + noise() for g in f.gradients(x)]
    g = mean(own) + noise()

    def potential(x, g, own):
        behind = mean([square(own[i] - f.gradient(i, x)) for i in range(2)])
        return f.value(x) + p * square(g - mean(own)) + q * behind

    moved = x - step * g
    own2 = [own[i] + top1(f.gradient(i, moved) - own[i]) for i in range(2)]
    after = potential(moved, g + top1(mean(own2) - g), own2)
    note("ef21-bc", after, potential(x, g, own), step / 2 * square(mean(f.gradients(x))))


for _ in range(TRIALS):
    ef21_bc()
    for outcomes, omega, A in UPLINKS:
        diana(outcomes, omega, A)
        ef21_p_diana(outcomes, omega, A)
        for same, each, omega_down in DOWNLINKS:
            dore(outcomes, omega, A, same, omega_down)
            shared = [(probability, (mask, mask)) for probability, mask in same]
            for memory in (False, True):
                mcm(outcomes, omega, A, shared, omega_down, memory, own=False)
                mcm(outcomes, omega, A, each, omega_down, memory, own=True)

for method, value in sorted(worst.items()):
    print(f"{method}: {value:.2g}")
sys.exit(any(value > 1e-12 for value in worst.values()))

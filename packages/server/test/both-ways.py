"""Methods that compress both ways, by their definitions alone. Usage: python3 both-ways.py > both-ways.json

An independent program: NumPy, all seeds side by side, random numbers of its own. It shares nothing with the library, so that
what both say is hardly wrong in both. f_i(x) = c_i/2 x'Xx - b'x, X = tridiag(-1, 2, -1)/4, x0 = 0, n = 6 workers, d = 24.

Round k ends with x after k steps: of the server, and in DORE the model that everybody holds.
"""

import json

import numpy as np

N, D, SEEDS = 6, 24, 4000
ROUNDS = [1, 2, 5, 10, 20, 40]
C = np.array([0.4, 0.8, 1.2, 1.6, 2.0, 2.4])
B = np.array([round(float(np.sin(1 + 3 * j) * (1 + j % 4)), 3) for j in range(D)])
X = (2 * np.eye(D) - np.eye(D, k=1) - np.eye(D, k=-1)) / 4


def gradients(x):
    """All workers' gradients, each at its own point: x is (seeds, n, d), or (seeds, d) for one point."""
    if x.ndim == 2:
        x = x[:, None, :]
    return C[None, :, None] * (x @ X) - B


def top(k):
    def compress(v, rng):
        keep = np.argsort(-np.abs(v), axis=-1)[..., :k]
        out = np.zeros_like(v)
        np.put_along_axis(out, keep, np.take_along_axis(v, keep, -1), -1)
        return out

    return compress


def rand(k):
    """Independent for each seed and, where v has that axis, each worker."""

    def compress(v, rng):
        keep = np.argsort(rng.random(v.shape), axis=-1)[..., :k]
        out = np.zeros_like(v)
        np.put_along_axis(out, keep, np.take_along_axis(v, keep, -1) * (D / k), -1)
        return out

    return compress


def zeros(seeds, *shape):
    return np.zeros((seeds, *shape, D))


# Each method yields x after every round; up and down are its compressors, step the step size.


def ef21_bc(up, down, step, seeds, rng):
    x, workers = zeros(seeds), gradients(zeros(seeds))
    g = workers.mean(1)
    while True:
        x = x - step * g
        yield x
        workers = workers + up(gradients(x) - workers, rng)
        g = g + down(workers.mean(1) - g, rng)


def dist_ef_sgd(up, down, step, seeds, rng):
    x, errors, error = zeros(seeds), zeros(seeds, N), zeros(seeds)
    while True:
        wanted = step * gradients(x) + errors
        sent = up(wanted, rng)
        errors = wanted - sent
        total = sent.mean(1) + error
        moved = down(total, rng)
        error = total - moved
        x = x - moved
        yield x


def ef21_p_diana(up, down, step, seeds, rng, beta):
    x, w, shifts = zeros(seeds), zeros(seeds), zeros(seeds, N)
    while True:
        sent = up(gradients(w) - shifts, rng)
        g = (shifts + sent).mean(1)
        shifts = shifts + beta * sent
        x = x - step * g
        w = w + down(x - w, rng)
        yield x


def dore(up, down, step, seeds, rng, alpha, beta, eta):
    model, shifts, error = zeros(seeds), zeros(seeds, N), zeros(seeds)
    while True:
        sent = up(gradients(model) - shifts, rng)
        g = (shifts + sent).mean(1)
        shifts = shifts + alpha * sent
        x = model - step * g
        q = x - model + eta * error
        moved = down(q, rng)
        error = q - moved
        model = model + beta * moved
        yield model


def mcm(up, down, step, seeds, rng, alpha, own, shift):
    """own: a compressor and a memory for each worker. shift: step of the workers' memories, 0 for none."""
    x, shifts = zeros(seeds), zeros(seeds, N)
    memory = zeros(seeds, N) if own else zeros(seeds)
    point = memory
    while True:
        sent = up(gradients(point) - shifts, rng)
        g = (shifts + sent).mean(1)
        shifts = shifts + shift * sent
        x = x - step * g
        carried = down((x[:, None, :] if own else x) - memory, rng)
        point = memory + carried
        memory = memory + alpha * carried
        yield x


K = 8
TOP, RAND = f"top-k:k={K}", f"rand-k:k={K}"
CASES = [
    ("ef21-bc", TOP, TOP, 0.2, ef21_bc, {}),
    ("dist-ef-sgd", TOP, TOP, 0.2, dist_ef_sgd, {}),
    ("ef21-p-diana:beta=0.3", RAND, TOP, 0.2, ef21_p_diana, {"beta": 0.3}),
    ("dore:alpha=0.3,beta=0.4,eta=0.5", RAND, RAND, 0.5, dore, {"alpha": 0.3, "beta": 0.4, "eta": 0.5}),
    ("mcm:alpha=0.25", RAND, RAND, 0.1, mcm, {"alpha": 0.25, "own": False, "shift": 0}),
    ("mcm:alpha=0.25,memory=true", RAND, RAND, 0.1, mcm, {"alpha": 0.25, "own": False, "shift": K / D}),
    ("rand-mcm:alpha=0.25", RAND, RAND, 0.2, mcm, {"alpha": 0.25, "own": True, "shift": 0}),
    ("rand-mcm:alpha=0.25,memory=true", RAND, RAND, 0.2, mcm, {"alpha": 0.25, "own": True, "shift": K / D}),
]

cases = []
for number, (method, uplink, downlink, step, program, parameters) in enumerate(CASES):
    exact = "rand" not in uplink + downlink
    seeds = 1 if exact else SEEDS
    rng = np.random.default_rng(number)
    compressors = {TOP: top(K), RAND: rand(K)}
    run = program(compressors[uplink], compressors[downlink], step, seeds, rng, **parameters)
    case = {"method": method, "uplink": uplink, "downlink": downlink, "stepSize": step, "rounds": ROUNDS}
    case.update({"x": []} if exact else {"mean": [], "sd": []})
    for k in range(1, ROUNDS[-1] + 1):
        x = next(run)
        if k not in ROUNDS:
            continue
        if exact:
            case["x"].append(x[0].tolist())
        else:
            # ln of the squared gradient norm: its spread over seeds does not grow with the rounds
            norms = np.log(np.square(gradients(x).mean(1)).sum(-1))
            case["mean"].append(float(norms.mean()))
            case["sd"].append(float(norms.std(ddof=1)))
    cases.append(case)

print(json.dumps({"instance": {"c": C.tolist(), "b": B.tolist()}, "cases": cases}, indent=1))

#!/usr/bin/env python3
"""M3 on the linear autoencoder of MNIST in one process of NumPy: the reference that Flotilla is compared with.

    f(D, E) = (1/m) sum_b ||D E b - b||^2 + (lambda/2) ||D E - I||_F^2,  D in R^{784 x 16}, E in R^{16 x 784}

M3 [Gruntkowska, Tyurin, Richtarik, NeurIPS 2024, Algorithm 2]: w_i = z_i = x0, g = grad f(x0); a round is

    x+ = x - gamma g;  coins c_P, c_D
    c_P = 1: w_i = x+;  c_P = 0: w_i = w_i + C_i(x+ - x)
    z_i+ = beta w_i + (1 - beta) z_i
    c_D = 1: g = mean grad f_i(z_i+);  c_D = 0: g = g + mean Q_i(grad f_i(z_i+) - grad f_i(z_i))

Written from the definitions alone; it shares nothing with the TypeScript program but the data file. All workers' states are
the rows of matrices, every operation is one call for all of them, and the large product is BLAS.

Prints one JSON object a seed.
"""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("images", help="train-images-idx3-ubyte")
parser.add_argument("--method", choices=["m3", "gd"], default="m3")
parser.add_argument("--workers", type=int, default=20)
parser.add_argument("--rounds", type=int, default=500)
parser.add_argument("--k", type=int, help="coordinates of RandK; default floor(d/n)")
parser.add_argument("--p", type=float, help="probability of both coins; default 1/n")
parser.add_argument("--beta", type=float, help="momentum; default n^(-2/3)")
parser.add_argument("--step-size", type=float, default=0.002)
parser.add_argument("--natural", action="store_true", help="natural compression after PermK and after RandK")
parser.add_argument("--uplink", choices=["rand-k", "perm-k"], default="rand-k")
parser.add_argument("--shared-coin", action="store_true", help="one coin for both links")
parser.add_argument("--seeds", default="0", help="comma separated")
parser.add_argument("--dtype", choices=["float32", "float64"], default="float64", help="of the state and the products")
parser.add_argument("--threads", type=int, help="of BLAS; default one a core")
parser.add_argument("--every", type=int, default=0, help="rounds between values of f in `curve`; 0: none")
args = parser.parse_args()
if args.threads:
    # read by the BLAS library when it is loaded
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(args.threads)

import numpy as np  # noqa: E402

CODE = 16
LAMBDA = 0.001


def read_images(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, count, height, width = np.frombuffer(data, ">u4", 4)
    if magic != 0x803:
        raise SystemExit(f"{path} is not an IDX file of images")
    return np.frombuffer(data, np.uint8, offset=16).reshape(int(count), int(height) * int(width))


def starting_point(d):
    j = np.arange(d, dtype=np.int64)
    return (((j * 7919 + 104729) % 2003) / 2003 - 0.5) * 0.2


class Autoencoder:
    """f_i and its gradient for all workers at once, from S_i = M_i + (lambda/2) I."""

    def __init__(self, images, workers, rng, dtype):
        self.features = images.shape[1]
        moments = np.empty((workers, self.features, self.features), dtype)
        count = len(images)
        for i, shard in enumerate(np.array_split(rng.permutation(count), workers)):
            b = images[shard].astype(np.float64) / 255
            # every sample weighs n/N, so that f is the mean over all samples when shards differ by one
            moments[i] = (b.T @ b) * (workers / count)
        diagonal = np.arange(self.features)
        moments[:, diagonal, diagonal] += LAMBDA / 2
        self.moments = moments
        self.mean_moment = moments.mean(axis=0, dtype=np.float64)

    def split(self, x):
        half = CODE * self.features
        return x[..., :half].reshape(*x.shape[:-1], self.features, CODE), x[..., half:].reshape(*x.shape[:-1], CODE, self.features)

    def gradients(self, z, out):
        """Row i of out becomes grad f_i at row i of z."""
        decoder, encoder = self.split(z)
        decoder_t = decoder.swapaxes(-1, -2)
        products = np.concatenate((encoder, decoder_t), axis=-2) @ self.moments
        es, dts = products[:, :CODE], products[:, CODE:]
        of_decoder, of_encoder = self.split(out)
        ese = es @ encoder.swapaxes(-1, -2)
        np.subtract(decoder @ ese, es.swapaxes(-1, -2), out=of_decoder)
        np.subtract((decoder_t @ decoder) @ es, dts, out=of_encoder)
        out *= 2
        return out

    def value(self, x):
        decoder, encoder = self.split(x.astype(np.float64))
        es = encoder @ self.mean_moment
        quadratic = np.sum((decoder.T @ decoder) * (es @ encoder.T))
        return float(np.trace(self.mean_moment) - 2 * np.sum(decoder.T * es) + quadratic)


def natural(rng, values):
    """C_nat: |v| = f 2^e with f in [1/2, 1) becomes 2^e with probability 2f - 1, else 2^(e-1)."""
    fraction, exponent = np.frexp(values)
    up = rng.random(values.shape) < 2 * np.abs(fraction) - 1
    return np.ldexp(np.sign(values), exponent - 1 + up).astype(values.dtype)


def rand_k(rng, workers, d, k):
    """A uniform k-subset a worker."""
    return np.stack([rng.choice(d, k, replace=False, shuffle=False) for _ in range(workers)])


def perm_k(rng, workers, d):
    """A random permutation dealt to the workers, in slots of the vector padded to a multiple of n; index d is the padding."""
    slots = -(-d // workers) * workers
    deal = rng.permutation(slots).reshape(workers, -1)
    return np.minimum(deal, d)


def run(images, seed):
    n, dtype = args.workers, np.dtype(args.dtype)
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    problem = Autoencoder(images, n, rng, dtype)
    set_up = time.perf_counter() - started
    d = 2 * CODE * problem.features
    k = args.k or d // n
    p = args.p or 1 / n
    beta = args.beta or n ** (-2 / 3)
    gamma = dtype.type(args.step_size)
    bits = 9 if args.natural else 32
    uplink, downlink, uplink_bits, downlink_bits = d, 0, 32 * d, 0
    dense_uplinks, dense_downlinks = 1, 0
    workers = np.arange(n)[:, None]

    def compressed(vectors, index, scale):
        """The kept values, scaled; `vectors` has one row for all workers or one each, and a zero behind its last coordinate."""
        kept = vectors[index] if vectors.ndim == 1 else vectors[workers, index]
        kept = kept * dtype.type(scale)
        return natural(rng, kept) if args.natural else kept

    # a coordinate behind the last one takes the padding of PermK
    x = np.zeros(d + 1, dtype)
    x[:d] = starting_point(d)
    w = np.tile(x, (n, 1))
    z = np.tile(x[:d], (n, 1))
    gradient = problem.gradients(z, np.empty_like(z))
    previous = np.empty_like(gradient)
    difference = np.zeros((n, d + 1), dtype)
    g = gradient.mean(axis=0)
    curve = []
    in_rounds = 0.0
    for t in range(1, args.rounds + 1):
        began = time.perf_counter()
        if args.method == "gd":
            x[:d] -= gamma * g
            z[:] = x[:d]
            problem.gradients(z, gradient)
            g = gradient.mean(axis=0)
            downlink, downlink_bits = downlink + d, downlink_bits + 32 * d
            uplink, uplink_bits = uplink + d, uplink_bits + 32 * d
        else:
            down = rng.random() < p
            up = down if args.shared_coin else rng.random() < p
            step = np.zeros(d + 1, dtype)
            step[:d] = -gamma * g
            x += step
            if down:
                w[:] = x
                dense_downlinks += 1
                downlink, downlink_bits = downlink + d, downlink_bits + 32 * d
            else:
                index = perm_k(rng, n, d)
                w[workers, index] += compressed(step, index, n)
                w[:, d] = 0
                downlink, downlink_bits = downlink + index.size / n, downlink_bits + bits * index.size / n
            z *= dtype.type(1 - beta)
            z += dtype.type(beta) * w[:, :d]
            previous, gradient = gradient, previous
            problem.gradients(z, gradient)
            if up:
                g = gradient.mean(axis=0)
                dense_uplinks += 1
                uplink, uplink_bits = uplink + d, uplink_bits + 32 * d
            else:
                np.subtract(gradient, previous, out=difference[:, :d])
                if args.uplink == "rand-k":
                    index, scale = rand_k(rng, n, d, k), d / k
                else:
                    index, scale = perm_k(rng, n, d), n
                kept = compressed(difference, index, scale)
                g = g + np.bincount(index.ravel(), kept.ravel(), d + 1)[:d].astype(dtype) / n
                uplink, uplink_bits = uplink + index.size / n, uplink_bits + bits * index.size / n
        in_rounds += time.perf_counter() - began
        if args.every and t % args.every == 0:
            curve.append(round(problem.value(x[:d]), 3))
    gd_bits = args.rounds * 2 * 32 * d
    return {
        "seed": seed,
        "f": problem.value(x[:d]),
        "msPerRound": 1000 * in_rounds / args.rounds,
        "setUpSeconds": set_up,
        "uplinkCoordinates": round(uplink),
        "downlinkCoordinates": round(downlink),
        "bytesPerWorker": round((uplink_bits + downlink_bits) / 8),
        "timesBelowGd": gd_bits / (uplink_bits + downlink_bits),
        "denseUplinks": dense_uplinks,
        "denseDownlinks": dense_downlinks,
        **({"curve": curve} if curve else {}),
    }


images = read_images(args.images)
for seed in args.seeds.split(","):
    print(json.dumps(run(images, int(seed))), flush=True)

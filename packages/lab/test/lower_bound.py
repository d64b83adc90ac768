"""Rounds to ||grad f||^2 <= eps on the instance of MARINA-P's lower bound (eq. 36, its blocks dealt out to the workers), from
the definitions alone, in u = x/lambda, L = 1, x0 = 0: prints mean and standard deviation over seeds for each omega + 1 = T/K.

    python3 lower_bound.py METHOD [--t 50] [--workers 4] [--equal] [--gamma 300] [--seeds 40] [--omegas 2,5,10,25,50]

METHOD: rand-k, same-rand-k, perm-k (MARINA-P, p = K/T; perm-k takes omega + 1 workers whatever --workers says), and ef21-p
with RandK/(omega + 1), one message for all.
"""
import argparse
from math import erf, pi, sqrt

import numpy as np

ERF = np.vectorize(erf)


def psi(z):
    out = np.zeros_like(z)
    on = z > 0.5
    out[on] = np.exp(1 - 1 / (2 * z[on] - 1) ** 2)
    return out


def psi_slope(z):
    out = np.zeros_like(z)
    on = z > 0.5
    out[on] = 4 * np.exp(1 - 1 / (2 * z[on] - 1) ** 2) / (2 * z[on] - 1) ** 3
    return out


def phi_slope(z):
    return np.exp(0.5 - z * z / 2)


def phi(z):
    return sqrt(pi * np.e / 2) * (1 + ERF(z / sqrt(2)))


def gradients(points, mine):
    """Rows: the gradients at the rows of `points` of the sums of the blocks that are 1 in the rows of `mine`."""
    a, b = points[:, :-1], points[:, 1:]
    out = np.empty_like(points)
    out[:, 0] = -phi_slope(points[:, 0]) * mine[:, 0]
    out[:, 1:] = (-psi(-a) * phi_slope(-b) - psi(a) * phi_slope(b)) * mine[:, 1:]
    out[:, :-1] += (-psi_slope(-a) * phi(-b) - psi_slope(a) * phi(b)) * mine[:, 1:]
    return out


def rounds(method, T, K, n, equal, gamma, rng, cap=100000):
    mine = np.ones((n, T)) if equal else n * (np.arange(T) % n == np.arange(n)[:, None])
    every = np.ones((1, T))
    x = np.zeros(T)
    w = np.zeros((n, T))
    g = gradients(w, mine).mean(axis=0)
    for r in range(1, cap + 1):
        before = x
        x = x - gamma / 152 * g
        if method == 'ef21-p':
            keep = rng.choice(T, K, replace=False)
            w[:, keep] += (x - w[0])[keep]
        elif rng.random() < K / T:
            w[:] = x
        elif method == 'perm-k':
            order = rng.permutation(T).reshape(n, T // n)
            for i in range(n):
                w[i, order[i]] += n * (x - before)[order[i]]
        else:
            for i in range(n):
                if i == 0 or method == 'rand-k':
                    keep = rng.choice(T, K, replace=False)
                w[i, keep] += T / K * (x - before)[keep]
        g = gradients(w, mine).mean(axis=0)
        if np.sum(gradients(x[None], every) ** 2) <= 0.5:
            return r
    raise SystemExit(f'{method}, K = {K}: not there after {cap} rounds')


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('method', choices=['rand-k', 'same-rand-k', 'perm-k', 'ef21-p'])
    parser.add_argument('--t', type=int, default=50)
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--equal', action='store_true')
    parser.add_argument('--gamma', type=float, default=300)
    parser.add_argument('--seeds', type=int, default=40)
    parser.add_argument('--omegas', default='2,5,10,25,50')
    args = parser.parse_args()
    for omega in map(int, args.omegas.split(',')):
        n = omega if args.method == 'perm-k' else args.workers
        found = [
            rounds(args.method, args.t, args.t // omega, n, args.equal, args.gamma, np.random.default_rng([seed, omega]))
            for seed in range(args.seeds)
        ]
        print(f'omega + 1 = {omega}: {np.mean(found):.1f} +- {np.std(found, ddof=1):.1f}', flush=True)

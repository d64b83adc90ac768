"""Smoothness constants of regularised logistic regression along gradient descent, from Hessians in closed form.

Input, as JSON: n, lambda, rows (N x q), labels (+-1), worker of each row. Along 50 steps of x <- x - grad f(x)/L_f from 0, L_f the
largest norm of the Hessian at the points so far, the largest of each constant after 0, 5, 20 and 50 steps.
"""

import json
import sys

import numpy as np

given = json.load(sys.stdin)
n, lam = given["n"], given["lambda"]
A = np.c_[np.ones(len(given["rows"])), np.array(given["rows"])]
y = np.array(given["labels"])
worker = np.array(given["worker"])
N, d = A.shape


def sigma(t):
    return 1 / (1 + np.exp(-t))


def gradient(x):
    return -(A * (y * sigma(-y * (A @ x)))[:, None]).sum(0) / N + lam * x


def hessians(x):
    s = sigma(A @ x)
    weight = s * (1 - s) * n / N
    return [(A[worker == i].T * weight[worker == i]) @ A[worker == i] + lam * np.eye(d) for i in range(n)]


def norm(H):
    return float(np.abs(np.linalg.eigvalsh(H)).max())


x = np.zeros(d)
f, own, spread, variance = 0.0, np.zeros(n), 0.0, 0.0
for step in range(51):
    if step in (0, 5, 20, 50):
        H = hessians(x)
        mean = sum(H) / n
        f = max(f, norm(mean))
        own = np.maximum(own, [norm(h) for h in H])
        spread = max(spread, max(norm(h - mean) for h in H))
        variance = max(variance, norm(sum((h - mean) @ (h - mean) for h in H) / n))
    x = x - gradient(x) / f

print(
    json.dumps(
        {
            "f": f,
            "rms": float(np.sqrt((own**2).mean())),
            "max": float(own.max()),
            "LA": float(np.sqrt(2) * spread),
            "LB": float(np.sqrt(2) * own.mean()),
            "LPlusMinus": float(np.sqrt(variance)),
        }
    )
)

"""Gradient descent and MARINA in float32 from their definitions, with NumPy: reads a job from stdin, prints the iterates.

f_i(x) = 1/2 c_i x'Xx - b'x, X = 1/4 tridiag(-1, 2, -1); MARINA's Q keeps the coordinates j = round (mod `every`), times `every`."""
import json
import sys

import numpy as np

job = json.load(sys.stdin)
f32 = np.float32
c, b, gamma = np.array(job["c"], f32), np.array(job["b"], f32), f32(job["stepSize"])
every = job["every"]
n, d = len(c), len(b)
X = (np.diag(np.full(d, 2.0)) - np.diag(np.ones(d - 1), 1) - np.diag(np.ones(d - 1), -1)).astype(f32) / f32(4)


def gradients(x):
    return c[:, None] * (X @ x) - b


x = np.array(job["start"], f32)
G = gradients(x)
g = G.mean(0, dtype=f32)
iterates = []
for k, dense in enumerate(job["dense"], start=1):
    if job["method"] == "gd":
        x = x - gamma * gradients(x).mean(0, dtype=f32)
    else:
        x = x - gamma * g
        after = gradients(x)
        if dense:
            g = after.mean(0, dtype=f32)
        else:
            keep = np.arange(d) % every == k % every
            g = g + np.where(keep, f32(every) * (after - G), f32(0)).mean(0, dtype=f32)
        G = after
    assert x.dtype == f32
    iterates.append([float(v) for v in x])
print(json.dumps(iterates))

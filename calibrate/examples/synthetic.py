"""The minimum of synthetic.rs's problem by scipy.optimize.least_squares: one line of JSON.

Same start, same model, exact Jacobian, same robust loss (handed in as a function) and priors; run by
`cargo xtask bench calibrate`.
"""

import json
import resource
import sys
import time

import numpy as np
from scipy.optimize import least_squares

TERMS, GENERATIONS, DEVICES, BACKENDS = 3, 12, 80, 5
VARIANCES = np.concatenate([np.full(GENERATIONS, 0.03), np.full(DEVICES, 0.02), np.full(BACKENDS, 0.1)])
NOISE, FREEDOM = 0.01, 4.0
LEN = TERMS + len(VARIANCES)

data = np.fromfile(sys.argv[1] + "/rows.f64").reshape(-1, 1 + TERMS + 3)
speed, work, levels = data[:, 0], data[:, 1 : 1 + TERMS], data[:, 1 + TERMS :].astype(int)
count = len(speed)


def parts(params):
    logs = np.tile(params[:TERMS], (count, 1))
    logs[:, 2] -= params[TERMS + levels[:, 2]]
    seconds = np.exp(logs) * work
    whole = params[TERMS + levels[:, 0]] + params[TERMS + levels[:, 1]]
    return seconds, seconds.sum(axis=1), whole


def residuals(params):
    _, total, whole = parts(params)
    data_part = (speed - whole + np.log(total)) / np.sqrt(NOISE)
    return np.concatenate([data_part, params[:TERMS], params[TERMS:] / np.sqrt(VARIANCES)])


ROW = np.arange(count)
PRIORS = np.diag(np.concatenate([np.ones(TERMS), 1 / np.sqrt(VARIANCES)]))


def jacobian(params):
    seconds, total, _ = parts(params)
    share = seconds / total[:, None] / np.sqrt(NOISE)
    dense = np.zeros((count + LEN, LEN))
    dense[:count, :TERMS] = share
    dense[ROW, TERMS + levels[:, 0]] = -1 / np.sqrt(NOISE)
    dense[ROW, TERMS + levels[:, 1]] = -1 / np.sqrt(NOISE)
    dense[ROW, TERMS + levels[:, 2]] = -share[:, 2]
    dense[count:] = PRIORS
    return dense


def loss(z):
    rho = np.empty((3, len(z)))
    rho[0], rho[1], rho[2] = z, 1.0, 0.0
    inner = z[:count]
    rho[0, :count] = (FREEDOM + 1) * np.log1p(inner / FREEDOM)
    rho[1, :count] = (FREEDOM + 1) / (FREEDOM + inner)
    rho[2, :count] = -(FREEDOM + 1) / (FREEDOM + inner) ** 2
    return rho


started = time.perf_counter()
found = least_squares(residuals, np.zeros(LEN), jacobian, loss=loss, ftol=1e-9, xtol=1e-10, gtol=1e-10)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(
    json.dumps(
        {"rows": count, "solve_s": seconds, "peak_mib": peak, "cost": 2 * float(found.cost), "params": list(found.x)}
    )
)

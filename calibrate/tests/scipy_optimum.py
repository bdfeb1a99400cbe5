"""The optimum that SciPy finds for the problem of tests/scipy.rs: run with SciPy 1.17, prints what the test records."""

import numpy as np
from scipy.optimize import minimize

MASK = (1 << 64) - 1


def noise(seed):
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) & MASK
        yield (seed >> 11) / (1 << 53) * 2 - 1


TERMS, DEVICES, NOISE, FREEDOM, VARIANCE = 2, 5, 0.01, 4.0, 0.03
PRIORS = [(-0.5, 1.0), (-1.0, 0.7)]
source = noise(11)
rows = []
for index in range(300):
    work = (1.0 + index % 7, 0.5 + index % 4)
    device = index % DEVICES
    log_speed = 0.1 * (device - 2) - np.log(0.8 * work[0] + 0.5 * work[1]) + 0.1 * next(source)
    if index % 17 == 3:
        log_speed += 1.2
    rows.append((log_speed, work, device, 1.0 + index % 2))


def cost(params):
    total = 0.0
    for log_speed, work, device, weight in rows:
        seconds = sum(np.exp(params[k]) * work[k] for k in range(TERMS))
        residual = log_speed - (params[TERMS + device] - np.log(seconds))
        total += weight * (FREEDOM + 1) * np.log1p(residual**2 / (FREEDOM * NOISE))
    total += sum(((params[k] - mean) / sd) ** 2 for k, (mean, sd) in enumerate(PRIORS))
    return total + sum(u * u / VARIANCE for u in params[TERMS:])


start = np.array([mean for mean, _ in PRIORS] + [0.0] * DEVICES)
found = minimize(cost, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 1000})
found = minimize(cost, found.x, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20000})
print("cost", repr(float(found.fun)))
print([float(f"{value:.9f}") for value in found.x])

"""whichllm's estimate of every setup in a file, a line each: `cargo xtask bench accuracy` runs this.

Its own function is called with what its users' machines and Hugging Face would tell it. What was measured is not in the
file.
"""

import csv
import math
import sys

from whichllm.engine.performance import _QUANT_EFFICIENCY, estimate_tok_per_sec
from whichllm.hardware.types import GPUInfo
from whichllm.models.types import GGUFVariant, ModelInfo

GIB = 2**30

# Bits a weight of files with these labels: a label that whichllm does not know is given as the nearest of them, or it would
# be taken for a slow one.
BITS = {
    "F32": 32.0,
    "F16": 16.0,
    "Q8_0": 8.5,
    "Q6_K": 6.56,
    "Q5_K_M": 5.7,
    "Q4_K_M": 4.85,
    "Q4_0": 4.55,
    "Q3_K_M": 3.9,
    "Q2_K": 3.0,
    "IQ2_XXS": 2.1,
    "IQ1_S": 1.6,
}


def label(setup):
    if setup["quant"] in _QUANT_EFFICIENCY:
        return setup["quant"]
    bits = float(setup["bits_per_weight"])
    return min(BITS, key=lambda name: abs(math.log(BITS[name] / bits)))


def tokens_per_second(setup):
    total, active = (int(float(setup[name]) * 1e9) for name in ("params_b", "active_params_b"))
    name = setup["model_row"]
    model = ModelInfo(
        id=name,
        family_id=name,
        name=name,
        parameter_count=total,
        parameter_count_active=active if active < total else None,
        is_moe=active < total,
    )
    file = GGUFVariant(filename="", quant_type=label(setup), file_size_bytes=int(float(setup["size_gib"]) * GIB))
    if setup["class"] == "cpu":
        return estimate_tok_per_sec(model, file, None, "cpu_only")
    device = GPUInfo(
        name=setup["device"],
        vendor=setup["vendor"],
        vram_bytes=int(float(setup["memory_gib"] or 0) * GIB),
        memory_bandwidth_gbps=float(setup["bandwidth_gb_s"]),
        shared_memory=setup["class"] in ("apple", "unified", "mobile"),
    )
    return estimate_tok_per_sec(model, file, device, "full_gpu")


with open(sys.argv[1], newline="") as setups:
    for setup in csv.DictReader(setups, delimiter="\t", quoting=csv.QUOTE_NONE):
        speed = tokens_per_second(setup)
        print(speed if speed > 0 else "-")

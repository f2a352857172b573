"""Solves square cost matrices (.npy, f32) with what is installed of scipy, lapjv and lap, and multiplies matrices with torch
on a GPU. Prints one line of JSON. Used by scripts/gpu-check.sh.

usage: python3 scripts/gpu-peers.py FILE.npy..."""

import importlib
import importlib.metadata
import json
import os
import sys
import time

import numpy


def timed(call, enough_seconds=5.0, most=5):
    """Seconds of a few calls: median, least and most; a long one is called once."""
    seconds = []
    while len(seconds) < most and sum(seconds) < enough_seconds:
        begin = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - begin)
    seconds.sort()
    return result, {"seconds": seconds[len(seconds) // 2], "least": seconds[0], "most": seconds[-1], "runs": len(seconds)}


def scipy_columns(costs):
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(costs)[1]


def lapjv_columns(costs):
    return importlib.import_module("lapjv").lapjv(costs)[0]


def lap_columns(costs):
    return importlib.import_module("lap").lapjv(costs)[1]


def products():
    """TFLOP/s of torch's product of the size of one pair, 16,384 x 4,609, by the numbers that it multiplies."""
    import torch

    if not torch.cuda.is_available():
        return "torch sees no GPU"
    found = {}
    for name, dtype, tf32 in (("f16", torch.float16, False), ("tf32", torch.float32, True), ("f32", torch.float32, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(16384, 4640, device="cuda").to(dtype) for _ in range(2))
        out = torch.empty(16384, 16384, device="cuda", dtype=dtype)

        def multiply():
            torch.matmul(a, b.T, out=out)
            torch.cuda.synchronize()

        multiply()
        _, times = timed(multiply, most=9)
        found[name] = {**times, "tflops": 2 * 16384 * 16384 * 4640 / times["seconds"] / 1e12}
    return found


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


solvers = {"scipy": scipy_columns, "lapjv": lapjv_columns, "lap": lap_columns}
result = {"versions": {name: version_of(name) for name in (*solvers, "numpy", "torch")}}
for path in sys.argv[1:]:
    costs = numpy.load(path)
    solved = result[os.path.splitext(os.path.basename(path))[0]] = {"n": len(costs)}
    for name, solve in solvers.items():
        if result["versions"][name] is None:
            continue
        columns, times = timed(lambda: solve(costs))
        cost = costs[numpy.arange(len(costs)), columns].sum(dtype=numpy.float64)
        solved[name] = {**times, "cost": float(cost)}
        print(path, name, times, file=sys.stderr)
if result["versions"]["torch"] is not None:
    result["torch_products"] = products()
print(json.dumps(result))

"""One cell of the table in Python: reads the very .npy files that the other contenders read, prints one line of JSON."""

import json
import resource
import sys
import time

import numpy as np


def main() -> None:
    cell = json.loads(sys.argv[1])
    module = cell["contender"]["module"]
    run = sgemm(cell) if module == "numpy" else assignment(module, np.load(cell["matrix"]))
    milliseconds = []
    result = None
    for _ in range(cell["repetitions"]):
        start = time.perf_counter()
        result = run()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    report = {
        "milliseconds": milliseconds,
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": version(module),
    }
    if module != "numpy":
        report |= checked(np.load(cell["matrix"]), np.asarray(result))
    print(json.dumps(report))


def assignment(module: str, costs: np.ndarray):
    """A function that returns the column of each row."""
    if module == "scipy":
        from scipy.optimize import linear_sum_assignment

        return lambda: linear_sum_assignment(costs)[1]
    if module == "lapjv":
        from lapjv import lapjv

        return lambda: lapjv(costs)[0]
    if module == "lap":
        import lap

        return lambda: lap.lapjv(costs, extend_cost=costs.shape[0] != costs.shape[1])[1]
    raise ValueError(f"unknown contender {module}")


def sgemm(cell: dict):
    """The squared distances of all feature rows through numpy's GEMM."""
    a, b = np.load(cell["a"]), np.load(cell["b"])

    def run() -> np.ndarray:
        costs = a @ b.T
        costs *= -2
        costs += np.einsum("ij,ij->i", a, a)[:, None]
        costs += np.einsum("ij,ij->i", b, b)[None, :]
        return costs

    return run


def checked(costs: np.ndarray, columns: np.ndarray) -> dict:
    """Whether it is a one-to-one assignment, and what it costs."""
    rows = np.flatnonzero(columns >= 0)
    taken = columns[rows]
    one_to_one = len(rows) == min(costs.shape) and len(np.unique(taken)) == len(taken)
    return {"oneToOne": bool(one_to_one), "cost": float(costs[rows, taken].astype(np.float64).sum())}


def version(module: str) -> str:
    from importlib.metadata import version as installed

    return installed(module)


main()

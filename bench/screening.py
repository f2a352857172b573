"""How many columns of a row a rigorous bound of lower precision cannot exclude: called by screening.mjs.

Every rung is simulated to the bit of its operands. The truth is the f64 value of |x - y|^2. A rung's estimate is
|x|^2 + |y|^2 - 2 <x', y'> of rounded rows x', y', and its rigorous margin, part by part of a row (Cauchy-Schwarz),

    e = 2 sum over parts (|x - x'| |y| + |x'| |y - y'| + gamma |x'| |y'|)

which is the margin of first order exactly (<x, y> - <x', y'> = <x - x', y> + <x', y - y'>); gamma bounds the sum's own
rounding, and lower bounds are rounded down to the f32 they would be stored in. Two counts of candidates for the
k best columns of a row by cost - price:

    in order    lower bounds that reach below the true k-th best: what is computed exactly by a method that takes
                entries in the order of their lower bounds. Nothing that proves its answer can do with fewer.
    in one go   lower bounds that reach below the k-th least upper bound: chosen without any exact value.

The audit also ranks partners, by cost alone: `ranks` counts the entries that may lie on either side of the partner's
cost in their row or in their column, per row. Each of those must be computed exactly.
"""

import json
import sys
from dataclasses import dataclass
from typing import Callable

import numpy as np

DEPTHS = (1, 8, 64, 128)
ROWS_AT_ONCE = 256
MOST_ROWS = 2048  # of A that are looked at, spread evenly
CHAIN = 384  # terms in one f32 chain of the library's product
SAMPLE_ROWS, SAMPLE_DEPTH = 256, 8  # starting prices of the shortlist solver

Quantiser = Callable[[np.ndarray], np.ndarray]


@dataclass
class Rung:
    """One precision. `parts` are the columns that have a margin of their own; a part in `left_out` is not multiplied."""

    name: str
    quantise: Quantiser
    parts: list[slice]
    left_out: tuple[int, ...]
    gamma: float
    floating: bool  # whether products are summed in f32; integers are summed exactly
    quantise_a: Quantiser | None = None  # where A's rows are rounded otherwise than B's


def gamma_of(roundings: int) -> float:
    return roundings * 2.0**-24 / (1 - roundings * 2.0**-24)


def to_f32(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32).astype(np.float64)


def to_bf16(x: np.ndarray) -> np.ndarray:
    """To nearest, ties to even, as vcvtneps2bf16 does; what would be denormal becomes 0."""
    bits = x.astype(np.float32).view(np.uint32)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    rounded = bits.view(np.float32).astype(np.float64)
    rounded[np.abs(rounded) < 2.0**-126] = 0
    return rounded


def to_int8(block: int, most: int = 127) -> Quantiser:
    """Integers up to `most` with an f32 scale for every row and block of so many columns; 0: one block."""

    def quantise(x: np.ndarray) -> np.ndarray:
        rounded = np.empty_like(x)
        for begin in range(0, x.shape[1], block or x.shape[1]):
            piece = x[:, begin : begin + (block or x.shape[1])]
            scale = to_f32(np.abs(piece).max(axis=1, keepdims=True) / most)
            scale[scale == 0] = 1
            rounded[:, begin : begin + piece.shape[1]] = scale * np.clip(np.rint(piece / scale), -most, most)
        return rounded

    return quantise


def to_int16(x: np.ndarray) -> np.ndarray:
    """Integers whose row has a norm below 46,340: then no partial sum of a product leaves int32 (Cauchy-Schwarz)."""
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    room = 46340 - 0.5 * np.sqrt(x.shape[1])
    scale = to_f32(np.maximum(norms / room, np.abs(x).max(axis=1, keepdims=True) / 32767)) * (1 + 2.0**-23)
    scale[scale == 0] = 1
    integers = np.rint(x / scale)
    assert np.abs(integers).max() <= 32767 and np.linalg.norm(integers, axis=1).max() < 46341
    return scale * integers


def rungs(width: int) -> list[Rung]:
    dimension = (width - 1) // 2
    whole = [slice(0, width)]
    # Decoder and encoder; the bias alone is one product and stays in f32.
    parts = [slice(0, dimension), slice(dimension, 2 * dimension), slice(2 * dimension, width)]

    def by_part(quantise: Quantiser) -> Quantiser:
        def quantised(x: np.ndarray) -> np.ndarray:
            return np.concatenate([quantise(x[:, parts[0]]), quantise(x[:, parts[1]]), to_f32(x[:, parts[2]])], axis=1)

        return quantised

    def sums(terms: int) -> float:
        return gamma_of(min(terms, CHAIN) + -(-terms // CHAIN))

    def blocks(size: int) -> float:
        return gamma_of(-(-dimension // size) + 4)

    f32, f32_half = sums(width) + 2.0**-46, sums(dimension) + 2.0**-46
    return [
        Rung("f32", to_f32, whole, (), f32, True),
        Rung("f32, encoder left out", to_f32, parts, (1,), f32_half, True),
        Rung("int16", to_int16, whole, (), gamma_of(4), False),
        Rung("int16, encoder left out", by_part(to_int16), parts, (1,), gamma_of(4), False),
        Rung("bf16", to_bf16, whole, (), sums(width), True),
        Rung("bf16, encoder left out", by_part(to_bf16), parts, (1,), f32_half, True),
        Rung("int8, one scale a row", to_int8(0), whole, (), gamma_of(4), False),
        Rung("int8, a scale a part", by_part(to_int8(0)), parts, (), gamma_of(4), False),
        Rung("int8, blocks of 64", by_part(to_int8(64)), parts, (), blocks(64), False),
        Rung("int8, blocks of 32", by_part(to_int8(32)), parts, (), blocks(32), False),
        Rung("int8, blocks of 32, encoder left out", by_part(to_int8(32)), parts, (1,), blocks(32), False),
        Rung("int8 x int7, blocks of 32", by_part(to_int8(32)), parts, (), blocks(32), False, by_part(to_int8(32, 63))),
    ]


def norms_by_part(x: np.ndarray, parts: list[slice]) -> np.ndarray:
    """[parts, rows], rounded up."""
    return np.stack([np.linalg.norm(x[:, part], axis=1) for part in parts]) * (1 + 2.0**-40)


def round_down(x: np.ndarray) -> np.ndarray:
    nearest = x.astype(np.float32)
    return np.where(nearest > x, np.nextafter(nearest, np.float32(-np.inf)), nearest).astype(np.float64)


class Pair:
    """Rows of A and B, the optimal partners, and what the truth needs."""

    def __init__(self, a: np.ndarray, b: np.ndarray, row_to_column: np.ndarray) -> None:
        self.a, self.b = a, b
        self.row_to_column = row_to_column
        self.partner_costs = np.square(a - b[row_to_column]).sum(axis=1)
        self.column_partner_costs = np.empty(len(b))
        self.column_partner_costs[row_to_column] = self.partner_costs
        self.a_norms, self.b_norms = (np.einsum("ij,ij->i", x, x) for x in (a, b))

    def costs(self, rows: np.ndarray) -> np.ndarray:
        return self.a_norms[rows, None] + self.b_norms - 2 * (self.a[rows] @ self.b.T)

    def rounding(self, rows: np.ndarray) -> np.ndarray:
        """What f64 itself may lose in the truth and in an estimate together, generously."""
        both = np.sqrt(self.a_norms[rows, None]) + np.sqrt(self.b_norms)
        return 2 * (self.a.shape[1] + 16) * 2.0**-52 * both * both


def pieces(pair: Pair) -> list[np.ndarray]:
    """The rows that are looked at, a few at a time."""
    step = -(-len(pair.a) // MOST_ROWS)
    rows = np.arange(0, len(pair.a), step)
    return [rows[begin : begin + ROWS_AT_ONCE] for begin in range(0, len(rows), ROWS_AT_ONCE)]


class Screen:
    """The estimates of one rung, a few rows at a time."""

    def __init__(self, rung: Rung, pair: Pair) -> None:
        self.rung, self.pair = rung, pair
        self.a, self.b = (rung.quantise_a or rung.quantise)(pair.a), rung.quantise(pair.b)
        for part in rung.left_out:
            self.a[:, rung.parts[part]] = self.b[:, rung.parts[part]] = 0
        self.norms = [norms_by_part(x, rung.parts) for x in (self.a, pair.b, self.b)]
        self.residuals = [norms_by_part(x - y, rung.parts) for x, y in ((pair.a, self.a), (pair.b, self.b))]
        if rung.floating:
            self.a, self.b = self.a.astype(np.float32), self.b.astype(np.float32)

    def bounds(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The estimate and its margin."""
        (a_rounded, b_full, b_rounded), (a_residual, b_residual) = self.norms, self.residuals
        products = (self.a[rows] @ self.b.T).astype(np.float64)
        estimate = self.pair.a_norms[rows, None] + self.pair.b_norms - 2 * products
        left = np.concatenate([a_residual[:, rows], a_rounded[:, rows], self.rung.gamma * a_rounded[:, rows]])
        right = np.concatenate([b_full, b_residual, b_rounded])
        return estimate, 2 * (left.T @ right) + self.pair.rounding(rows)


def starting_prices(pair: Pair) -> np.ndarray:
    n = len(pair.a)
    size = min(n, SAMPLE_ROWS)
    costs = pair.costs(np.arange(size) * n // size)
    return np.partition(costs, size * SAMPLE_DEPTH // SAMPLE_ROWS - 1, axis=0)[size * SAMPLE_DEPTH // SAMPLE_ROWS - 1]


def depth_values(reduced: np.ndarray) -> np.ndarray:
    """[rows, depths] the k-th least of every row."""
    at = [k - 1 for k in DEPTHS]
    return np.partition(reduced, at, axis=1)[:, at]


def count_below(lower: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return np.stack([(lower <= thresholds[:, [d]]).sum(axis=1) for d in range(thresholds.shape[1])], axis=1)


def spread(counts: np.ndarray) -> dict:
    """Of the candidates of every row: mean, median, 90 %, 99 %, most."""
    return {
        "mean": float(counts.mean()),
        "quantiles": [float(q) for q in np.quantile(counts, [0.5, 0.9, 0.99, 1])],
    }


def screen(rung: Rung, pair: Pair, prices: dict[str, np.ndarray]) -> dict:
    made = Screen(rung, pair)
    outside, margins, ranks = 0, [], []
    counts = {(name, way): [] for name in prices for way in ("in order", "in one go")}
    for rows in pieces(pair):
        exact = pair.costs(rows)
        estimate, margin = made.bounds(rows)
        outside += int((np.abs(estimate - exact) > margin).sum())
        margins.append(np.median(margin, axis=1))
        lower, upper = round_down(estimate - margin), estimate + margin
        by_row, by_column = pair.partner_costs[rows, None], pair.column_partner_costs
        ranks.append(sum(((lower <= cost) & (cost <= upper)).sum(axis=1) for cost in (by_row, by_column)))
        outside += int((lower > exact + pair.rounding(rows)).sum())
        for name, v in prices.items():
            reduced = lower - v
            counts[name, "in order"].append(count_below(reduced, depth_values(exact - v)))
            counts[name, "in one go"].append(count_below(reduced, depth_values(upper - v)))
    return {
        "rung": rung.name,
        "outside": outside,
        "medianMargin": float(np.median(np.concatenate(margins))),
        "ranks": float(np.concatenate(ranks).mean()),
        "candidates": {
            f"{name}, {way}": {k: spread(np.concatenate(found)[:, d]) for d, k in enumerate(DEPTHS)}
            for (name, way), found in counts.items()
        },
    }


def stored_down(kind: str, reduced: np.ndarray) -> np.ndarray:
    """Lower bounds of cost - starting price in few bits. Integers span the row's lower half and are cut off above it."""
    if kind in ("u16", "u8"):
        least = reduced.min(axis=1, keepdims=True)
        step = (np.median(reduced, axis=1, keepdims=True) - least) / (2 ** int(kind[1:]) - 1)
        return least + step * np.clip(np.floor((reduced - least) / step * (1 - 2.0**-50)), 0, 2 ** int(kind[1:]) - 1)
    if kind == "f16":
        nearest = reduced.astype(np.float16)
        return np.where(nearest > reduced, np.nextafter(nearest, np.float16(-np.inf)), nearest).astype(np.float64)
    bits = round_down(reduced).astype(np.float32).view(np.uint32)
    # Cutting bits off rounds towards 0: up, where the number is negative.
    up = (bits >> 31 == 1) & (bits & 0xFFFF != 0)
    return ((bits & np.uint32(0xFFFF0000)) + (up.astype(np.uint32) << 16)).view(np.float32).astype(np.float64)


def store(kind: str, of: str, pair: Pair, prices: dict[str, np.ndarray]) -> dict:
    """A whole matrix kept as lower bounds in few bits: of the costs, or of costs less starting prices."""
    base = prices["start"] if of == "cost - starting price" else 0
    outside = 0
    counts = {name: [] for name in prices}
    for rows in pieces(pair):
        exact = pair.costs(rows)
        lower = stored_down(kind, exact - base) + base
        outside += int((lower > exact + pair.rounding(rows)).sum())
        for name, v in prices.items():
            counts[name].append(count_below(lower - v, depth_values(exact - v)))
    return {
        "rung": f"stored {kind} of {of}",
        "outside": outside,
        "candidates": {
            f"{name}, in order": {k: spread(np.concatenate(found)[:, d]) for d, k in enumerate(DEPTHS)}
            for name, found in counts.items()
        },
    }


def table(results: list[dict], way: str) -> str:
    lines = [
        "",
        f"candidates, prices at the {way}: mean (median, 90 %, 99 %, most)",
        "| rung | margin | " + " | ".join(f"k = {k}" for k in DEPTHS) + " | ranks | outside |",
        "|---|---:|" + "---:|" * len(DEPTHS) + "---:|---:|",
    ]
    for result in results:
        if way not in result["candidates"]:
            continue
        cells = []
        for k in DEPTHS:
            found = result["candidates"][way][k]
            cells.append(f"{found['mean']:.1f} ({', '.join(f'{q:.0f}' for q in found['quantiles'])})")
        margin = f"{result['medianMargin']:.2g}" if "medianMargin" in result else ""
        ranks = f"{result['ranks']:.0f}" if "ranks" in result else ""
        lines.append(f"| {result['rung']} | {margin} | {' | '.join(cells)} | {ranks} | {result['outside']} |")
    return "\n".join(lines)


def main() -> None:
    request = json.loads(sys.argv[1])
    a, b = (np.load(request[side]).astype(np.float64) for side in "ab")
    mean = (a.sum(axis=0) + b.sum(axis=0)) / (len(a) + len(b))
    lengths = [float(np.mean([np.linalg.norm(x - shift, axis=1).mean() for x in (a, b)])) for shift in (0, mean)]
    # Half a per cent less would not pay for the subtraction.
    centre = lengths[1] < 0.995 * lengths[0]
    row_to_column = np.load(request["rowToColumn"])
    pair = Pair(a - mean, b - mean, row_to_column) if centre else Pair(a, b, row_to_column)
    prices = {"start": starting_prices(pair), "optimum": np.load(request["prices"])}
    measured = request["measured"]
    ratio = measured["nanosecondsAlone"] / measured["nanosecondsInProduct"]
    print(f"## {measured['problem']}  {len(a)} x {len(b)}, K = {a.shape[1]}, {measured['simd']}, {measured['threads']} threads")
    print(f"mean norm {lengths[0]:.4g}, centred {lengths[1]:.4g}: {'centred' if centre else 'left as it is'}")
    print(f"an entry takes {measured['nanosecondsInProduct']:.1f} ns in the product, {measured['nanosecondsAlone']:.0f} ns alone: {ratio:.1f} times")
    rows = pieces(pair)[0]
    best = depth_values(pair.costs(rows) - prices["start"])
    print(f"the 64th best column of a row lies {np.median(best[:, 2] - best[:, 0]):.2f} above the best at the start (median)")
    for peak in (1.5, 2, 4):
        print(f"a product {peak} times as fast pays for {(1 - 1 / peak) * len(b) / ratio:.0f} exact entries a row")
    results = [screen(rung, pair, prices) for rung in rungs(a.shape[1])]
    for kind in ("f16", "bf16", "u16", "u8"):
        for of in ("cost", "cost - starting price"):
            if of == "cost" and kind[0] == "u":
                continue
            results.append(store(kind, of, pair, prices))
    for way in ("start, in order", "start, in one go", "optimum, in order", "optimum, in one go"):
        print(table(results, way))
    print("\n" + json.dumps({"measured": measured, "centred": centre, "results": results}))


if __name__ == "__main__":
    main()

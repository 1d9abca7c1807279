"""Makes the reference file of a long product's log singular values: exact integer products, then mpmath.

    python tests/dynamics/product_spectrum/make.py 64 10000 tests/dynamics/product_spectrum/64x10000.json


The matrices are multiples of 2⁻²⁴, so that integers hold them exactly. Their product is formed naively, in
integers wide enough for the whole range of its singular values (about 43,000 bits at the end), without any of
the factorisations that gradlab uses. With gmpy2 installed, 64 × 10,000 takes about half an hour; without it,
three times as long.
"""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

FRACTION_BITS = 24
GUARD_BITS = 400
BITS_PER_STEP = 4.2
"""Above (λ_1 − λ_64)/ln 2 = 3.9; the script checks in the end that it was enough."""
SEED = 64


def matrices(rng: np.random.Generator, states: int) -> np.ndarray:
    """One Gaussian matrix, entries of variance 1/states, rounded to multiples of 2⁻²⁴ (float64, exact)."""
    return np.round(rng.standard_normal((states, states)) / math.sqrt(states) * 2**FRACTION_BITS) / 2**FRACTION_BITS


def product(states: int, steps: int) -> tuple[np.ndarray, int]:
    """J_T ⋯ J_1 as integers times 2^exponent."""
    integer = np.vectorize(lambda entry: mpmath.libmp.MPZ(int(entry)), otypes=[object])
    rng = np.random.default_rng(SEED)
    total, exponent = integer(np.eye(states)) * (mpmath.libmp.MPZ(1) << GUARD_BITS), -GUARD_BITS
    started = time.time()
    for step in range(1, steps + 1):
        total = integer(matrices(rng, states) * 2**FRACTION_BITS) @ total
        exponent -= FRACTION_BITS
        widest = max(entry.bit_length() for entry in total.flat)
        excess = widest - (GUARD_BITS + math.ceil(BITS_PER_STEP * step))
        if excess > 0:
            total, exponent = total >> excess, exponent + excess
        if step % 500 == 0:
            print(f"{step} steps, {widest} bits, {time.time() - started:.0f} s", file=sys.stderr, flush=True)
    return total, exponent


def triangular_factor(columns: np.ndarray) -> np.ndarray:
    """R of a Gram–Schmidt QR with column pivoting, at the working precision of mpmath."""
    columns, size = columns.copy(), len(columns)
    triangle = np.full((size, size), mpmath.mpf(0), dtype=object)
    for i in range(size):
        norms = [columns[:, j] @ columns[:, j] for j in range(i, size)]
        pivot = i + max(range(size - i), key=lambda j: norms[j])
        columns[:, [i, pivot]], triangle[:i, [i, pivot]] = columns[:, [pivot, i]], triangle[:i, [pivot, i]]
        triangle[i, i] = mpmath.sqrt(columns[:, i] @ columns[:, i])
        direction = columns[:, i] / triangle[i, i]
        triangle[i, i + 1 :] = direction @ columns[:, i + 1 :]
        columns[:, i + 1 :] -= np.outer(direction, triangle[i, i + 1 :])
    return triangle


def orthogonalise_rows(rows: np.ndarray, tolerance: Any) -> np.ndarray:
    """One-sided Jacobi: rotates pairs of rows until all are orthogonal; norms are singular values."""
    rows, worst = rows.copy(), mpmath.mpf(1)
    while worst > tolerance:
        worst = mpmath.mpf(0)
        for i in range(len(rows)):
            for j in range(i + 1, len(rows)):
                alpha, beta, gamma = rows[i] @ rows[i], rows[j] @ rows[j], rows[i] @ rows[j]
                cosine = abs(gamma) / mpmath.sqrt(alpha * beta)
                worst = max(worst, cosine)
                if cosine <= tolerance:
                    continue
                zeta = (beta - alpha) / (2 * gamma)
                tangent = (1 if zeta >= 0 else -1) / (abs(zeta) + mpmath.sqrt(1 + zeta * zeta))
                cos = 1 / mpmath.sqrt(1 + tangent * tangent)
                rows[i], rows[j] = cos * (rows[i] - tangent * rows[j]), cos * (rows[j] + tangent * rows[i])
    return rows


def log_singular_values(total: np.ndarray, exponent: int) -> list[str]:
    """ln σ of integers times 2^exponent, descending, to 25 digits."""
    widest = max(entry.bit_length() for entry in total.flat)
    mpmath.mp.prec = widest + 64
    triangle = triangular_factor(np.vectorize(mpmath.mpf, otypes=[object])(total))
    mpmath.mp.dps = 60
    triangle = np.vectorize(lambda entry: +entry, otypes=[object])(triangle)
    rows = orthogonalise_rows(triangle, mpmath.mpf(10) ** -45)
    logs = sorted((mpmath.log(row @ row) / 2 + exponent * mpmath.log(2) for row in rows), reverse=True)
    spread = (logs[0] - logs[-1]) / mpmath.log(2)
    if spread > widest - 200:
        raise RuntimeError(f"expected a spread of at most {widest - 200} bits, got {spread}; raise BITS_PER_STEP")
    return [mpmath.nstr(log, 25) for log in logs]


def main(states: int, steps: int, path: Path) -> None:
    """Write the file: how the matrices are drawn, and the numbers."""
    content = {
        "states": states,
        "steps": steps,
        "seed": SEED,
        "fraction_bits": FRACTION_BITS,
        "log_singular_values": log_singular_values(*product(states, steps)),
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))

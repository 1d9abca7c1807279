"""Fewer points for the browser, without losing a peak, a gap, or a value that is no number."""

import numpy as np

POINTS = 2000
"""At most this many points a trace: SVG stays fluent, and no screen has more columns."""


def thin(x: np.ndarray, y: np.ndarray, limit: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of every bucket of neighbouring points, in their order; a gap (NaN) stays a gap.

    Args:
        x: positions, `points`, in ascending order.
        y: values, `points`; NaN where the line is to break.
        limit: most points to return.

    Returns:
        The kept positions and values; the input itself when it is short enough.
    """
    if len(x) <= limit:
        return x, y
    edges = np.unique(np.linspace(0, len(x), max(limit // 3, 1) + 1).astype(int))
    bucket = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    gap = np.isnan(y)
    kept = np.zeros(len(x), dtype=bool)
    kept[_firsts(bucket, np.flatnonzero(gap))] = True
    for sign in (1.0, -1.0):
        order = np.lexsort((sign * y, bucket))  # the smallest of every bucket first; NaN last
        kept[_firsts(bucket, order[~gap[order]])] = True
    return x[kept], y[kept]


def _firsts(bucket: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of places in the order of their buckets, the first in each."""
    return places[np.unique(bucket[places], return_index=True)[1]]


def thin_marks(x: np.ndarray, limit: int = POINTS) -> np.ndarray:
    """At most so many of the positions, evenly picked, first and last among them."""
    if len(x) <= limit:
        return x
    return x[np.unique(np.linspace(0, len(x) - 1, limit).astype(int))]


def coarsen(matrix: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest value of every block of cells; NaN beats infinity, and infinity beats every number.

    Cells that were not measured are `-inf` here, so that any measurement beats them.

    Args:
        matrix: `row column`.
        rows: most rows to return.
        columns: most columns to return.

    Returns:
        The coarse matrix, and the first row and first column of every block.
    """
    row_starts = np.arange(0, matrix.shape[0], -(-matrix.shape[0] // rows) or 1)
    column_starts = np.arange(0, matrix.shape[1], -(-matrix.shape[1] // columns) or 1)
    # maximum (unlike fmax) hands NaN on
    coarse = np.maximum.reduceat(np.maximum.reduceat(matrix, row_starts, axis=0), column_starts, axis=1)
    return coarse, row_starts, column_starts

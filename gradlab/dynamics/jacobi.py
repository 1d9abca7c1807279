"""One-sided Jacobi on rows with exponents of their own: singular values of graded matrices, accurately.

A row is g · 2^e with e a whole number kept apart, so that rows may differ by any power of two. Rotating pairs
of rows until all are orthogonal keeps the relative accuracy of every singular value (Demmel & Veselić 1992,
SIAM J. Matrix Anal. Appl. 13, 1204); bidiagonalising LAPACK routines lose it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

MAX_SWEEPS = 40
SAME = 3e-16
"""Times √states: rows whose cosine is below count as orthogonal."""


def log_singular_values_of_rows(rows: Tensor, exponents: Tensor) -> Tensor:
    """Logarithms ln σ of the matrix with rows g_i · 2^{e_i}, `... rows` descending; −∞ for exact zeros.

    Args:
        rows: g, float64, `... rows columns`.
        exponents: e, whole numbers in float64, `... rows`.
    """
    rows, exponents = rescale(rows, exponents)
    count = rows.shape[-2]
    tolerance = SAME * math.sqrt(count)
    for _ in range(MAX_SWEEPS):
        # Larger rows first: rotations of a graded pair are then small, and sweeps few.
        order = _log_norms(rows, exponents).argsort(dim=-1, descending=True)
        rows, exponents = rows.take_along_dim(order.unsqueeze(-1), -2), exponents.take_along_dim(order, -1)
        worst = 0.0
        for first, second in _rounds(count, rows.device):
            worst = max(worst, _rotate(rows, exponents, first, second, tolerance))
        rows, exponents = rescale(rows, exponents)
        if worst <= tolerance:
            break
    return _log_norms(rows, exponents).sort(dim=-1, descending=True).values


def rescale(rows: Tensor, exponents: Tensor) -> tuple[Tensor, Tensor]:
    """The same rows with largest entries between ½ and 1; the shift is a power of two, so exact."""
    largest = rows.abs().amax(-1)
    shift = torch.frexp(largest).exponent.to(rows.dtype)
    # In two halves: the whole power may be beyond float64 where the largest entry is denormal.
    half = torch.floor(-shift / 2)
    scaled = rows * torch.exp2(half).unsqueeze(-1) * torch.exp2(-shift - half).unsqueeze(-1)
    return scaled, torch.where(largest > 0, exponents + shift, exponents)


def _log_norms(rows: Tensor, exponents: Tensor) -> Tensor:
    return torch.linalg.vector_norm(rows, dim=-1).log() + exponents * math.log(2)


def _rounds(count: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs of rows in rounds of disjoint pairs, each smaller index first: the round-robin tournament."""
    players = list(range(count + count % 2))
    half = len(players) // 2
    for _ in range(len(players) - 1):
        pairs = [sorted((players[i], players[-1 - i])) for i in range(half)]
        pairs = [pair for pair in pairs if pair[1] < count]
        if pairs:
            first, second = torch.tensor(pairs, device=device).unbind(1)
            yield first, second
        players = [players[0], players[-1], *players[1:-1]]


def _rotate(rows: Tensor, exponents: Tensor, first: Tensor, second: Tensor, tolerance: float) -> float:
    """Rotate disjoint pairs of rows, in place, and return the largest cosine that they had.

    With ρ = 2^{e_j − e_i} ≤ about 1 and γ = g_i·g_j, the rotation's tangent is t = ρ h; the new rows, each in
    its old scale, are c (g_i + ρ² h g_j) and c (g_j − h g_i): nothing over- or underflows harmfully, whatever
    ρ.
    """
    g_i, g_j = rows[..., first, :], rows[..., second, :]
    alpha, beta, gamma = (g_i * g_i).sum(-1), (g_j * g_j).sum(-1), (g_i * g_j).sum(-1)
    scale = (alpha * beta).sqrt()
    cosine = torch.where(scale > 0, gamma.abs() / scale, torch.zeros_like(scale))
    worst = float(cosine.max())
    if worst <= tolerance:
        return worst
    turns = cosine > tolerance
    # A row of zeros may carry any exponent.
    ratio = torch.where(turns, torch.exp2(exponents[..., second] - exponents[..., first]), 0.0)
    kappa = (alpha - ratio**2 * beta) / (2 * gamma)
    sign = torch.where(kappa < 0, -1.0, 1.0).to(rows.dtype)
    h = sign / (kappa.abs() + (ratio**2 + kappa**2).sqrt())
    h = torch.where(turns, h, 0.0)
    inverse = (1 + (ratio * h) ** 2).rsqrt().unsqueeze(-1)
    h, ratio = h.unsqueeze(-1), ratio.unsqueeze(-1)
    rows[..., first, :] = inverse * (g_i + ratio**2 * h * g_j)
    rows[..., second, :] = inverse * (g_j - h * g_i)
    return worst

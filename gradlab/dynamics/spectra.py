"""Spectra of single Jacobians: singular values, eigenvalues, and the numbers that sum them up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.inputs import Jacobians, as_operator, in_dtype

BATCH_ENTRIES = 2**22
"""Matrix entries that are made dense at a time: 32 MiB in float64."""


@torch.no_grad()
def singular_values(jacobians: Jacobians, *, tolerance: float | None = None) -> Tensor:
    """Singular values of each Jacobian, `time ... min(rows, columns)`, float64, descending.

    Where an error of `tolerance · σ_max` is admissible they are the roots of the eigenvalues of the Gram
    matrix of the smaller side, taken in float64, which is faster; otherwise LAPACK's SVD of the matrix in
    float64. A Gram matrix costs an error of n·ε·σ_max²/σ, never more than √(n·ε)·σ_max: less than the
    rounding that float32 Jacobians carry, so that these always go this way.

    Args:
        jacobians: `time ... states states`, or a tensor `... rows columns`.
        tolerance: admissible absolute error relative to σ_max; by default the rounding of the dtype given.

    NaN for matrices that are not finite. Raises ValueError for the wrong shape or dtype.
    """
    if isinstance(jacobians, Tensor):
        _check_matrices(jacobians)
        flat = jacobians.detach().reshape(-1, *jacobians.shape[-2:])
        return _singular_values(flat, flat.dtype, tolerance).reshape(*jacobians.shape[:-2], -1)
    operator = as_operator(jacobians)
    per_step = operator.shape[1:].numel()
    length = max(1, BATCH_ENTRIES // per_step)
    given = operator[:1].dense().dtype
    parts = []
    for start in range(0, operator.shape[0], length):
        matrices = in_dtype(operator[start : start + length]).dense()
        flat = matrices.reshape(-1, *matrices.shape[-2:])
        parts.append(_singular_values(flat, given, tolerance).reshape(*matrices.shape[:-1]))
    return torch.cat(parts)


def _check_matrices(matrices: Tensor) -> None:
    if not matrices.is_floating_point() or matrices.dim() < 2 or 0 in matrices.shape:
        raise ValueError(
            "expected matrices `... rows columns` of a real floating dtype, not empty, "
            f"got shape {tuple(matrices.shape)} and {matrices.dtype}"
        )


def _singular_values(matrices: Tensor, given: torch.dtype, tolerance: float | None) -> Tensor:
    """Singular values of `count rows columns`, in chunks."""
    smaller = min(matrices.shape[-2:])
    admissible = torch.finfo(given).eps * smaller**0.5 if tolerance is None else tolerance
    gram = (smaller * torch.finfo(torch.float64).eps) ** 0.5 <= admissible
    parts = []
    for chunk in matrices.split(max(1, BATCH_ENTRIES // matrices[0].numel())):
        finite = chunk.isfinite().all(-1).all(-1)
        raised = torch.where(finite[:, None, None], chunk, 0.0).double()
        if gram:
            wide = raised.shape[-1] > raised.shape[-2]
            squares = torch.linalg.eigvalsh(raised @ raised.mT if wide else raised.mT @ raised)
            values = squares.clamp(min=0).sqrt().flip(-1)
        else:
            values = torch.linalg.svdvals(raised)
        parts.append(values.masked_fill(~finite[:, None], torch.nan))
    return torch.cat(parts)


@torch.no_grad()
def spectral_radius(matrices: Tensor) -> Tensor:
    """Largest |eigenvalue| of square matrices `... n n`, float64 `...`; NaN where a matrix is not finite."""
    return _eigenvalues(matrices).abs().amax(-1)


@torch.no_grad()
def henrici_departure(matrices: Tensor) -> Tensor:
    """Departure from normality √(‖A‖_F² − Σ|λ_i|²) of `... n n`, float64 `...`: zero for normal matrices.

    P. Henrici 1962, Numerische Mathematik 4, 24. What is not normal can grow for a while although every
    eigenvalue is inside the unit circle.
    """
    total = matrices.double().square().sum((-2, -1))
    eigen = _eigenvalues(matrices).abs().square().sum(-1)
    return (total - eigen).clamp(min=0).sqrt()


def _eigenvalues(matrices: Tensor) -> Tensor:
    _check_matrices(matrices)
    if matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError(f"expected square matrices `... n n`, got {tuple(matrices.shape)}")
    finite = matrices.isfinite().all(-1).all(-1)
    eigenvalues = torch.linalg.eigvals(torch.where(finite[..., None, None], matrices, 0.0).double())
    return eigenvalues.masked_fill(~finite.unsqueeze(-1), complex(torch.nan, torch.nan))


def condition_number(singular_values: Tensor) -> Tensor:
    """σ_max/σ_min, `...`, of singular values `... n`; ∞ where rank is lost, NaN where all are zero."""
    return singular_values.amax(-1) / singular_values.amin(-1)


def mean_log_singular_value(singular_values: Tensor) -> Tensor:
    """Mean of ln σ_i, `...`, in nats: ln|det J| over the number of states; −∞ where rank is lost."""
    return singular_values.log().mean(-1)


def stable_rank(singular_values: Tensor) -> Tensor:
    """Stable rank Σσ²/σ_max², `...`: how many directions are about as large as the largest one."""
    return (singular_values / singular_values.amax(-1, keepdim=True)).square().sum(-1)


def participation_ratio(singular_values: Tensor) -> Tensor:
    """Participation ratio (Σσ²)²/Σσ⁴, `...`, between 1 (one direction) and n (all alike)."""
    squares = (singular_values / singular_values.amax(-1, keepdim=True)).square()
    return squares.sum(-1).square() / squares.square().sum(-1)


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """How many of the values ln σ lie between neighbouring edges; small whatever the number of states."""

    edges: Tensor
    """Edges in nats, `bins + 1`, ascending and finite."""
    counts: Tensor
    """`... bins` whole numbers; the last bin includes its upper edge."""
    dead: Tensor
    """How many are −∞ or below the first edge, `...`."""
    beyond: Tensor
    """How many are above the last edge, `...`."""


def log_histogram(
    singular_values: Tensor, bins: int = 64, *, lowest: float = -16.0, highest: float = 4.0
) -> LogHistogram:
    """Histogram of ln σ over the last axis of singular values `... n`; NaN are not counted.

    Args:
        singular_values: σ ≥ 0, `... n`.
        bins: number of equal bins between `lowest` and `highest`.
        lowest: first edge in nats; the default is about the rounding of float32.
        highest: last edge in nats.

    Raises ValueError where bins < 1 or lowest ≥ highest.
    """
    if bins < 1 or not lowest < highest:
        raise ValueError(f"expected bins ≥ 1 and lowest < highest, got {bins}, {lowest}, {highest}")
    logs = singular_values.detach().double().log()
    edges = torch.linspace(lowest, highest, bins + 1, dtype=torch.float64, device=logs.device)
    # Slots: 0 below, 1 … bins, bins + 1 above, bins + 2 for NaN.
    slots = torch.searchsorted(edges, logs.contiguous(), right=True)
    slots = torch.where(logs == edges[-1], bins, slots).masked_fill(logs.isnan(), bins + 2)
    counts = torch.zeros(*logs.shape[:-1], bins + 3, dtype=torch.int64, device=logs.device)
    counts.scatter_add_(-1, slots, torch.ones_like(slots))
    return LogHistogram(edges, counts[..., 1 : bins + 1], counts[..., 0], counts[..., bins + 1])

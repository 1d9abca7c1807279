"""The slow and obvious truth of what the dynamics compute fast: autograd, dense float64, exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, localcontext

import numpy as np
import torch
from torch import Tensor


def jacobian(step: Callable[[Tensor], Tensor], state: Tensor) -> Tensor:
    """∂step(s)/∂s by autograd, `states states`, for a state `states`; row the new state."""
    rows: Tensor = torch.autograd.functional.jacobian(step, state, vectorize=True)
    return rows


def jacobians(step: Callable[[Tensor], Tensor], state: Tensor, steps: int) -> Tensor:
    """Autograd Jacobians along the orbit of an autonomous map, `time states states`."""
    found = []
    for _ in range(steps):
        found.append(jacobian(step, state))
        state = step(state).detach()
    return torch.stack(found)


def singular_values(matrices: Tensor) -> Tensor:
    """Singular values by LAPACK in float64, one matrix at a time, `... states` descending."""
    flat = matrices.detach().double().reshape(-1, *matrices.shape[-2:])
    return torch.stack([torch.linalg.svdvals(matrix) for matrix in flat]).reshape(*matrices.shape[:-2], -1)


def product(jacobians: Tensor) -> Tensor:
    """J_T ⋯ J_1 in float64, `... states states`: under- and overflows where a long product does."""
    total = torch.eye(jacobians.shape[-1], dtype=torch.float64).expand(jacobians.shape[1:])
    for matrices in jacobians.detach().double():
        total = matrices @ total
    return total


def log_singular_values_of_product(jacobians: Tensor, digits: int = 200) -> Tensor:
    """Logarithms ln σ of J_T ⋯ J_1 for `time states states`: products and one-sided Jacobi in decimals.

    Right as long as ln σ_1 − ln σ_N stays well below `digits` · ln 10. Exactly lost rank appears as −∞ or as
    less than −`digits` · ln 10 below the largest.
    """
    with localcontext(Context(prec=digits, Emin=-(10**9), Emax=10**9)):
        total = np.vectorize(Decimal, otypes=[object])(np.eye(jacobians.shape[-1]))
        for matrix in jacobians.detach().double().numpy():
            total = np.vectorize(Decimal, otypes=[object])(matrix) @ total
        norms = _orthogonal_norms(list(total.T), digits)
        logs = sorted((float(norm.ln() / 2) if norm else -float("inf") for norm in norms), reverse=True)
    return torch.tensor(logs, dtype=torch.float64)


def _orthogonal_norms(columns: list[np.ndarray], digits: int) -> list[Decimal]:
    """Squared norms of the columns after rotating every pair until all are orthogonal; zero for mere rounding."""
    tolerance, rotated = Decimal(10) ** (-digits // 5), True
    while rotated:
        rotated = False
        floor = max(column @ column for column in columns) * Decimal(10) ** (-3 * digits // 2)
        columns = [column if column @ column > floor else 0 * column for column in columns]
        for i in range(len(columns)):
            for j in range(i + 1, len(columns)):
                x, y = columns[i], columns[j]
                alpha, beta, gamma = x @ x, y @ y, x @ y
                if abs(gamma) <= tolerance * (alpha * beta).sqrt():
                    continue
                zeta = (beta - alpha) / (2 * gamma)
                tangent = (1 if zeta >= 0 else -1) / (abs(zeta) + (1 + zeta * zeta).sqrt())
                cosine = 1 / (1 + tangent * tangent).sqrt()
                columns[i], columns[j] = cosine * (x - tangent * y), cosine * (y + tangent * x)
                rotated = True
    return [column @ column for column in columns]


def lyapunov_exponents(jacobians: Tensor) -> Tensor:
    """Mean QR log-diagonals with a QR at every single step, float64, `... states`, from the identity."""
    basis = torch.eye(jacobians.shape[-1], dtype=torch.float64).expand(jacobians.shape[1:])
    total = torch.zeros(jacobians.shape[1:-1], dtype=torch.float64)
    for matrices in jacobians.detach().double():
        basis, triangle = torch.linalg.qr(matrices @ basis)
        total += triangle.diagonal(dim1=-2, dim2=-1).abs().log()
    return total / len(jacobians)


def teaching_norms(jacobians: Tensor, loss_gradients: Tensor) -> Tensor:
    """‖dL_s/ds_t‖, `loss time`, by explicit products, from direct gradients `time states`."""
    steps = len(jacobians)
    norms = torch.zeros(steps, steps, dtype=torch.float64)
    for s in range(steps):
        gradient = loss_gradients[s].double()
        for t in range(s, -1, -1):
            norms[s, t] = torch.linalg.vector_norm(gradient)
            gradient = jacobians[t].double().mT @ gradient
    return norms

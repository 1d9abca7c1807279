"""LU factorisation of many matrices at a time, on one thread.

torch 2.13 runs LAPACK's LU of a batch on its own threads, and MKL underneath starts threads again: with several threads
and some 256 rows that ends in "Parameter 6 was incorrect on entry to DLASWP", wrong pivots, or never.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread of the CPU while it is entered."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def log_abs_det(matrices: Tensor) -> Tensor:
    """ln|det| of `... rows rows`, shape of the leading axes; −∞ where a matrix is singular."""
    with one_thread():
        result: Tensor = torch.linalg.slogdet(matrices).logabsdet
    return result


def lu_factor(matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """L and U in one, pivots, and what LAPACK says of each, of `batch rows rows`."""
    with one_thread():
        factors, pivots, info = torch.linalg.lu_factor_ex(matrices)
    return factors, pivots, info


def lu_solve(factors: Tensor, pivots: Tensor, vectors: Tensor, adjoint: bool = False) -> Tensor:
    """Solve A x = v, or Aᵀ x = v, for `batch rows k`."""
    with one_thread():
        result: Tensor = torch.linalg.lu_solve(factors, pivots, vectors, adjoint=adjoint)
    return result

"""The k largest or smallest singular values of many Jacobians at once, without their full decompositions.

Block Lanczos on JᵀJ with full reorthogonalisation and thick restarts (Wu & Simon 2000, SIAM J. Matrix Anal.
Appl. 22, 602), all time steps of a group in one batch. Groups interleave in time, so that all but the first
start from the vectors found at the neighbouring time step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.inputs import Jacobians, as_operator, in_dtype
from gradlab.dynamics.operator import JacobianOperator
from gradlab.lu import lu_factor, lu_solve

WIDTH = 2
"""Columns of a block, unless k is smaller."""
MOST_COLUMNS = 48
PER_VALUE = 8
"""A Krylov basis has so many columns before a restart, or so many for each value that is looked for."""
GROUP_ENTRIES = 2**22
"""Entries of all Krylov bases that are held at a time: 32 MiB in float64."""
GROUPS = 4
MAX_BLOCKS = 600
SAFETY = 2.0
LOOK_EVERY = 3
"""Blocks from one look at convergence to the next."""
TWICE = 0.1
"""What orthogonalisation shortens more than this is orthogonalised twice."""
EXHAUSTED = 1e-10
"""What it shortens more than this is only rounding: the Krylov space is exhausted."""
COMPRESS = 0.25
"""When this share of a group has converged, the rest goes on without it."""

Map = Callable[[Tensor | None, Tensor], Tensor]
"""(which matrices of the group or None for all, `matrices n columns`) to vectors of the same shape."""
Solver = Callable[[JacobianOperator, Tensor | None], tuple[Tensor, Tensor]]
"""(a flat group of Jacobians, start vectors) to values `matrices k` and vectors `matrices n k`."""


@dataclass(frozen=True, slots=True)
class ExtremeSingularValues:
    """Singular values at one end of the spectrum, with their right singular vectors."""

    values: Tensor
    """Singular values, `time ... k` in float64: the largest descending, the smallest ascending; NaN as J."""
    vectors: Tensor
    """Right singular vectors, `time ... states k`: a start for Jacobians that are similar."""


@torch.no_grad()
def leading_singular_values(
    jacobians: Jacobians, k: int = 1, *, tolerance: float = 1e-6, start: Tensor | None = None, seed: int = 0
) -> ExtremeSingularValues:
    """The k largest singular values of each Jacobian, matrix-free: only J @ V and Jᵀ @ V are asked for.

    What has not settled after `MAX_BLOCKS` blocks is given as far as it came, a lower bound. Up to about a hundred
    states full decompositions are faster, and taken.

    Args:
        jacobians: ∂s_t/∂s_{t−1}, `time ... states states`.
        k: how many.
        tolerance: relative error of σ that is aimed at.
        start: right singular vectors to start from, `time ... states k`, e.g. those of the last training
            step.
        seed: of the random start where there is none.

    Raises ValueError for Jacobians of the wrong shape or dtype, for k out of range, for a start of another
    shape.
    """
    operator = _checked(jacobians, k, start)

    def solve(group: JacobianOperator, start: Tensor | None) -> tuple[Tensor, Tensor]:
        def apply(which: Tensor | None, vectors: Tensor) -> Tensor:
            part = group if which is None else group[which]
            return part.apply_transpose(part.apply(vectors))

        squares, vectors = _lanczos(apply, group, k, tolerance, start, seed)
        return squares.clamp(min=0).sqrt(), vectors

    return _by_groups(operator, solve, k, start)


@torch.no_grad()
def smallest_singular_values(
    jacobians: Jacobians, k: int = 1, *, tolerance: float = 1e-6, start: Tensor | None = None, seed: int = 0
) -> ExtremeSingularValues:
    """The k smallest singular values of each Jacobian, ascending, by Lanczos on (JᵀJ)⁻¹ through one LU each.

    Products with J alone find the small end far too slowly, so a group of matrices at a time is made dense.
    Values under ε·σ_max, where an LU tells nothing, are taken from a full SVD.

    Arguments and errors as for `leading_singular_values`.
    """
    operator = _checked(jacobians, k, start)

    def solve(group: JacobianOperator, start: Tensor | None) -> tuple[Tensor, Tensor]:
        matrices = group.dense()
        finite = matrices.isfinite().all(-1).all(-1)
        matrices = torch.where(finite[:, None, None], matrices, 0.0)
        factors, pivots, info = lu_factor(matrices)
        frobenius = torch.linalg.matrix_norm(matrices)
        # A pivot that is zero, or only rounding, makes the inverse meaningless: those matrices get a full
        # SVD.
        noise = matrices.shape[-1] * torch.finfo(matrices.dtype).eps * frobenius
        hopeless = (info != 0) | (factors.diagonal(dim1=-2, dim2=-1).abs().amin(-1) <= noise)
        identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
        factors = torch.where(hopeless[:, None, None], identity, factors)

        def apply(which: Tensor | None, vectors: Tensor) -> Tensor:
            lu, order = (factors, pivots) if which is None else (factors[which], pivots[which])
            return lu_solve(lu, order, lu_solve(lu, order, vectors, adjoint=True))

        squares, vectors = _lanczos(apply, group, k, tolerance, start, seed)
        values = squares.rsqrt()
        again = hopeless | ~(values > noise.unsqueeze(-1)).all(-1)
        if bool(again.any()):
            _, full, rows = torch.linalg.svd(matrices[again])
            values[again], vectors[again] = full[:, -k:].flip(-1), rows[:, -k:].flip(-2).mT
        return values.masked_fill(~finite.unsqueeze(-1), torch.nan), vectors

    return _by_groups(operator, solve, k, start)


def _checked(jacobians: Jacobians, k: int, start: Tensor | None) -> JacobianOperator:
    operator = as_operator(jacobians)
    if not 1 <= k <= operator.shape[-1]:
        raise ValueError(f"expected 1 ≤ k ≤ {operator.shape[-1]} singular values, got k = {k}")
    expected = (*operator.shape[:-1], k)
    if start is not None and tuple(start.shape) != expected:
        raise ValueError(f"expected start vectors of shape {expected}, got {tuple(start.shape)}")
    return operator


def _most_columns(k: int) -> int:
    return max(MOST_COLUMNS, PER_VALUE * k)


def _by_groups(operator: JacobianOperator, solve: Solver, k: int, start: Tensor | None) -> ExtremeSingularValues:
    """Solve for times 0, s, 2s, …, then for 1, s + 1, … from what was found one step before, and so on."""
    steps, (*batch, states, _) = operator.shape[0], operator.shape[1:]
    sequences = torch.Size(batch).numel()
    entries = steps * sequences * states * _most_columns(k)
    groups = min(steps, max(GROUPS if steps >= 4 * GROUPS else 1, -(-entries // GROUP_ENTRIES)))
    device = operator[0].dense().device
    values = torch.empty(steps, sequences, k, dtype=torch.float64, device=device)
    vectors = torch.empty(steps, sequences, states, k, dtype=torch.float64, device=device)
    if start is not None:
        start = start.double().to(device).reshape(vectors.shape)
    for g in range(groups):
        times = torch.arange(g, steps, groups, device=device)
        index = torch.unravel_index(torch.arange(len(times) * sequences, device=device), (len(times), *batch))
        group = in_dtype(operator[(times[index[0]], *index[1:])])
        origin = start[times] if start is not None else vectors[times - 1] if g > 0 else None
        found = solve(group, None if origin is None else origin.flatten(0, 1))
        values[times], vectors[times] = (
            found[0].unflatten(0, (-1, sequences)),
            found[1].unflatten(0, (-1, sequences)),
        )
    return ExtremeSingularValues(values.reshape(steps, *batch, k), vectors.reshape(steps, *batch, states, k))


@dataclass(slots=True)
class _Krylov:
    """Bases of Krylov spaces of symmetric maps A, with A V = V H + N C Eᵀ, E picking the last block of V."""

    storage: Tensor
    """V, the next block N, and room for more: `matrices n columns`."""
    columns: int
    """Of V and N together."""
    projected: Tensor
    """H = Vᵀ A V, `matrices columns columns`."""
    coupling: Tensor
    """C, up to signs of its rows, `matrices block block`."""
    exhausted: bool = False
    """Whether a space came to its end, so that the blocks from then on begin new ones."""

    @classmethod
    def start(cls, block: Tensor, most: int) -> _Krylov:
        count, states, k = block.shape
        # Columns lie one behind the other in memory.
        storage = block.new_empty(count, most, states).mT
        storage[..., :k] = torch.linalg.qr(block).Q
        empty = block.new_zeros(count, 0, 0)
        return cls(storage, k, empty, empty)

    @property
    def basis(self) -> Tensor:
        return self.storage[..., : self.columns]

    def select(self, which: Tensor) -> _Krylov:
        return _Krylov(
            self.storage.mT[which].mT, self.columns, self.projected[which], self.coupling[which], self.exhausted
        )

    def extend(self, moved: Tensor) -> None:
        """Take in A N, given by `moved`, and find the next block."""
        basis, old, new, k = self.basis, self.projected.shape[-1], self.columns, moved.shape[-1]
        before = torch.linalg.vector_norm(moved, dim=-2)
        inner = basis.mT @ moved
        moved = torch.baddbmm(moved, basis, inner, alpha=-1)
        after = torch.linalg.vector_norm(moved, dim=-2)
        if bool((after < TWICE * before).any()):
            again = basis.mT @ moved
            moved, inner = torch.baddbmm(moved, basis, again, alpha=-1), inner + again
        projected = inner.new_zeros(len(inner), new, new)
        projected[:, :old, :old] = self.projected
        projected[:, :, old:], projected[:, old:, :] = inner, inner.mT
        block, self.coupling = torch.linalg.qr(moved)
        if bool((self.coupling.diagonal(dim1=-2, dim2=-1).abs() <= EXHAUSTED * before).any()):
            # Where the space is exhausted, QR fills up with vectors that are orthogonal to nothing yet.
            block = torch.linalg.qr(block - basis @ (basis.mT @ block)).Q
            self.exhausted = True
        self.storage[..., new : new + k] = block
        self.columns, self.projected = new + k, projected

    def ritz(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues of H, descending, `matrices columns`, and its eigenvectors."""
        theta, small = torch.linalg.eigh(self.projected)
        return theta.flip(-1), small.flip(-1)

    def vectors(self, small: Tensor) -> Tensor:
        """Ritz vectors, `matrices n …`, of some eigenvectors of H."""
        return self.storage[..., : small.shape[-2]] @ small

    def restart(self, keep: int) -> None:
        """Keep the leading Ritz vectors and the next block."""
        theta, small = self.ritz()
        block = self.basis[..., self.projected.shape[-1] :].clone()
        self.storage[..., :keep] = self.vectors(small[..., :keep])
        self.storage[..., keep : keep + block.shape[-1]] = block
        self.columns = keep + block.shape[-1]
        self.projected = torch.diag_embed(theta[..., :keep])


def _lanczos(
    apply: Map, group: JacobianOperator, k: int, tolerance: float, start: Tensor | None, seed: int, width: int = WIDTH
) -> tuple[Tensor, Tensor]:
    """The k largest eigenvalues, descending, and eigenvectors, of symmetric maps ≥ 0 on `count n columns`."""
    count, states = group.shape[0], group.shape[-1]
    device = group[0].dense().device
    most = _most_columns(k)
    if states <= 2 * most:
        return _dense(apply, count, states, k, device)
    generator = torch.Generator().manual_seed(seed)
    width = min(k, width)
    block = torch.randn(count, states, width, dtype=torch.float64, generator=generator).to(device)
    if start is not None:
        # All start vectors take part. A little noise keeps them from spanning an invariant subspace that is not the
        # leading one.
        mixture = torch.randn(k, width, dtype=torch.float64, generator=generator).to(device)
        block = torch.nan_to_num(start) @ mixture + 1e-3 * block / states**0.5
    values = torch.full((count, k), torch.nan, dtype=torch.float64, device=device)
    vectors = torch.zeros(count, states, k, dtype=torch.float64, device=device)
    krylov, active = _Krylov.start(block, most), torch.arange(count, device=device)
    for blocks in range(1, MAX_BLOCKS + 1):
        moved = apply(None if len(active) == count else active, krylov.basis[..., -width:])
        finite = moved.isfinite().all(-1).all(-1)
        if not bool(finite.all()):
            krylov, moved, active = krylov.select(finite), moved[finite], active[finite]
            if not len(active):
                break
        krylov.extend(moved)
        if krylov.exhausted and width < k:
            # Equal singular values, most likely: only blocks of k are sure to find k of them.
            return _lanczos(apply, group, k, tolerance, start, seed, width=k)
        full = krylov.columns + width > most
        if krylov.projected.shape[-1] > k and (full or blocks % LOOK_EVERY == 0 or blocks == MAX_BLOCKS):
            theta, small = krylov.ritz()
            done = _converged(theta, small, krylov.coupling, k, tolerance)
            if blocks == MAX_BLOCKS:
                done = torch.ones_like(done)
            if float(done.double().mean()) >= COMPRESS:
                values[active[done]] = theta[done][:, :k]
                vectors[active[done]] = krylov.select(done).vectors(small[done][..., :k])
                krylov, active = krylov.select(~done), active[~done]
                if not len(active):
                    break
        if full:
            krylov.restart(most // 2)
    return values, vectors


def _converged(theta: Tensor, small: Tensor, coupling: Tensor, k: int, tolerance: float) -> Tensor:
    """Whether the roots of the k leading Ritz values are right to the tolerance, `matrices`.

    An eigenvalue is within the residual r of its Ritz value, and within r² over its distance from the others
    that are not looked for (Parlett, The Symmetric Eigenvalue Problem, §11.7); the safety factor is for that
    distance being taken from Ritz values.
    """
    wanted = theta[:, :k]
    residual = torch.linalg.vector_norm(coupling @ small[:, -coupling.shape[-1] :, :k], dim=-2)
    distance = (wanted - theta[:, k : k + 1]).clamp(min=1e-300)
    error = residual.minimum(residual.square() / distance)
    noise = theta.shape[-1] * torch.finfo(theta.dtype).eps * theta[:, :1]
    return (error <= 2 * tolerance / SAFETY * wanted + noise).all(-1)


def _dense(apply: Map, count: int, states: int, k: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The same by full eigenvalue decompositions: few states."""
    identity = torch.eye(states, dtype=torch.float64, device=device).expand(count, states, states)
    matrices = apply(None, identity)
    finite = matrices.isfinite().all(-1).all(-1)
    matrices = torch.where(finite[:, None, None], matrices, 0.0)
    values, vectors = torch.linalg.eigh((matrices + matrices.mT) / 2)
    return values.flip(-1)[:, :k].masked_fill(~finite[:, None], torch.nan), vectors.flip(-1)[..., :k]

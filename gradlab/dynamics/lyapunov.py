"""Lyapunov exponents: mean growth rates per step along a sequence, by forward QR.

Exponents are time averages of QR log-diagonals. They are not ln σ of the product divided by T: the two agree
only to O(1/T), and sums of QR log-diagonals are never log singular values. For those see
`gradlab.dynamics.products`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.batch_means import BatchMeans
from gradlab.dynamics.graded import rank_noise
from gradlab.dynamics.inputs import JacobianStream, stretches
from gradlab.dynamics.norms import euclidean_norm
from gradlab.dynamics.operator import JacobianOperator

MAX_LOG_GROWTH = 200.0
"""Growth or decay between two QRs at most, in nats: far from what float64 can hold."""
CORRELATED = 1.75
"""`correlation` above this is more than the scatter of its eight or more coarse batches explains."""
AIM = 0.85
"""An interval is chosen to reach this share of the admissible spread, on a log scale."""


@dataclass(frozen=True, slots=True)
class LyapunovSpectrum:
    """Lyapunov exponents in nats per step, with what is known of their error."""

    exponents: Tensor
    """λ, `... k`, descending; −∞ for directions that die exactly, NaN for sequences that are not finite."""
    standard_errors: Tensor
    """Of the time averages, from batch means, `... k`; NaN where there are fewer than four batches."""
    drift: Tensor
    """Mean over the later half of the time minus the mean over the earlier half, `... k`."""
    correlation: Tensor
    """Standard error of batches four times as long, over `standard_errors`, `... k`; near 1 when batches are
    long enough to be independent, 2 when neighbouring ones still move together."""
    steps: int
    """Steps that were averaged over, transient left out."""
    transient: int
    states: int
    """Size of the state; with fewer exponents than that, these are the leading ones."""
    mean_interval: float
    """Mean number of steps from one QR to the next."""

    @property
    def kaplan_yorke_dimension(self) -> Tensor:
        """Kaplan–Yorke dimension, `...`; NaN where the exponents at hand are too few to tell."""
        return kaplan_yorke_dimension(self.exponents, self.states)

    @property
    def entropy_rate(self) -> Tensor:
        """Sum of the positive exponents in nats per step, `...`: the entropy rate by Pesin's formula."""
        return entropy_rate(self.exponents)

    @property
    def converged(self) -> Tensor:
        """Whether the leading exponent is settled, `...`: its halves agree, and its batches are independent.

        A half has √2 times the standard error of the whole, the difference of two halves 2 times; three of
        those are allowed. Batches that move together (`correlation`) make the standard error itself too
        small.
        """
        error, drift, correlation = self.standard_errors[..., 0], self.drift[..., 0], self.correlation[..., 0]
        rounding = 1e-9 * self.exponents[..., 0].abs().clamp(min=1.0)
        steady = (drift.abs() <= 6 * error + rounding) & ~(correlation > CORRELATED)
        return steady | (error.isfinite() & (error <= rounding) & (drift.abs() <= rounding))

    def statement(self) -> str:
        """One sentence on how far the leading exponents of all sequences can be trusted."""
        settled = int(self.converged.sum())
        sequences = self.converged.numel()
        leading, error = self.exponents[..., 0].flatten(), self.standard_errors[..., 0].flatten()
        finite = leading.isfinite()
        if not bool(finite.any()):
            return f"no sequence of {sequences} has a finite leading exponent after {self.steps} steps"
        return (
            f"leading exponent {float(leading[finite].mean()):.5g} ± "
            f"{float(error[finite].mean()):.2g} nats/step "
            f"(mean over {int(finite.sum())} sequences, standard error of one) after {self.steps} steps; "
            f"early and late halves agree in {settled} of {sequences}"
        )


@torch.no_grad()
def lyapunov_spectrum(
    jacobians: JacobianStream,
    k: int | None = None,
    *,
    transient: int = 0,
    max_interval: int = 16,
    condition_limit: float | None = None,
    seed: int = 0,
) -> LyapunovSpectrum:
    """Lyapunov exponents of the dynamics along each sequence, by forward QR (Benettin et al. 1980).

    A basis is carried along by J_t, matrix-free, and re-orthonormalised when the growth since the last time
    says so: never letting the condition of what is carried pass `condition_limit`. A stretch that passes it
    is done again with half the interval. The cost is T·N²·k for the products and T·N·k²/interval for the QRs;
    memory does not grow with T if the Jacobians come as a stream.

    Args:
        jacobians: ∂s_t/∂s_{t−1}, `time ... states states`, as a tensor, an operator, or an iterable of such
            stretches of time. float32 is raised to float64.
        k: how many of the leading exponents; all of them by default.
        transient: steps at the beginning that align the basis and are left out of the averages.
        max_interval: steps between two QRs at most; 1 for a QR at every step.
        condition_limit: of the carried basis, as ratio of R's diagonal entries. The error of a QR's smallest
            log-diagonal is at most about ε times it. By default 1e5 up to 64 states, where QRs cost little,
            and 2e9 above.
        seed: of the starting basis when k is smaller than the number of states; otherwise it is the identity.

    Raises ValueError for Jacobians of the wrong shape or dtype, for numbers out of range, and when the
    transient leaves no step.
    """
    if transient < 0 or max_interval < 1 or not (condition_limit is None or condition_limit > 1):
        raise ValueError(
            "expected transient ≥ 0, max_interval ≥ 1 and condition_limit > 1, "
            f"got transient = {transient}, max_interval = {max_interval}, condition_limit = {condition_limit}"
        )
    sweep: _Sweep | None = None
    for stretch in stretches(jacobians):
        if sweep is None:
            sweep = _Sweep.start(stretch, k, transient, max_interval, condition_limit, seed)
        sweep.advance(stretch)
    assert sweep is not None
    if sweep.means.steps == 0:
        raise ValueError(f"expected more steps than the transient of {transient}, got {sweep.time}")
    return sweep.result()


def kaplan_yorke_dimension(exponents: Tensor, states: int | None = None) -> Tensor:
    """Kaplan–Yorke dimension j + Σ_{i≤j} λ_i/|λ_{j+1}|, `...`, for descending exponents `... k`.

    j is the largest number for which the sum of the first j exponents is not negative. `states` is the size
    of the state, by default k: if all sums are non-negative, the dimension is `states` when all exponents are
    there, and NaN (unknown) when only the leading ones are.
    """
    count = exponents.shape[-1]
    sums = exponents.cumsum(-1)
    # Cumulative sums may come back above zero only by rounding: count up to the first negative one.
    within = (sums >= 0).int().cumprod(-1).sum(-1)
    before = torch.cat([torch.zeros_like(sums[..., :1]), sums], -1).gather(-1, within.unsqueeze(-1)).squeeze(-1)
    following = exponents.gather(-1, within.clamp(max=count - 1).unsqueeze(-1)).squeeze(-1)
    dimension = within + before / following.abs()
    whole = float(count) if states in (None, count) else math.nan
    dimension = torch.where(within == count, whole, dimension)
    return dimension.masked_fill(exponents.isnan().any(-1), torch.nan)


def entropy_rate(exponents: Tensor) -> Tensor:
    """Sum of the positive exponents `... k`, `...`: the entropy rate in nats per step (Pesin's formula)."""
    return exponents.clamp(min=0).sum(-1)


@dataclass(slots=True)
class _Sweep:
    """The basis that is carried along, and what has been averaged so far."""

    basis: Tensor
    alive: Tensor
    bad: Tensor
    means: BatchMeans
    transient: int
    max_interval: int
    log_limit: float
    planned: int = 1
    time: int = 0
    orthonormalised: int = 0

    @classmethod
    def start(
        cls,
        operator: JacobianOperator,
        k: int | None,
        transient: int,
        max_interval: int,
        condition_limit: float | None,
        seed: int,
    ) -> _Sweep:
        _, *batch, states, _ = operator.shape
        if k is not None and not 1 <= k <= states:
            raise ValueError(f"expected 1 ≤ k ≤ {states} exponents, got k = {k}")
        device = operator[0].dense().device
        columns = states if k is None else k
        if columns == states:
            basis = torch.eye(states, dtype=torch.float64).expand(*batch, states, states)
        else:
            generator = torch.Generator().manual_seed(seed)
            basis = torch.linalg.qr(torch.randn(*batch, states, columns, dtype=torch.float64, generator=generator)).Q
        alive = torch.ones(*batch, columns, dtype=torch.bool, device=device)
        bad = torch.zeros(batch, dtype=torch.bool, device=device)
        means = BatchMeans(torch.zeros(*batch, columns, dtype=torch.float64, device=device))
        if condition_limit is None:
            condition_limit = 1e5 if states <= 64 else 2e9
        return cls(basis.to(device), alive, bad, means, transient, max_interval, math.log(condition_limit))

    def advance(self, operator: JacobianOperator) -> None:
        """Go through one stretch of time."""
        done, count = 0, operator.shape[0]
        while done < count:
            length = min(self.planned, count - done)
            if self.time < self.transient:
                length = min(length, self.transient - self.time)
            moved = self.basis
            for t in range(done, done + length):
                moved = operator[t].apply(moved)
            taken = self._orthonormalise(moved, length)
            if taken:
                done, self.time = done + length, self.time + length

    def _orthonormalise(self, moved: Tensor, length: int) -> bool:
        """Take the carried basis apart; False if it went too far and the interval was halved."""
        if not math.isfinite(float(moved.sum())):
            broken = ~moved.isfinite().all(-1).all(-1)
            if length > 1 and bool((broken & ~self.bad).any()):
                self.planned = length // 2
                return False
            self.bad = self.bad | broken
            moved = torch.where(broken[..., None, None], self.basis, moved)
        basis, logs = _qr(moved)
        counted = self.alive & ~self.bad.unsqueeze(-1)
        spread, growth = _extent(logs, counted)
        if spread > self.log_limit or growth > MAX_LOG_GROWTH:
            if length > 1:
                self.planned = length // 2
                return False
            basis, logs = self._orthonormalise_with_care(moved)
        self.basis = basis
        logs = torch.where(self.alive, logs, -math.inf)
        if self.time >= self.transient:
            self.means.add(logs, length)
        self.orthonormalised += 1
        self.planned = _next_interval(spread, growth, length, self.log_limit, self.max_interval)
        return True

    def _orthonormalise_with_care(self, moved: Tensor) -> tuple[Tensor, Tensor]:
        """QR that keeps rows of different size accurate, finds directions that died, and puts them last.

        A column that died leaves its place to those behind it: what was found about the others stays theirs.
        """
        while True:
            basis, logs, died = _sorted_qr(moved)
            died = died & self.alive
            # A column is judged rightly only if all before it live; one died column at a time is moved
            # behind.
            first = died & (died.int().cumsum(-1) == 1)
            behind = (first | ~self.alive).int()
            order = behind.argsort(dim=-1, stable=True)
            self.means.reorder(order)
            self.alive = (self.alive & ~first).take_along_dim(order, -1)
            in_place = torch.arange(order.shape[-1], device=order.device)
            if bool((order == in_place).all()):
                # Nothing had to move: the last living columns died, so all that were seen to die did.
                self.alive = self.alive & ~died
                return basis, logs
            moved = moved.take_along_dim(order.unsqueeze(-2), -1)

    def result(self) -> LyapunovSpectrum:
        """Averages, sorted from the largest."""
        parts = [self.means.mean(), self.means.standard_error(), self.means.drift(), self.means.correlation()]
        parts = [part.masked_fill(self.bad.unsqueeze(-1), torch.nan) for part in parts]
        order = parts[0].argsort(dim=-1, descending=True, stable=True)
        exponents, errors, drift, correlation = (part.take_along_dim(order, -1) for part in parts)
        return LyapunovSpectrum(
            exponents, errors, drift, correlation, self.means.steps, self.transient, self.basis.shape[-2],
            self.time / self.orthonormalised,
        )  # fmt: skip


def _qr(moved: Tensor) -> tuple[Tensor, Tensor]:
    """Basis and log-diagonal; a single column needs no more than its length."""
    if moved.shape[-1] == 1:
        length = euclidean_norm(moved, -2)
        return moved / torch.where(length > 0, length, 1.0).unsqueeze(-2), length.log()
    basis, upper = torch.linalg.qr(moved)
    return basis, upper.diagonal(dim1=-2, dim2=-1).abs().log()


def _sorted_qr(moved: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """QR with rows sorted by size: basis, log-diagonal, and which columns are nothing but rounding."""
    norms, order = euclidean_norm(moved, -1).sort(dim=-1, descending=True, stable=True)
    basis, upper = torch.linalg.qr(moved.take_along_dim(order.unsqueeze(-1), -2))
    diagonal = upper.diagonal(dim1=-2, dim2=-1).abs()
    died = diagonal <= rank_noise(moved.shape[-2]) * norms[..., : moved.shape[-1]]
    return basis.take_along_dim(order.argsort(-1).unsqueeze(-1), -2), diagonal.log(), died


def _extent(logs: Tensor, counted: Tensor) -> tuple[float, float]:
    """Largest spread of log-diagonals in a sequence, and largest magnitude, over what counts."""
    largest = torch.where(counted, logs, -math.inf).amax(-1)
    smallest = torch.where(counted, logs, math.inf).amin(-1)
    spread = torch.where(counted.any(-1), largest - smallest, 0.0)
    growth = torch.where(counted, logs.abs(), 0.0)
    return float(spread.nan_to_num(math.inf).max()), float(growth.max())


def _next_interval(spread: float, growth: float, length: int, log_limit: float, longest: int) -> int:
    """Steps to the next QR: as many as the last growth allows, at most twice the last interval."""
    used = max(spread / log_limit, growth / MAX_LOG_GROWTH) / length
    admissible = AIM / used if used > 0 else math.inf
    return max(1, int(min(admissible, 2 * length, longest)))

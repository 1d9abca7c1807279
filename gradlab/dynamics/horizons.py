"""How far gradients reach back in time, and which loss teaches which step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gradlab.dynamics.inputs import Jacobians, as_operator, stretches
from gradlab.dynamics.norms import euclidean_norm


def lag_below(log_gains: Tensor, log_level: float) -> Tensor:
    """The lag from which on the gradient stays below a level, `...`, in steps.

    Linear between lags. 0 where it never reaches the level after lag 0, ∞ where it is still above at the last
    lag, NaN where a gain is NaN.

    Args:
        log_gains: ln of a gradient norm or of σ by lag, `lag ...`; the first is lag 0 and the others are
            compared with it.
        log_level: logarithm of the level relative to lag 0, below 0.

    Raises ValueError for a level that is not negative.
    """
    if not log_level < 0:
        raise ValueError(f"expected the logarithm of a level below 1, got {log_level}")
    relative = log_gains.detach().double() - log_gains[:1].detach().double()
    above = relative > log_level
    count = relative.shape[0]
    lags = torch.arange(count, device=relative.device).reshape(-1, *([1] * (relative.dim() - 1)))
    last = torch.where(above, lags, 0).amax(0, keepdim=True)
    following = (last + 1).clamp(max=count - 1)
    high, low = relative.gather(0, last), relative.gather(0, following)
    # From −∞ on, nothing of the interval is above the level but its beginning.
    share = torch.where(low.isinf(), 0.0, (high - log_level) / (high - low))
    found = torch.where(last == count - 1, math.inf, last + share).squeeze(0)
    return found.masked_fill(relative.isnan().any(0), torch.nan)


def e_folding_lag(log_gains: Tensor) -> Tensor:
    """The lag from which on the gradient stays below 1/e of that at lag 0, `...`; see `lag_below`."""
    return lag_below(log_gains, -1.0)


def lag_below_rounding(log_gains: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """The lag from which on a contribution is lost in the rounding of a sum with the one at lag 0, `...`.

    That is half the machine epsilon of the dtype; see `lag_below`.
    """
    return lag_below(log_gains, math.log(torch.finfo(dtype).eps / 2))


def lag_below_share(log_gains: Tensor, share: float) -> Tensor:
    """The lag from which on the gradient stays below a share of that at lag 0, `...`; see `lag_below`.

    Raises ValueError for a share outside (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")
    return lag_below(log_gains, math.log(share))


def effective_steps(contributions: Tensor) -> Tensor:
    """Effective number of steps that make up a weight gradient, `...`: (Σ a_t)²/Σ a_t².

    1 when a single step gives everything, T when all give alike; NaN where all are zero.

    Args:
        contributions: norms a_t ≥ 0 of what every step adds to the gradient, `time ...`.
    """
    shares = contributions.detach().double() / contributions.detach().double().amax(0)
    return shares.sum(0).square() / shares.square().sum(0)


def steps_for_share(contributions: Tensor, share: float = 0.9) -> Tensor:
    """The fewest steps whose contributions, `time ...`, add up to a share of the total, `...` whole numbers.

    Raises ValueError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and at most 1, got {share}")
    ordered = contributions.detach().double().sort(dim=0, descending=True).values.cumsum(0)
    # A rounding's worth of tolerance, so that a share of 1 does not depend on the order of summation.
    return (ordered < share * ordered[-1:] * (1 - 1e-12)).sum(0) + 1


@torch.no_grad()
def log_teaching_norms(
    jacobians: Jacobians, loss_gradients: Tensor, loss_times: Sequence[int], part: slice = slice(None)
) -> Tensor:
    """Logarithms ln ‖dL_s/ds_t‖ of which loss teaches which step, `loss time ...` in float64.

    Exact, from one backward sweep for all losses: dL_s/ds_{t−1} = J_tᵀ dL_s/ds_t, with dL_s/ds_s given. Kept
    in logs with the vectors normalised, so that nothing under- or overflows. −∞ for t > s. A gradient that is ∞ or
    NaN stays so as far back as arithmetic says; the other losses do not see it.

    Args:
        jacobians: ∂s_t/∂s_{t−1}, `time ... states states`; the first one leads into s_0 and is not used.
        loss_gradients: the direct gradient of each loss in the state at its own time, `loss ... states`.
        loss_times: that time for each loss, from 0 to T − 1, ascending.
        part: rows of the state whose norm is taken, such as `slice(0, hidden)` for the h of an LSTM's (h, c).

    Raises ValueError for the wrong shape or dtype, and for times out of range or order.
    """
    operator = as_operator(jacobians)
    steps, batch = operator.shape[0], operator.shape[1:-2]
    times = list(loss_times)
    if not times or times != sorted(set(times)) or times[0] < 0 or times[-1] >= steps:
        raise ValueError(f"expected ascending times of losses between 0 and {steps - 1}, got {times}")
    expected = (len(times), *batch, operator.shape[-1])
    if tuple(loss_gradients.shape) != expected:
        raise ValueError(f"expected gradients `loss ... states` of shape {expected}, got {tuple(loss_gradients.shape)}")
    waiting = loss_gradients.detach().double().movedim(0, -1)
    norms = torch.full((len(times), steps, *batch), -math.inf, dtype=torch.float64, device=waiting.device)
    logs = torch.zeros_like(waiting[..., 0, :])
    # Losses are taken up from the last to the first: the columns from `begun` on are under way.
    begun, t = len(times), times[-1]
    vectors = waiting.clone()
    for stretch in stretches(operator[: times[-1] + 1], backward=True):
        for index in range(stretch.shape[0] - 1, -1, -1):
            if begun > 0 and times[begun - 1] == t:
                begun -= 1
            active = vectors[..., begun:]
            length = euclidean_norm(active, -2)
            # zero and infinity have no direction: they are handed on as they are
            length = torch.where((length > 0) & length.isfinite(), length, 1.0)
            active = active / length.unsqueeze(-2)
            logs[..., begun:] += length.log()
            seen = euclidean_norm(active[..., part, :], -2).log() + logs[..., begun:]
            norms[begun:, t] = seen.movedim(-1, 0)
            if t > 0:
                vectors[..., begun:] = stretch[index].apply_transpose(active)
            t -= 1
    return norms

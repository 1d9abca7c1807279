"""The `teaching` table: how much of what enters a layer at one time step arrives at the others, who teaches whom."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gradlab.dynamics import log_teaching_norms
from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.long_range.stretch import Stretch, stretch
from gradlab.recording.quantiles import over_sequences
from gradlab.recording.timesteps.jacobians import spread

LOSSES = 32
"""So many times at which something enters are followed back, evenly spread over all such times."""
TIMES = 64
"""At so many time steps is written what arrives: at those times, and at others evenly spread between them."""
ROUNDING = 1000
"""Units of rounding below which a difference of two gradients is no number but the noise of both."""


def teaching(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """One row for each pair of loss time s and time step t ≤ s (≥ s in the backward direction)."""
    found = stretch(passed, amount)
    if found is None or passed.detached:
        return {}
    entering = entering_gradients(passed, found)
    enters = (entering != 0).any(-1)
    times_of_losses = enters.any(1).nonzero().flatten().cpu()
    if len(times_of_losses) == 0:
        return {}
    sources = times_of_losses[spread(LOSSES, len(times_of_losses))]
    times = _with_others(sources, found.steps)
    hidden = passed.trace.states[0].shape[-1]
    logs = log_teaching_norms(found.jacobians, entering[sources], sources.tolist(), slice(0, hidden))
    row, column = (sources.unsqueeze(1) >= times).nonzero(as_tuple=True)
    norms = logs[row, times[column]].cpu().numpy()
    return {
        "source": _real(passed, found, sources[row]),
        "t": _real(passed, found, times[column]),
        "log_gradient": over_sequences(norms, enters[sources[row]].cpu().numpy(), 0.5),
    }


def entering_gradients(passed: Pass, found: Stretch) -> Tensor:
    """The gradient that enters the state of each step from outside the recurrence, `time batch states` in float64.

    Of steps that were called one by one autograd told the sum with what the next step sent back. The difference of
    both is known but for their rounding; what is smaller than that counts as zero.
    """
    direct = torch.cat(
        [
            torch.zeros_like(state) if part is None else part
            for part, state in zip(passed.direct, passed.trace.states, strict=True)
        ],
        -1,
    )
    sums = direct[: found.steps, found.sequences.to(direct.device)].double()
    if passed.trace.started_from is None:
        return sums
    entering = sums.clone()
    entering[:-1] -= found.jacobians[1:].apply_transpose(sums[1:].unsqueeze(-1)).squeeze(-1)
    tolerance = min(ROUNDING * torch.finfo(passed.precision).eps, 0.1)
    # largest numbers instead of norms: their squares could leave the range of float64
    noise = entering.abs().amax(-1) <= tolerance * sums.abs().amax(-1)
    return entering.masked_fill(noise.unsqueeze(-1), 0.0)


def _with_others(sources: Tensor, steps: int) -> Tensor:
    """The times at which something enters, and others, together no more than `TIMES`; the first and last step too."""
    left_out = torch.ones(steps, dtype=torch.bool)
    left_out[sources] = False
    others = left_out.nonzero().flatten()
    return torch.cat([sources, others[spread(TIMES - len(sources), len(others))]]).sort().values


def _real(passed: Pass, found: Stretch, times: Tensor) -> np.ndarray:
    """Positions in the sequence, of steps in the order in which the recurrence reads."""
    return (found.steps - 1 - times if passed.direction else times).numpy() + passed.offset

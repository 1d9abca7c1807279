"""How fast the exponents let the truncation bias decay: the leading Lyapunov exponent along a stretch of time."""

from __future__ import annotations

import math
from typing import Any

import torch

from gradlab.dynamics import lyapunov_spectrum
from gradlab.errors import UnsupportedError
from gradlab.instrument import Pass, hold_on, recurrent_modules, replay
from gradlab.tasks import Padded, Prompted
from gradlab.training.bptt.base import Stretch
from gradlab.training.bptt.state import mapped

SEQUENCES = 2
"""Of a batch, along which the exponent is measured."""
TRANSIENT = 0.1
"""Share of the steps, at the beginning, in which the direction that grows fastest is found and nothing is averaged."""


def leading_exponent(net: Any, stretch: Stretch) -> float:
    """λ₁ in nats per step of the state's dynamics along a stretch, mean over a few of its sequences.

    Of several layers the largest counts: a layer drives those above it, not those below, so that the exponents of the
    whole are those of its layers. The relative bias of a window K decays like e^{λ₁K} (Aicher, Foti & Fox 2019).

    Args:
        net: has `unroll(inputs, state)`; its recurrent modules are listened to for this one pass.
        stretch: whose inputs are one sequence.

    Returns NaN for a net without recurrent modules that gradlab knows.
    """
    inputs = stretch.inputs
    assert not isinstance(inputs, Prompted)
    few = inputs.sequences(slice(SEQUENCES)) if isinstance(inputs, Padded) else inputs[:, :SEQUENCES]
    state = mapped(stretch.state, lambda part: part.detach()[..., :SEQUENCES, :].contiguous())
    try:
        captures = [hold_on(name, layout) for name, layout in recurrent_modules(net)]
    except UnsupportedError:
        return math.nan
    try:
        for capture in captures:
            capture.arm(weights=False)
        with torch.enable_grad():
            net.unroll(few, state)
        exponents = [_leading(passed) for capture in captures for passed in replay(capture.calls)]
    finally:
        for capture in captures:
            capture.close()
    return max(exponents) if exponents and not any(map(math.isnan, exponents)) else math.nan


def _leading(passed: Pass) -> float:
    jacobians: Any = passed.recurrence.jacobian(passed.weights, passed.trace, passed.states_before())
    # A single direction stays well-conditioned however long it is carried: its length alone says when to rescale it.
    spectrum = lyapunov_spectrum(jacobians, 1, transient=int(TRANSIENT * passed.steps), max_interval=64)
    return float(spectrum.exponents[..., 0].mean())

"""Gradient flossing: the leading Lyapunov exponents are pushed to zero, so that gradients neither die nor blow up."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from gradlab.dynamics import gradient_flossing
from gradlab.instrument import Pass, hold_on, recurrent_modules, replay
from gradlab.recurrence import reference
from gradlab.training.regularisers.base import Penalty, Regulariser, Weight, add_gradients, copies


class Flossed(Penalty):
    """Mean of λ_i² over the leading exponents of the last steps of some sequences, through states and Jacobians.

    The window is run again from the state before it, under autograd: the exponents depend on the weights through the
    Jacobians and through the states that they are taken at, and both are differentiated, for any recurrence.
    """

    def __init__(self, model: nn.Module, settings: Flossing) -> None:
        self._settings = settings
        self._captures = [hold_on(name, layout) for name, layout in recurrent_modules(model)]
        if not self._captures:
            raise ValueError("regulariser 'flossing': expected a model that holds recurrent modules, got none")

    def listen(self) -> None:
        """Keep the calls of the coming step."""
        for capture in self._captures:
            capture.arm(weights=False)

    def __call__(self) -> float:
        """Replay what was kept, and differentiate the term of each pass."""
        total = 0.0
        for capture in self._captures:
            for passed in replay(capture.calls, self._settings.sequences):
                total += self._of(passed)
            capture.release()
        return total

    def _of(self, passed: Pass) -> float:
        chosen = self._settings
        own = passed.layout.names(passed.layer, passed.direction)
        weights = {short: getattr(passed.layout.module, name) for short, name in own.items()}
        leaves = copies(weights)
        steps = passed.steps if passed.lengths is None else int(passed.lengths.min())
        start = max(0, steps - chosen.window)
        inputs = passed.trace.inputs[start:steps]
        initial = tuple(part[start] for part in passed.states_before())
        with torch.enable_grad():
            states = passed.recurrence.run(leaves, inputs, initial)
            before = tuple(
                torch.cat([first.unsqueeze(0), after[:-1]]) for first, after in zip(initial, states, strict=True)
            )
            jacobians = reference.jacobian(passed.recurrence, leaves, inputs, before)
            k = min(chosen.exponents, jacobians.shape[-1])
            value = chosen.weight * gradient_flossing(jacobians, k, transient=min(chosen.transient, len(inputs) - 1))
        add_gradients(weights, leaves, value)
        return float(value.detach())

    def close(self) -> None:
        """Take the hooks off."""
        for capture in self._captures:
            capture.close()


class Flossing(Regulariser):
    """Pushes the leading Lyapunov exponents of a window to zero.

    Source: Engelken (2023), Gradient flossing, NeurIPS, section 3, where it acts before and between phases of
    training; here it acts at every step beside the loss. Its cost grows with the window and the states cubed.
    """

    name: Literal["flossing"] = "flossing"
    weight: Weight = 1.0
    """Of the term beside the loss."""
    exponents: Annotated[int, Field(ge=1)] = 8
    """How many of the leading exponents; all where a net has fewer."""
    window: Annotated[int, Field(ge=1)] = 50
    """Steps at the end of each sequence."""
    transient: Annotated[int, Field(ge=0)] = 10
    """Of them so many only align the directions."""
    sequences: Annotated[int, Field(ge=1)] = 2
    """Of each batch."""

    def start(self, model: nn.Module) -> Penalty:
        """On all recurrent modules."""
        return Flossed(model, self)

"""Weight noise: the gradient is taken at weights that are a little off, and acts on those that are not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gradlab.training.seeds import generator


class WeightNoise:
    """w + σ ε while the gradient is computed, with ε ~ N(0, 1) drawn anew for each step.

    Source: Graves (2013), section 4.2, who uses σ = 0.075. The update ratio that a recorder shows then also
    holds the way back from the noisy weights.

    Args:
        model: all of whose trainable weights are moved.
        deviation: σ, positive.
        seed: of the run.
    """

    def __init__(self, model: nn.Module, deviation: float, seed: int) -> None:
        if not deviation > 0:
            raise ValueError(f"expected a positive standard deviation of the weight noise, got {deviation}")
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._deviation = deviation
        self._generator = generator(seed, "weight noise")
        self._before: list[Tensor] = []

    @torch.no_grad()
    def add(self) -> None:
        """Move the weights."""
        self._before = [parameter.clone() for parameter in self._parameters]
        for parameter in self._parameters:
            drawn = torch.randn(parameter.shape, generator=self._generator, dtype=torch.float64)
            parameter.add_(drawn.to(parameter), alpha=self._deviation)

    @torch.no_grad()
    def remove(self) -> None:
        """Put them back, exactly."""
        for parameter, before in zip(self._parameters, self._before, strict=False):
            parameter.copy_(before)
        self._before = []

    def state(self) -> dict[str, Any]:
        """The generator."""
        return {"generator": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the generator."""
        self._generator.set_state(state["generator"])

"""What other strategies and thresholds would have done to the gradient that is there, at no extra backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.training.clipping.agc import AGClipping
from gradlab.training.clipping.autoclip import AutoClipping
from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import total_norm
from gradlab.training.clipping.norm import NormClipping
from gradlab.training.clipping.normalised import Normalising
from gradlab.training.clipping.parameter import ParameterClipping
from gradlab.training.clipping.value import ValueClipping
from gradlab.training.clipping.zclip import ZClipping

_BY_NORM = (NormClipping, AutoClipping, ZClipping, Normalising)
"""Strategies that look at the norm of the whole gradient only, and keep its direction."""
_WITH_MEMORY = (AutoClipping, ZClipping)
_LADDER = (0.01, 0.1, 1.0, 10.0)

STANDARD: tuple[Clipping, ...] = (
    *(NormClipping(threshold=threshold) for threshold in (*_LADDER, 100.0)),
    *(ValueClipping(threshold=threshold) for threshold in _LADDER),
    *(ParameterClipping(threshold=threshold) for threshold in _LADDER),
    *(AGClipping(ratio=ratio) for ratio in (0.001, 0.01, 0.1)),
    *(AutoClipping(percentile=percentile) for percentile in (10.0, 50.0, 90.0)),
    ZClipping(),
)
"""What is compared where a study names nothing else."""


def setting(clipping: Clipping) -> float:
    """The number that a strategy is set by, as it stands on the table's axis; NaN for one without any."""
    for name in ("threshold", "ratio", "percentile", "score", "length"):
        value = getattr(clipping, name, None)
        if value is not None:
            return float(value)
    return math.nan


@dataclass(slots=True)
class Alternatives:
    """Clippers that only look on. Those with a memory see the norm of every step, so that they know what is usual."""

    strategies: Sequence[Clipping]
    _clippers: list[Clipper] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start every strategy."""
        self._clippers = [strategy.start() for strategy in self.strategies]

    def remember(self, norm: float) -> None:
        """A step that is not measured: those with a memory are told the norm of its whole gradient."""
        for strategy, clipper in zip(self.strategies, self._clippers, strict=True):
            if isinstance(strategy, _WITH_MEMORY):
                clipper([_stand_in(norm)])

    @torch.no_grad()
    def measure(self, parameters: Iterable[Tensor]) -> dict[str, np.ndarray]:
        """Look at a gradient before it is clipped: columns of the table `clipping` but for its step.

        Args:
            parameters: with their `.grad`, which is left as it is.
        """
        given = [parameter for parameter in parameters if parameter.grad is not None]
        norm = total_norm([parameter.grad for parameter in given if parameter.grad is not None])
        reports = [
            clipper([_stand_in(norm)] if isinstance(strategy, _BY_NORM) else [_copy(parameter) for parameter in given])
            for strategy, clipper in zip(self.strategies, self._clippers, strict=True)
        ]
        return self._columns(reports)

    def _columns(self, reports: list[ClipReport]) -> dict[str, np.ndarray]:
        names = [strategy.name for strategy in self.strategies]
        return {
            "strategy": np.array(names, dtype=object),
            "setting": np.array([setting(strategy) for strategy in self.strategies]),
            "coefficient": np.array([report.coefficient for report in reports]),
            "cosine": np.array([report.cosine for report in reports]),
            "fired": np.array([report.fired for report in reports]),
            "threshold": np.array([report.threshold for report in reports]),
        }

    def state(self) -> list[dict[str, Any]]:
        """The memories, in the order of the strategies."""
        return [clipper.state() for clipper in self._clippers]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Take up the memories."""
        for clipper, remembered in zip(self._clippers, state, strict=True):
            clipper.restore(remembered)


def _stand_in(norm: float) -> Tensor:
    """A parameter of one number whose gradient has that norm."""
    parameter = torch.zeros(1, dtype=torch.float64)
    parameter.grad = torch.full((1,), norm, dtype=torch.float64)
    return parameter


def _copy(parameter: Tensor) -> Tensor:
    """The same weights with a gradient of their own."""
    copy = parameter.detach()
    assert parameter.grad is not None
    copy.grad = parameter.grad.clone()
    return copy

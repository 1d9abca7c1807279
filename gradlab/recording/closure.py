"""The closure error: the weight gradients rebuilt from the adjoint, against those that autograd computed.

Both are multiplied with a few random vectors first (Freivalds 1977), so that no gradient has to be formed: the
relative error of the products estimates that of the matrices, and a wrong gradient shows with probability one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gradlab.errors import InstrumentError
from gradlab.instrument import Capture, Pass
from gradlab.recurrence import project

PROBES = 4
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3, torch.float16: 1e-1, torch.bfloat16: 2e-1}
"""Relative error above which the instrument contradicts autograd, by the dtype of the weights."""


class Closure:
    """Gathers the passes of one module and compares at the end. Use one per module and recorded step."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._generator = torch.Generator().manual_seed(0)
        self._probes: dict[int, Tensor] = {}
        self._rebuilt: dict[str, Tensor] = {}
        self._tolerance = 0.0

    def add(self, passed: Pass) -> None:
        """Add what one pass sends to its weights."""
        names = passed.layout.names(passed.layer, passed.direction)
        self._tolerance = max(self._tolerance, TOLERANCE[passed.precision])
        for short, name in names.items():
            if short in passed.adjoint.factors and name in self._capture.weight_gradients:
                part = project(passed.adjoint, short, self._probe(self._capture.weight_gradients[name]))
                self._rebuilt[name] = self._rebuilt[name] + part if name in self._rebuilt else part

    def errors(self) -> dict[str, float]:
        """Relative error by attribute of the module; NaN where the gradient is not finite, 0 where both are zero.

        Raises InstrumentError, naming module and weight, above the tolerance of the dtype.
        """
        found = {}
        for name, rebuilt in self._rebuilt.items():
            gradient = self._capture.weight_gradients[name]
            probe = self._probe(gradient)
            expected = gradient @ probe if gradient.dim() == 2 else gradient.unsqueeze(1) @ probe[:1]
            scale, wrong = (
                float(expected.double().norm()),
                float((rebuilt.double() - expected.double()).norm()),
            )
            found[name] = wrong / scale if scale > 0 else (0.0 if wrong == 0 else math.inf)
            self._refuse(name, found[name], gradient.dtype, scale)
        return found

    def _refuse(self, name: str, error: float, dtype: torch.dtype, scale: float) -> None:
        # A gradient at the edge of what the dtype can hold has no relative accuracy to speak of.
        if not math.isfinite(scale) or scale < torch.finfo(dtype).tiny / torch.finfo(dtype).eps:
            return
        allowed = max(self._tolerance, TOLERANCE[dtype])
        if error > allowed:
            raise InstrumentError(
                f"module {self._capture.name!r}, {name}: expected the gradient rebuilt from the recorded steps to "
                f"equal autograd's within {allowed:g}, got a relative error of {error:.2e}. Either the weight is used "
                "outside this module as well (a penalty on it in the loss, a shared parameter), or the recording is "
                "wrong; watch(..., check_every='never') records without this check"
            )

    def _probe(self, gradient: Tensor) -> Tensor:
        columns = gradient.shape[-1] if gradient.dim() == 2 else 1
        if columns not in self._probes:
            drawn = torch.randn(columns, PROBES, generator=self._generator, dtype=torch.float64)
            self._probes[columns] = drawn.to(gradient)
        return self._probes[columns]

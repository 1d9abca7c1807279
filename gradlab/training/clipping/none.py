"""No clipping: the gradient is measured and left alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from torch import Tensor

from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.measure import gradients, total_norm


class Unclipped(Clipper):
    """Leaves the gradient as it is, and says how large it was."""

    def __call__(self, parameters: Iterable[Tensor]) -> ClipReport:
        """Measure the `.grad` of the parameters."""
        return unchanged(total_norm(gradients(parameters)))


class NoClipping(Clipping):
    """No clipping."""

    name: Literal["none"] = "none"

    def start(self) -> Clipper:
        """A clipper that does nothing."""
        return Unclipped()


def unchanged(norm: float, threshold: float = math.nan) -> ClipReport:
    """The report on a gradient that was left as it was."""
    cosine = 1.0 if math.isfinite(norm) else math.nan
    return ClipReport(norm, norm, threshold, cosine, fired=False)

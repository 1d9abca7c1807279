"""Eigenvalues on a ring in the complex plane: how a linear recurrent unit starts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings
from gradlab.recurrence import LRU


class Ring(LayerInitialiser):
    """λ uniform on the ring r_min ≤ |λ| ≤ r_max, and inputs scaled so that white noise keeps its variance.

    The nearer the ring lies to 1, the longer the memory at the start. Source: Orvieto et al. (2023), lemma 3.2 and
    sections 3.2 to 3.4.
    """

    name: Literal["ring"] = "ring"
    cells: ClassVar[frozenset[str] | None] = frozenset({"lru"})

    smallest_radius: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """The paper's r_min."""
    largest_radius: Annotated[float, Field(gt=0, le=1)] = 0.999
    """The paper's r_max."""

    @model_validator(mode="after")
    def _is_a_ring(self) -> Ring:
        if self.smallest_radius > self.largest_radius:
            raise ValueError(
                f"smallest_radius: expected at most largest_radius {self.largest_radius}, got {self.smallest_radius}"
            )
        return self

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Redraw all weights of the recurrence."""
        LRU(self.smallest_radius, self.largest_radius).initialise(layer.weights, layer.hidden)

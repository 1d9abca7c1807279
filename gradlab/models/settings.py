"""What a study file can say about a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gradlab.models.cells import CellName
from gradlab.models.initialisers import AnyInitialiser, Default
from gradlab.settings import Settings


class ModelSettings(Settings):
    """A recurrent net between an encoder and a linear readout."""

    cell: CellName = "lstm"
    """Kind of the recurrent layers."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Of `rnn` cells; the gated cells have tanh by definition."""
    hidden: Annotated[int, Field(gt=0)] = 64
    """Units of each recurrent layer."""
    layers: Annotated[int, Field(gt=0)] = 1
    """Recurrent layers, one above the other."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a layer's outputs that is dropped on the way to the layer above, in training."""
    embedding: Annotated[int, Field(gt=0)] | None = None
    """Width of a learned linear encoder (for tokens: an embedding); null feeds inputs as they are."""
    forget_bias: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Bias of the `lstm` forget gate at the start (sum of torch's two); null keeps the initialiser's."""
    initialiser: AnyInitialiser = Default()
    """How the recurrent weights start."""
    precision: Literal["float32", "float64"] = "float32"
    """Of all weights and activations."""

    @model_validator(mode="after")
    def _fits_together(self) -> ModelSettings:
        if self.nonlinearity != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"nonlinearity: expected 'tanh' for the cell {self.cell!r}, got {self.nonlinearity!r}; "
                "only the cell 'rnn' can have another"
            )
        if self.forget_bias is not None and self.cell != "lstm":
            raise ValueError(
                f"forget_bias: expected null for the cell {self.cell!r}, got {self.forget_bias}; "
                "only the cell 'lstm' has a forget gate"
            )
        if self.dropout > 0 and self.layers == 1:
            raise ValueError(
                f"dropout: expected 0 with a single layer, got {self.dropout}; it acts between layers only"
            )
        return self

"""What a study file can say about a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gradlab.models.cells import CONSTANTS, CellName, constants, has_forget_gate, has_recurrent_matrix
from gradlab.models.initialisers import AnyInitialiser, Default
from gradlab.settings import Settings


class ModelSettings(Settings):
    """A recurrent net between an encoder and a linear readout."""

    cell: CellName = "lstm"
    """Kind of the recurrent layers; `gradlab.recurrence` has the equations and the papers of all but torch's."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Of `rnn` cells; the gated cells have tanh by definition."""
    step_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Step of `antisymmetric` (ε), `cornn` (Δ) and `residual` (α) cells; null takes the cell's own."""
    frequency: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Stiffness γ of the oscillators of `cornn`; null takes the cell's own."""
    damping: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """`antisymmetric` γ, `cornn` ε, `residual` λ (with λ = α a leaky integrator); null takes the cell's own."""
    hidden: Annotated[int, Field(gt=0)] = 64
    """Units of each recurrent layer."""
    layers: Annotated[int, Field(gt=0)] = 1
    """Recurrent layers, one above the other."""
    depth: Annotated[int, Field(gt=0)] | None = None
    """Null for a net through time. A number: the whole sequence goes in at once, at the bottom of so many blocks, each
    a step of the cell with weights of its own and no input; in what is recorded the time step is the block."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a layer's outputs that is dropped on the way to the layer above, in training."""
    embedding: Annotated[int, Field(gt=0)] | None = None
    """Width of a learned linear encoder (for tokens: an embedding); null feeds inputs as they are."""
    forget_bias: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Bias of the forget gate of `lstm` and `peephole_lstm` at the start (sum of two); null keeps the initialiser's."""
    initialiser: AnyInitialiser = Default()
    """How the recurrent weights start; a list applies several in turn."""
    precision: Literal["float32", "float64"] = "float32"
    """Of all weights and activations."""

    @model_validator(mode="after")
    def _fits_together(self) -> ModelSettings:
        if self.nonlinearity != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"nonlinearity: expected 'tanh' for the cell {self.cell!r}, got {self.nonlinearity!r}; "
                "only the cell 'rnn' can have another"
            )
        for name in CONSTANTS[1:]:
            if getattr(self, name) is not None and name not in constants(self.cell):
                raise ValueError(
                    f"{name}: expected null for the cell {self.cell!r}, got {getattr(self, name)}; "
                    "its equations have no such constant"
                )
        if self.cell == "lru" and self.hidden % 2:
            raise ValueError(
                f"hidden: expected an even number for the cell 'lru', got {self.hidden}; its state is complex"
            )
        self._depth_fits()
        self._initialisers_fit()
        if self.forget_bias is not None and not has_forget_gate(self.cell):
            raise ValueError(
                f"forget_bias: expected null for the cell {self.cell!r}, got {self.forget_bias}; "
                "only the cells 'lstm' and 'peephole_lstm' have such a gate"
            )
        if self.dropout > 0 and self.layers == 1:
            raise ValueError(
                f"dropout: expected 0 with a single layer, got {self.dropout}; it acts between layers only"
            )
        return self

    def _depth_fits(self) -> None:
        if self.depth is None:
            return
        if self.layers > 1:
            raise ValueError(f"depth: expected null with {self.layers} layers, got {self.depth}; blocks are its layers")
        if not has_recurrent_matrix(self.cell):
            raise ValueError(
                f"depth: expected null for the cell {self.cell!r}, got {self.depth}; its gates read inputs alone, and "
                "blocks have none"
            )

    def _initialisers_fit(self) -> None:
        for initialiser in self.initialiser.parts():
            if initialiser.cells is not None and self.cell not in initialiser.cells:
                raise ValueError(
                    f"initialiser: expected one for the cell {self.cell!r}, got {initialiser.name!r}; "
                    f"it is for {', '.join(sorted(initialiser.cells))}"
                )
            needs_matrix = initialiser.cells is None and not isinstance(initialiser, Default)
            if needs_matrix and not has_recurrent_matrix(self.cell):
                raise ValueError(
                    f"initialiser: expected 'default' for the cell {self.cell!r}, got {initialiser.name!r}; "
                    "it has no recurrent matrix to set"
                )
            if self.depth is not None and initialiser.reads_inputs:
                raise ValueError(
                    f"initialiser: expected one that needs no inputs with a depth, got {initialiser.name!r}; "
                    "blocks have no input weights"
                )
            if initialiser.highest_layer() >= (count := self.depth or self.layers):
                raise ValueError(
                    f"initialiser: expected layers below {count}, which is how many there are, "
                    f"got {initialiser.highest_layer()} for {initialiser.name!r}"
                )

"""What a study file can say about recording: when, how many sequences, how many Jacobians."""

from typing import Annotated, Literal

from pydantic import Field

from gradlab.recording.amount import Preset
from gradlab.settings import Settings

Count = Annotated[int, Field(gt=0)]
Steps = tuple[Annotated[int, Field(ge=0)], ...]


class RecordSettings(Settings):
    """The same words as the arguments of `gradlab.watch`."""

    every: Count | Literal["log"] | None = 10
    """Record every n-th training step; `log` for ever wider gaps; null for scalars of the training steps only."""
    at: Steps | None = None
    """Record exactly at these training steps instead."""
    preset: Preset = "standard"
    """How much a recorded step measures: `light`, `standard` or `full`; the keys below go before it."""
    sequences: Count | Literal["all"] | None = None
    """How many sequences of a batch are replayed for the quantities per time step."""
    jacobian_times: Annotated[int, Field(ge=0)] | Literal["all"] | None = None
    """At how many time steps, evenly spread, the state Jacobian's singular values are computed."""
    jacobian_sequences: Count | None = None
    """On how many sequences."""
    check_every: Count | Literal["never"] | None = None
    """At every so many recorded steps the closure error is measured on all sequences."""
    tables: tuple[Literal["spectra", "lags", "lyapunov", "teaching"], ...] | None = None
    """Which of the tables that need the Jacobian of every time step are written."""
    budget: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Instead of `every`: the share of the training time that recording may take."""
    flight: Annotated[int, Field(ge=0)] = 0
    """So many steps before the present one are kept ready and written in full when something explodes."""

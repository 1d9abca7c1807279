"""What a study file can say about training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gradlab.settings import Settings
from gradlab.training.bptt import AnyBptt, Full
from gradlab.training.clipping import AnyClipping, NoClipping
from gradlab.training.measuring import MeasuringSettings
from gradlab.training.optimisers import Adam, AnyOptimiser


class TrainingSettings(Settings):
    """How a model is trained."""

    steps: Annotated[int, Field(gt=0)] = 1000
    """Training steps."""
    batch: Annotated[int, Field(gt=0)] = 32
    """Sequences a step."""
    optimiser: AnyOptimiser = Adam()
    """What turns gradients into updates."""
    clip: AnyClipping = NoClipping()
    """What is done to large gradients; a number clips the norm there, null leaves them."""
    bptt: AnyBptt = Full()
    """How far back the gradient flows."""
    measure: MeasuringSettings = MeasuringSettings()
    """What the loop itself measures, beside what `record` asks for."""
    evaluate_every: Annotated[int, Field(gt=0)] | None = 100
    """Score the model on held-out data after every n-th step and the last; null after the last only."""
    evaluation_size: Annotated[int, Field(gt=0)] = 256
    """Held-out sequences, the same ones each time."""
    checkpoint_every: Annotated[int, Field(gt=0)] | None = 500
    """Keep a checkpoint after every n-th step, so that a run that is killed goes on from there; null at the
    end only."""
    on_nonfinite: Literal["stop", "skip", "raise"] = "stop"
    """At a NaN or infinite loss or gradient, which is never given to the optimiser: end the run as failed,
    go on with the next batch, or raise `NonfiniteError`."""

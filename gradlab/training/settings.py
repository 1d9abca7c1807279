"""What a study file can say about training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gradlab.settings import Settings
from gradlab.training.bptt import AnyBptt, Full
from gradlab.training.clipping import AnyClipping, NoClipping
from gradlab.training.measuring import MeasuringSettings
from gradlab.training.optimisers import Adam, AnyOptimiser
from gradlab.training.regularisers import AnyRegulariser
from gradlab.training.schedules import AnySchedule, Constant
from gradlab.training.stopping import AnyStopping


class TrainingSettings(Settings):
    """How a model is trained."""

    steps: Annotated[int, Field(gt=0)] = 1000
    """Training steps."""
    batch: Annotated[int, Field(gt=0)] = 32
    """Sequences a step."""
    optimiser: AnyOptimiser = Adam()
    """What turns gradients into updates."""
    schedule: AnySchedule = Constant()
    """How the learning rate moves."""
    clip: AnyClipping = NoClipping()
    """What is done to large gradients; a number clips the norm there, null leaves them."""
    bptt: AnyBptt = Full()
    """How far back the gradient flows."""
    regularisers: tuple[AnyRegulariser, ...] = ()
    """Terms beside the loss, whose gradient is added to its own."""
    weight_noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Standard deviation of the noise on the weights while the gradient is computed; 0 for none."""
    stop: AnyStopping | None = None
    """When to end early; asked after every evaluation."""
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

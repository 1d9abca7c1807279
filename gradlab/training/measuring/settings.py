"""What a study file can say about what the training loop itself measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gradlab.settings import Settings
from gradlab.training.clipping import AnyClipping

Every = Annotated[int, Field(gt=0)] | None


class MeasuringSettings(Settings):
    """Measurements beside the training, which they do not change; made only where a recorder takes their rows."""

    bias_every: Every = None
    """Hold truncated gradients against the full one at every n-th step (table `truncation`); null for never."""
    bias_windows: tuple[Annotated[int, Field(gt=0)], ...] | None = None
    """Windows in time steps; null for powers of two. All of them together cost one backward pass."""
    bias_history: Annotated[int, Field(gt=0)] | None = None
    """How many time steps count as the full gradient; null for all of a sequence, or four windows of a stream."""
    clipping_every: Every = 50
    """Say at every n-th step what other clipping would have done (table `clipping`); null for never."""
    clipping_strategies: tuple[AnyClipping, ...] | None = None
    """Which other clipping; null for every strategy at several thresholds."""
    cliff_at: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Look at the loss around the weights at these steps (table `cliff`)."""
    cliff_points: Annotated[int, Field(ge=3, le=201)] = 17
    """Points along each line and each side of the plane; the loss is computed at all of them."""
    cliff_reach: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0
    """How many clipped steps the plane reaches in every direction."""
    samples_every: Every = 500
    """Let a net that speaks (tasks `characters`, `captions`, `read_aloud`) say something at every n-th step (table
    `samples`); null for never."""
    sample_length: Annotated[int, Field(gt=0)] = 200
    """Characters of a sample of text."""
    sample_prompt: str = ""
    """What a sample of text goes on with; empty for the end of a line."""
    sample_temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Below 1 bolder, above 1 wilder; 0 takes the likeliest. Captions and readings always take the likeliest."""

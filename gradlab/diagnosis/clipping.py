"""What clipping did over a run: numbers that the three rules about clipping share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradlab.diagnosis.case import Case
from gradlab.diagnosis.finding import Advice, CannotJudge

MOVING = ("autoclip", "zclip", "agc", "normalised")
"""Strategies that set their own threshold, or fire always by design."""
LOW, HIGH = 0.5, 10.0
"""Times the usual norm: Pascanu's range of thresholds."""
FEWEST = 20
"""Training steps below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Clipped:
    """What clipping did, over the steps with a finite gradient."""

    steps: int
    share: float
    """Of them, at how many it fired."""
    coefficient: float
    """Median norm after over norm before, where it fired; 1 where it never did."""
    cosine: float
    """Median between raw and clipped gradient, where it fired; NaN if not recorded."""
    threshold: float
    """In units of the whole gradient's norm; NaN if not known."""
    usual: float
    """Mean norm without the largest hundredth."""
    first: int
    last: int


def clipped(case: Case) -> Clipped | None:
    """None where nothing clips, or a strategy that looks after itself; CannotJudge where it was not recorded."""
    name = case.about.get("training.clip.name")
    if name == "none" or name in MOVING:
        return None
    steps = case.steps
    known = steps["clip_fired"].notna() & np.isfinite(case.norms) & (case.norms > 0)
    if name is None and not (
        steps.loc[known, "clip_fired"].astype(bool).any() or steps["clip_threshold"].notna().any()
    ):
        return None
    if len(steps) < FEWEST:
        raise CannotJudge(f"there are fewer than {FEWEST} training steps", Advice("Train longer."))
    if known.sum() < FEWEST:
        raise CannotJudge(
            f"fewer than {FEWEST} steps tell what clipping did",
            Advice("Tell the recorder what clipping did.", {}, "recorder.clipped(clip(model.parameters()))"),
        )
    rows = steps[known]
    fired = rows[rows["clip_fired"].astype(bool)]
    return Clipped(
        steps=len(rows),
        share=len(fired) / len(rows),
        coefficient=float(fired["clip_coefficient"].median()) if len(fired) else 1.0,
        cosine=float(fired["clip_cosine"].median()) if len(fired) else math.nan,
        threshold=_threshold(name, rows["clip_threshold"].to_numpy(dtype=float), fired["grad_norm_clipped"]),
        usual=case.usual_norm,
        first=int(rows["step"].min()),
        last=int(rows["step"].max()),
    )


def _threshold(name: object, told: np.ndarray, after: object) -> float:
    """Of norm clipping the threshold itself; else the norm that it let through on average where it fired."""
    if name in (None, "norm") and np.isfinite(told).any():
        return float(np.nanmedian(told))
    values = np.asarray(after, dtype=float)
    return float(np.median(values)) if len(values) else math.nan


def why_cheap(case: Case) -> Advice:
    """Why it is a note and no problem."""
    if case.has_learned:
        return Advice("The task was learned all the same.")
    name = case.about.get("training.optimiser.name", "the optimiser")
    return Advice(f"This costs little here: {name} divides by the gradient's size anyway.")


def is_dear(case: Case) -> bool:
    """Whether short steps are short for good: an adaptive optimiser would divide by the gradient's size anyway."""
    return not case.is_adaptive and not case.has_learned

"""Exploding: gradients grow on their way back in time, or leap from one training step to the next."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, early, span
from gradlab.diagnosis.finding import Advice, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.horizon import Flow, flows
from gradlab.diagnosis.rule import MEASURED, Rule

GROWTH = 100.0
"""Of the gradient over the sequence: two orders of magnitude."""
SPIKE = 10.0
"""Times the usual norm: the upper end of Pascanu's range of thresholds."""


def judge(case: Case) -> Finding | None:
    """Growth over the sequence, spikes over training, or both; nothing where the task was learned all the same."""
    rows = case.passes
    if case.has_learned:
        return None
    worst, steps = _worst(case)
    spikes = case.norms > SPIKE * case.usual_norm
    spikes |= ~np.isfinite(case.norms) & np.isfinite(case.losses)
    leaps = case.leaps
    hurt = _followed(spikes, leaps)
    grows = worst is not None
    if not (grows or hurt):
        return None
    certainty: Certainty = "strong" if grows and (spikes.any() or case.is_at_chance) else "likely"
    if not grows and hurt < 2:
        certainty = "weak"
    evidence = [
        Evidence("steps with a spike of the gradient's norm", float(spikes.sum()), "", 1, "below"),
        Evidence("largest norm over the usual one", case.largest_norm / case.usual_norm, "", SPIKE, "below"),
        Evidence("spikes after which the loss leaped", float(hurt), "", 1, "below"),
    ]
    where = Where(**span(rows), since=_first_followed(case, spikes, leaps))
    if worst is not None and grows:
        evidence.insert(
            0, Evidence("growth of ‖∂L/∂h_t‖ over the sequence", growth(case, worst), "times", GROWTH, "below")
        )
        where = Where(worst.module, worst.layer, worst.direction or None, steps[0], steps[1], steps[0])
    title = (
        f"The gradient explodes on its way back: {_times(growth(case, worst))} in {worst.length} steps, {worst.name}"
        if worst is not None and grows
        else f"The gradient's norm leaps, and the loss with it ({hurt} times)"
    )
    return Finding("", title, certainty, tuple(evidence), _advice(case, bool(grows)), where)


def _worst(case: Case) -> tuple[Flow | None, tuple[int, int]]:
    """The largest growth in any recorded step, and the training steps between which growth is too large."""
    measured = case.passes
    grown = [
        (step, flow)
        for step in _steps_to_look_at(case, measured)
        for flow in flows(measured[measured["step"] == step])
        if growth(case, flow) >= GROWTH
    ]
    if not grown:
        return None, (0, 0)
    return max(grown, key=lambda pair: growth(case, pair[1]))[1], (grown[0][0], grown[-1][0])


def _steps_to_look_at(case: Case, measured: pd.DataFrame) -> list[int]:
    """Recorded steps at which any single pass grows too much: the median over passes is taken of these alone."""
    number = "growth" if case.reads == "last" else "tilt"
    return sorted({int(step) for step in measured.loc[measured[number] >= GROWTH, "step"]})


def growth(case: Case, flow: Flow) -> float:
    """How many times the gradient grows over the sequence; where losses stand along it, from its end to its start."""
    return flow.growth if case.reads == "last" else flow.tilt


def _times(factor: float) -> str:
    return f"{factor:.2g} times" if math.isfinite(factor) else "to no finite number"


def _followed(spikes: np.ndarray, leaps: np.ndarray) -> int:
    """How many leaps of the loss come within three steps of a spike."""
    return sum(len(_before(spikes, leap)) > 0 for leap in leaps)


def _before(spikes: np.ndarray, leap: int) -> np.ndarray:
    places = np.flatnonzero(spikes)
    return places[(places <= leap) & (places >= leap - 3)]


def _first_followed(case: Case, spikes: np.ndarray, leaps: np.ndarray) -> int | None:
    """The training step of the first spike with a leap after it."""
    found = [int(near[0]) for leap in leaps if len(near := _before(spikes, leap))]
    return int(case.steps["step"].iloc[found[0]]) if found else None


def _advice(case: Case, grows: bool) -> Advice:
    """Clipping; and where the first weights are to blame, others."""
    at_start = flows(early(case.passes))
    if grows and any(growth(case, flow) >= GROWTH / 2 for flow in at_start):
        return remedies.initialise(case) + remedies.guard()
    return remedies.clip_at(min(1.0, case.advised_threshold) if math.isfinite(case.advised_threshold) else 1.0)


EXPLODING = Rule(
    "exploding",
    "Do gradients grow on their way back, or leap in training?",
    "exploding",
    judge,
    "‖∂L/∂h_t‖ grows a hundred times over the sequence (where losses stand along it: from its last quarter to its "
    "first), or norms above ten times the usual one are followed by a leap of the loss, and the task is not learned.",
    "Pascanu, Mikolov & Bengio 2013, sections 2 and 3.2 (ten times the average norm); the hundred times is a "
    + MEASURED,
    "strong: growth, and spikes or a net at chance; likely: growth alone, or two spikes with leaps; weak: one.",
)

"""Clipping that never fires: its threshold stands so high that it would let an explosion through."""

from __future__ import annotations

import math

import numpy as np

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case
from gradlab.diagnosis.clipping import HIGH, clipped
from gradlab.diagnosis.finding import Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import Rule


def judge(case: Case) -> Finding | None:
    """A note while nothing explodes; a problem where something did."""
    found = clipped(case)
    if found is None or found.share > 0 or math.isnan(found.threshold):
        return None
    above = found.threshold / found.usual
    if not above > HIGH:
        return None
    norms = case.norms[np.isfinite(case.norms)]
    certainty: Certainty = "strong" if found.threshold > HIGH * norms.max() else "likely"
    harmed = not case.has_learned and (case.broke_at is not None or len(case.leaps) > 0)
    return Finding(
        "",
        f"Clipping never fires: the threshold {found.threshold:g} is {above:.0f} times the usual norm",
        certainty,
        (
            Evidence("steps at which clipping fired", 0, f"of {found.steps}"),
            Evidence("threshold over the usual norm", above, "", HIGH, "at most"),
            Evidence("largest norm", float(norms.max())),
            Evidence("leaps of the loss", float(len(case.leaps)), "", 1, "below"),
        ),
        remedies.clip_at(case.advised_threshold),
        Where(first_step=found.first, last_step=found.last),
        "problem" if harmed else "note",
    )


CLIPPING_NEVER = Rule(
    "clipping_never",
    "Would clipping act if it had to?",
    "clipping",
    judge,
    "clipping has not fired once, and its threshold is above ten times the usual norm; a problem where the loss leaped "
    "or something became non-finite, else a note.",
    "ten times the average norm: Pascanu, Mikolov & Bengio 2013, section 3.2",
    "strong: the threshold is ten times the largest norm; likely: it is not.",
)

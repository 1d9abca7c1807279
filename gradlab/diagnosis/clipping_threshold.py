"""A badly placed threshold: outside the range in which clipping is known to train, or one that turns the gradient."""

from __future__ import annotations

import numpy as np

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case
from gradlab.diagnosis.clipping import HIGH, LOW, Clipped, clipped, is_dear, why_cheap
from gradlab.diagnosis.clipping_always import ALWAYS
from gradlab.diagnosis.finding import Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

TURNED = 0.8
"""Cosine between raw and clipped gradient: an angle of 37 degrees."""


def judge(case: Case) -> Finding | None:
    """Too low, too high, or turning; always and never are rules of their own."""
    found = clipped(case)
    if found is None or found.share == 0:
        return None
    turns = found.share >= 0.5 and found.cosine < TURNED
    low = found.threshold < LOW * found.usual and 0.25 <= found.share < ALWAYS
    passed = _let_through(case, found)
    high = found.threshold > HIGH * found.usual and passed > 0
    if not (turns or low or high):
        return None
    title = (
        f"Clipping turns the gradient: the cosine with the raw one is {found.cosine:.2f}"
        if turns
        else f"The threshold {found.threshold:.2g} is {'low' if low else 'high'}: the usual norm is {found.usual:.2g}"
    )
    harms = not case.has_learned if high else is_dear(case)
    sure = found.cosine < 0.6 if turns else not LOW / 2 <= found.threshold / found.usual <= 2 * HIGH
    certainty: Certainty = "strong" if sure and not case.learned_something else "likely" if harms else "weak"
    remedy = remedies.clip_at(case.advised_threshold)
    return Finding(
        "",
        title,
        certainty,
        (
            Evidence("threshold over the usual norm", found.threshold / found.usual, "", LOW, "at least"),
            Evidence("the same, upper end", found.threshold / found.usual, "", HIGH, "at most"),
            Evidence("share of steps at which clipping fired", found.share),
            Evidence("cosine between raw and clipped gradient", found.cosine, "", TURNED, "at least"),
            Evidence("leaps of the loss behind norms that it let through", float(passed), "", 1, "below"),
        ),
        remedy if harms else why_cheap(case) + remedy,
        Where(first_step=found.first, last_step=found.last),
        "problem" if harms else "note",
    )


def _let_through(case: Case, found: Clipped) -> int:
    """Leaps of the loss within three steps of a norm above ten times the usual one."""
    spikes = np.flatnonzero(case.norms > HIGH * found.usual)
    return sum(bool(((spikes <= leap) & (spikes >= leap - 3)).any()) for leap in case.leaps)


CLIPPING_THRESHOLD = Rule(
    "clipping_threshold",
    "Is the threshold of clipping well placed?",
    "clipping",
    judge,
    "the threshold is below half the usual norm and fires at a quarter to nine tenths of the steps, or above ten times "
    "the usual norm with leaps of the loss behind what it let through, or the median cosine with the raw gradient is "
    "below 0.8; a problem where the task is not learned (and, for the first and last, the optimiser does not divide by "
    "the gradient's size anyway), else a note.",
    "half to ten times the average norm: Pascanu, Mikolov & Bengio 2013, section 3.2; the cosine is a " + MEASURED,
    "strong: by a factor of two (a cosine below 0.6), and nothing is learned; likely: a problem; weak: a note.",
)

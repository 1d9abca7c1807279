"""Clipping that always fires: the threshold, and not the gradient, sets the length of every step."""

from __future__ import annotations

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case
from gradlab.diagnosis.clipping import LOW, clipped, is_dear, why_cheap
from gradlab.diagnosis.finding import Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

ALWAYS = 0.9


def judge(case: Case) -> Finding | None:
    """A problem where it makes steps short for good, and a note otherwise."""
    found = clipped(case)
    if found is None or found.share < ALWAYS:
        return None
    certainty: Certainty = "strong" if found.coefficient < 0.1 else "likely" if found.coefficient < LOW else "weak"
    harms = is_dear(case) and found.coefficient < LOW
    remedy = remedies.clip_at(case.advised_threshold)
    if not is_dear(case):
        remedy = why_cheap(case) + remedy
    return Finding(
        "",
        f"Clipping fires at {found.share:.0%} of the steps and leaves {found.coefficient:.2g} of the gradient",
        certainty,
        (
            Evidence("share of steps at which clipping fired", found.share, "", ALWAYS, "below"),
            Evidence("median of norm after over norm before", found.coefficient, "", LOW, "at least"),
            Evidence("threshold over the usual norm", found.threshold / found.usual, "", LOW, "at least"),
        ),
        remedy,
        Where(first_step=found.first, last_step=found.last),
        "problem" if harms else "note",
    )


CLIPPING_ALWAYS = Rule(
    "clipping_always",
    "Does clipping leave the length of steps to the gradient?",
    "clipping",
    judge,
    "clipping fires at nine tenths of the steps; a problem where it leaves less than half of the usual norm, the "
    "optimiser does not divide by the gradient's size anyway, and the task is not learned; else a note.",
    "half the average norm: Pascanu, Mikolov & Bengio 2013, section 3.2; the nine tenths are a " + MEASURED,
    "strong: less than a tenth of the gradient is left; likely: less than half; weak: more.",
)

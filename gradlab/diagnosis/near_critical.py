"""Near-critical: the largest Lyapunov exponent is too close to zero to show over one sequence."""

from __future__ import annotations

import math

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case
from gradlab.diagnosis.chaotic import ERRORS, TENFOLD, largest_exponent
from gradlab.diagnosis.finding import Advice, Certainty, Evidence, Finding
from gradlab.diagnosis.rule import Rule


def judge(case: Case) -> Finding | None:
    """A note: good for memory, and a small change of the weights away from chaos."""
    found = largest_exponent(case)
    over = found.value * found.length
    if not (abs(over) < 1 or (0 < over < TENFOLD)):
        return None
    sure = math.isfinite(found.error) and ERRORS * found.error * found.length < TENFOLD
    certainty: Certainty = "strong" if sure and abs(over) < 0.5 else "likely" if sure else "weak"
    threshold = case.advised_threshold if math.isfinite(case.usual_norm) else 1.0
    return Finding(
        "",
        f"The dynamics stand at the edge of chaos: changes neither die out nor grow over {found.length} steps",
        certainty,
        (
            Evidence("largest Lyapunov exponent", found.value, "nats/step"),
            Evidence("its standard error", found.error, "nats/step"),
            Evidence("growth over the sequence", over, "nats"),
        ),
        remedies.clip_at(threshold) + Advice("It guards against the day the exponent turns positive."),
        found.where,
        "note",
    )


NEAR_CRITICAL = Rule(
    "near_critical",
    "Does the recurrence stand at the edge of chaos?",
    "exploding",
    judge,
    "the largest Lyapunov exponent, times the length of the sequence, is between −1 and 1 nat, or above that but less "
    "than tenfold growth: not yet chaos.",
    "Schoenholz et al. 2017: information survives 1/|λ| steps, here at least the whole sequence",
    "strong: within half a nat and the standard error is small beside tenfold growth; likely: the error is small; "
    "weak: the error is not known or large.",
)

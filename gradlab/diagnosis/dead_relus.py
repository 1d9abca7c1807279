"""Dead ReLUs: rectified units that are zero, whatever the net reads."""

from __future__ import annotations

from typing import Any

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, early, late, span
from gradlab.diagnosis.finding import CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule
from gradlab.diagnosis.saturated_units import TELL_THE_UNITS

MOST = 0.9
ALL = 0.99


def judge(case: Case) -> Finding | None:
    """The layer with the largest share of units at zero."""
    if case.nonlinearity == "tanh":
        return None
    table = case.need("timesteps", "saturation")
    if case.nonlinearity is None:
        raise CannotJudge("whether the units are tanh or rectified is not recorded", TELL_THE_UNITS)
    if case.has_learned:
        return None
    keys = ["module", "layer", "direction"]
    shares = late(table).groupby(keys, sort=True)["saturation"].mean()
    share = float(shares.max())
    if not share >= MOST:
        return None
    at_start = float(early(table).groupby(keys, sort=True)["saturation"].mean().max())
    certainty: Certainty = "strong" if share >= ALL else "likely" if not case.learned_something else "weak"
    place: Any = shares.idxmax()
    module, layer, direction = place
    advice = remedies.initialise(case)
    if at_start < MOST:
        advice = remedies.lower_rate(case, 10) + remedies.clip_at(1.0)
    return Finding(
        "",
        f"Rectified units are dead: {share:.0%} of their states are zero (layer {layer})",
        certainty,
        (
            Evidence("share of zeros among states", share, "", MOST, "below"),
            Evidence("the same at the first recorded step", at_start, "", MOST, "below"),
        ),
        advice,
        Where(str(module), int(layer), int(direction) or None, **span(late(table))),
    )


DEAD_RELUS = Rule(
    "dead_relus",
    "Are rectified units still alive?",
    judge,
    "nine tenths of the states are zero, over units, sequences and the last quarter of what was recorded, and the "
    "task is not learned.",
    "Maas, Hannun & Ng 2013, section 2, for the harm; the nine tenths are a " + MEASURED,
    "strong: 99 %; likely: nine tenths and nothing is learned; weak: nine tenths.",
)

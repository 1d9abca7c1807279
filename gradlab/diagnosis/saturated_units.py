"""Saturated units: most tanh units stand at ±1, where they pass on no gradient."""

from __future__ import annotations

from typing import Any

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, beginning, early, late, span
from gradlab.diagnosis.drive import CONFINED, comes_from_outside
from gradlab.diagnosis.finding import Advice, CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

HALF = 0.5
CLEAR = 0.8
TELL_THE_UNITS = Advice(
    "Tell diagnose what units they are.", {}, 'gradlab.diagnose(frames, settings={"model.nonlinearity": "tanh"})'
)


def judge(case: Case) -> Finding | None:
    """The layer with the largest share of units beyond |h| = 0.99."""
    if case.nonlinearity == "relu" or case.cell not in CONFINED | {None}:
        return None
    table = case.need("timesteps", "saturation")
    if case.nonlinearity is None:
        raise CannotJudge("whether the units are tanh or rectified is not recorded", TELL_THE_UNITS)
    if case.has_learned:
        return None
    keys = ["module", "layer", "direction"]
    shares = late(table).groupby(keys, sort=True)["saturation"].mean()
    share = float(shares.max())
    if not share >= HALF:
        return None
    starts = early(table).groupby(keys, sort=True)["saturation"].mean()
    at_start = float(starts.max())
    certainty: Certainty = "strong" if share >= CLEAR and not case.learned_something else "likely"
    if case.learned_something and share < CLEAR:
        certainty = "weak"
    place: Any = shares.idxmax()
    module, layer, direction = place
    course = table.groupby([*keys, "step"], sort=True)["saturation"].mean()[place]
    advice = remedies.lower_rate(case, 10)
    if at_start >= HALF:
        outside = comes_from_outside(case, str(module), int(layer), float(starts.get(place, 0.0)))
        advice = remedies.standardise() if outside else remedies.initialise(case)
    return Finding(
        "",
        f"Units are saturated: {share:.0%} of them stand at ±1 (layer {layer})",
        certainty,
        (
            Evidence("share of units with |h| above 0.99", share, "", HALF, "below"),
            Evidence("the same at the first recorded step", at_start, "", HALF, "below"),
        ),
        advice,
        Where(str(module), int(layer), int(direction) or None, **span(late(table)), since=beginning(course >= HALF)),
    )


SATURATED_UNITS = Rule(
    "saturated_units",
    "Do tanh units still pass on a gradient?",
    "vanishing",
    judge,
    "half of the units, over time steps and the last quarter of what was recorded, are beyond |h| = 0.99, where a tanh "
    "passes on less than 2 % of a gradient, and the task is not learned.",
    "Glorot & Bengio 2010, section 3, for the harm; the half is a " + MEASURED,
    "strong: 80 % and nothing is learned; likely: one of both; weak: neither.",
)

"""Chaotic: the largest Lyapunov exponent is above zero, so that small changes grow along the sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import RECORD, Case, beginning, early, late, span
from gradlab.diagnosis.finding import CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import Rule

TENFOLD = math.log(10)
ERRORS = 2.0
"""Standard errors that an exponent must be away from zero."""


@dataclass(frozen=True, slots=True)
class Exponent:
    """The largest exponent of the layer where it is largest, median over recorded passes."""

    value: float
    """Nats a step."""
    error: float
    """Standard error; NaN where it is not known."""
    length: int
    """Time steps of the sequence."""
    where: Where
    first: float
    """The same at the first recorded step."""


def largest_exponent(case: Case) -> Exponent:
    """From the table `lyapunov`; raises CannotJudge without it."""
    table = case.need("lyapunov", "exponent")
    leading = table[table["index"] == 0]
    rows = late(leading)
    places = rows.groupby(["module", "layer", "direction"], sort=True)[["exponent", "standard_error"]].median()
    if not places["exponent"].notna().any():
        raise CannotJudge("no exponent of the last recorded steps is a number", RECORD["lyapunov"])
    row = int(places["exponent"].to_numpy(dtype=float, na_value=-math.inf).argmax())
    value, error = (float(places[name].iloc[row]) for name in ("exponent", "standard_error"))
    place: Any = places.index[row]
    module, layer, direction = place
    times = case.need("timesteps")
    length = int(times.groupby(["step", "module", "call", "layer", "direction"], sort=False).size().max())
    course = leading.groupby(["module", "layer", "direction", "step"], sort=True)["exponent"].median()[place]
    where = Where(str(module), int(layer), int(direction) or None, **span(rows), since=beginning(course > 0))
    return Exponent(value, error, length, where, float(early(leading)["exponent"].max()))


def judge(case: Case) -> Finding | None:
    """Above zero by more than two standard errors, and tenfold over the sequence."""
    found = largest_exponent(case)
    margin = ERRORS * (found.error if math.isfinite(found.error) else 0.0)
    over = found.value * found.length
    if not (found.value > margin and over >= TENFOLD):
        return None
    if case.has_learned:
        return None
    certainty: Certainty = "weak"
    if math.isfinite(found.error) and found.value > 2 * margin and over > 2 * TENFOLD:
        certainty = "strong" if case.learned is None or case.is_at_chance else "likely"
    elif case.learned is None or case.is_at_chance:
        certainty = "likely"
    began = found.first > 0
    advice = (remedies.initialise(case) if began else remedies.lower_rate(case, 10)) + remedies.guard()
    return Finding(
        "",
        f"The dynamics are chaotic: small changes grow e^{over:.1f}-fold over a sequence of {found.length} steps",
        certainty,
        (
            Evidence("largest Lyapunov exponent", found.value, "nats/step", margin, "at most"),
            Evidence("its standard error", found.error, "nats/step"),
            Evidence("at the first recorded step", found.first, "nats/step"),
            Evidence("growth over the sequence", over, "nats", TENFOLD, "below"),
        ),
        advice,
        found.where,
        "note" if case.learned_something else "problem",
    )


CHAOTIC = Rule(
    "chaotic",
    "Do small changes of the state grow along the sequence?",
    "exploding",
    judge,
    "the largest Lyapunov exponent is above zero by more than two standard errors and makes a change grow tenfold over "
    "the sequence, over the last quarter of what was recorded, and the task is not learned; a note "
    "where some of it is.",
    "the definition of chaos, λ₁ > 0 (Sompolinsky, Crisanti & Sommers 1988); tenfold is a rule of thumb, measured on "
    "the suite",
    "strong: four standard errors and a hundredfold, and no learning that is known of; likely: the one or the other; "
    "weak: neither.",
)

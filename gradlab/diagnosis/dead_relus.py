"""Dead ReLUs: rectified units that are never active, whatever the net reads and at whatever time step."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, beginning, early, late, span
from gradlab.diagnosis.finding import Advice, CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule
from gradlab.diagnosis.saturated_units import TELL_THE_UNITS

HALF = 0.5
"""Of the units, where the net is known to have learned nothing."""
MOST = 0.9
"""Of the units, where that is not known."""
ALL = 0.99
_KEYS = ["module", "layer", "direction"]
_RECORD_ANEW = Advice("Record the run anew: which units are never active was not yet written when it ran.")


def judge(case: Case) -> Finding | None:
    """The layer with the largest share of dead units."""
    if case.nonlinearity == "tanh":
        return None
    table = case.need("timesteps", "saturation")
    if case.nonlinearity is None:
        raise CannotJudge("whether the units are tanh or rectified is not recorded", TELL_THE_UNITS)
    if case.has_learned:
        return None
    allowed = HALF if case.is_at_chance else MOST
    silent = late(table).groupby(_KEYS, sort=True)["saturation"].mean()
    # a dead unit is at zero at all times: there are never more of them than zeros
    if not silent.max() >= allowed:
        return None
    if "dead" not in table.columns or not table["dead"].notna().any():
        raise CannotJudge("the table `timesteps` has nothing in `dead`", _RECORD_ANEW)
    shares = _dead(late(table))
    share = float(shares.max())
    if not share >= allowed:
        return None
    at_start = float(_dead(early(table)).max())
    certainty: Certainty = "strong" if share >= ALL else "likely" if not case.learned_something else "weak"
    place: Any = shares.idxmax()
    module, layer, direction = place
    advice = remedies.initialise(case)
    if at_start < allowed:
        advice = remedies.lower_rate(case, 10) + remedies.clip_at(1.0)
    return Finding(
        "",
        f"Rectified units are dead: {share:.0%} of them are never active (layer {layer})",
        certainty,
        (
            Evidence("share of units that are never active in a pass, the smallest", share, "", allowed, "below"),
            Evidence("the same at the first recorded step", at_start, "", allowed, "below"),
            Evidence("share of zeros among their states", float(silent[place])),
        ),
        advice,
        Where(
            str(module), int(layer), int(direction) or None, **span(late(table)), since=_since(table, place, allowed)
        ),
    )


def _since(table: pd.DataFrame, place: tuple[Any, ...], allowed: float) -> int | None:
    """When so many units of the layer had died for good."""
    passes = table.groupby([*_KEYS, "step", "call"], sort=True)["dead"].min()
    return beginning(passes.groupby(level=[*_KEYS, "step"], sort=True).min()[place] >= allowed)


def _dead(rows: pd.DataFrame) -> pd.Series:
    """Of every layer, the share of units that no sequence woke at any time step, in the pass with the fewest.

    `dead` looks back from each time step over all before it, so that the last one tells of the whole pass.
    """
    passes = rows.groupby([*_KEYS, "step", "call"], sort=True)["dead"].min()
    return passes.groupby(level=_KEYS, sort=True).min()


DEAD_RELUS = Rule(
    "dead_relus",
    "Are rectified units still alive?",
    "vanishing",
    judge,
    "half of a layer's units (nine tenths, unless the net is known to be at chance) are at zero at every time step of "
    "every measured sequence, in each pass of the last quarter of what was recorded, and the task is not learned.",
    "Maas, Hannun & Ng 2013, section 2, for what a dead unit is and does; the shares are a " + MEASURED,
    "strong: 99 %; likely: nothing is learned, or nine tenths; weak: nine tenths, and something was learned.",
)

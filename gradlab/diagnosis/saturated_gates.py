"""Saturated gates: most units of a gate stand at one of its ends, where it passes on no gradient."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, beginning, early, late, span
from gradlab.diagnosis.drive import SIGMOID_END, TANH_END, comes_from_outside
from gradlab.diagnosis.finding import Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

HALF = 0.5
CLEAR = 0.8
_KEEPERS = {"f", "z"}
"""Gates whose upper end means to keep the state: there they may stand."""
_CANDIDATES = {"g", "n"}
"""Gates with a tanh."""


def judge(case: Case) -> Finding | None:
    """The gate with the largest share at its ends, over units, time steps and the last recorded training steps."""
    table = case.rows("gates")
    if table.empty and case.cell == "rnn":
        return None
    table = case.need("gates", "low", "high")
    if case.has_learned:
        return None
    shares = shares_at_ends(late(table))
    over = shares[shares >= HALF]
    if over.empty:
        return None
    at_start = shares_at_ends(early(table))
    place: Any = over.idxmax()
    module, layer, direction, gate = place
    certainty: Certainty = "strong" if over.max() >= CLEAR and not case.learned_something else "likely"
    if case.learned_something and over.max() < CLEAR:
        certainty = "weak"
    began = bool(at_start.max() >= HALF)
    learned = certainty == "weak" and not began
    outside = began and any(_from_outside(case, key, float(value)) for key, value in _ranked(at_start[over.index]))
    return Finding(
        "",
        f"Gates are saturated: {over.max():.0%} of the units of gate {gate} stand at its ends",
        certainty,
        (
            *(
                Evidence(f"gate {key[3]} of layer {key[1]}, share at its ends", float(value), "", HALF, "below")
                for key, value in _ranked(over)
            ),
            Evidence("largest share at the first recorded step", float(at_start.max()), "", HALF, "below"),
        ),
        remedies.standardise() if outside else remedies.initialise(case) if began else remedies.lower_rate(case, 10),
        Where(str(module), int(layer), int(direction) or None, **span(late(table)), since=_since(table, place)),
        "note" if learned else "problem",
    )


def _since(table: pd.DataFrame, place: tuple[Any, ...]) -> int | None:
    """When the gate began to stand at its ends for good."""
    rows = table
    for key, value in zip(("module", "layer", "direction", "gate"), place, strict=True):
        rows = rows[rows[key] == value]
    return beginning(
        pd.Series({step: float(shares_at_ends(part).iloc[0]) >= HALF for step, part in rows.groupby("step")})
    )


def _from_outside(case: Case, key: Any, share: float) -> bool:
    module, layer, _, gate = key
    end = TANH_END if gate in _CANDIDATES else SIGMOID_END
    return share >= HALF and comes_from_outside(case, str(module), int(layer), share, end)


def _ranked(shares: pd.Series) -> list[tuple[Any, float]]:
    return list(shares.sort_values(ascending=False).items())


def shares_at_ends(rows: pd.DataFrame) -> pd.Series:
    """Mean share of units near an end, by module, layer, direction and gate; of gates that keep, near the lower one."""
    both = rows["low"] + rows["high"].where(~rows["gate"].isin(_KEEPERS), 0.0)
    keys = [rows[name] for name in ("module", "layer", "direction", "gate")]
    return both.astype(float).groupby(keys, sort=True, observed=True).mean()


SATURATED_GATES = Rule(
    "saturated_gates",
    "Do gates still pass on a gradient?",
    "vanishing",
    judge,
    "half of a gate's units, over time steps and the last quarter of what was recorded, are within 0.01 of an end "
    "(where the slope is below 4 % of the largest), and the task is not learned; gates that keep a state may stand at "
    "their upper end.",
    "the measure: Karpathy, Johnson & Fei-Fei 2015, section 4.2; the half is a " + MEASURED,
    "strong: 80 % and nothing is learned; likely: one of both; weak: neither, and then a note where they came there by "
    "learning, as gates of well trained nets do (the same section).",
)

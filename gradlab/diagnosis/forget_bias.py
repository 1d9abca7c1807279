"""Forget bias too low: the cell of an LSTM forgets long before what the task demands."""

from __future__ import annotations

import math

import pandas as pd

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, early, late, rounded, span
from gradlab.diagnosis.finding import Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

HUNDREDFOLD = math.log(100)
LOW = 0.4
"""Mean forget gate at the start that only a negative bias gives: torch's own is 0.5."""


def judge(case: Case) -> Finding | None:
    """The memory −1/ln f of the mean forget gate, at the start and at the end, in the layer that remembers longest."""
    if case.cell not in ("lstm", "peephole_lstm", None):
        return None
    table = case.rows("gates")
    if not {"f", "i", "o"} <= set(table["gate"].unique()):
        if case.cell is None:
            return None
        table = case.need("gates", "mean")
    forget = table[table["gate"] == "f"]
    if case.has_learned:
        return None
    at_start, at_end = _mean(early(forget)), _mean(late(forget))
    kept = float(_by_layer(late(forget), "high").max())
    demand = case.demanded_lag
    reach = HUNDREDFOLD * memory(at_end)
    if demand is None:
        if at_start >= LOW or at_end >= LOW:
            return None
    elif reach >= demand or kept >= 0.05 or not (case.is_at_chance or at_start < LOW):
        return None
    certainty: Certainty = "weak"
    if demand is not None and (case.is_at_chance or case.learned is None):
        certainty = "strong" if at_start < LOW else "likely"
    needed = demand or 20
    return Finding(
        "",
        f"The forget gates forget: what a cell holds fades to 1 % within {reach:.0f} steps"
        + (f", and the task needs {demand}" if demand else ""),
        certainty,
        (
            Evidence("mean forget gate at the first recorded step", at_start, "", LOW, "at least"),
            Evidence("at the last", at_end),
            Evidence("memory −1/ln f at the end", memory(at_end), "steps"),
            Evidence("steps until 1 % is left", reach, "steps", None if demand is None else float(demand)),
        ),
        remedies.forget_bias(max(1.0, rounded(math.log(max(needed - 1, 2))))),
        Where(
            str(forget["module"].iloc[0]), **span(forget), since=int(forget["step"].min()) if at_start < LOW else None
        ),
    )


def memory(gate: float) -> float:
    """Steps until 1/e is left of what a gate of this value keeps: −1/ln f."""
    return math.inf if gate >= 1 else 0.0 if gate <= 0 else -1 / math.log(gate)


def _by_layer(rows: pd.DataFrame, quantity: str) -> pd.Series:
    return rows.groupby(["module", "layer", "direction"], sort=True)[quantity].mean()


def _mean(rows: pd.DataFrame) -> float:
    return float(_by_layer(rows, "mean").max())


FORGET_BIAS = Rule(
    "forget_bias",
    "Do the forget gates of an LSTM hold what the task needs?",
    "vanishing",
    judge,
    "what the mean forget gate keeps fades to 1 % before the demanded lag, at the start or at the end, fewer than "
    "5 % of the units hold on (f above 0.99), and the net is at chance or started with f below 0.4; without a known "
    "demand: f below 0.4 from the start to the end.",
    "Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015, section 2.2; τ = −1/ln f: Tallec & "
    "Ollivier 2018; the 0.4 is a " + MEASURED,
    "strong: f started below 0.4 and nothing is learned; likely: nothing is learned; weak: otherwise.",
)

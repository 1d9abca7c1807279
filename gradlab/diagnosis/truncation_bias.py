"""Truncation bias: the gradient is cut off so early that it is not the gradient of the loss any more."""

from __future__ import annotations

import pandas as pd

from gradlab.diagnosis.case import RECORD, Case, late, span
from gradlab.diagnosis.finding import Advice, CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import Rule

BIAS = 1.0
"""Relative bias from which on descent is not guaranteed."""


def judge(case: Case) -> Finding | None:
    """At the window in use; without the table by the demanded lag, and where neither is known not at all."""
    name = case.about.get("training.bptt.name")
    if name == "full" or (name is None and case.rows("truncation").empty):
        return None
    window = _window(case)
    if window is None:
        raise CannotJudge("which window was used is not recorded", RECORD["truncation"])
    demand = case.demanded_lag
    table = case.rows("truncation")
    if table.empty:
        if demand is None or window >= demand:
            raise CannotJudge("the table `truncation` is missing", RECORD["truncation"])
        return _short(case, window, demand)
    whole = late(table[table["parameter"] == "all"])
    by_window = whole.groupby("window", sort=True)[["relative_error", "cosine"]].median()
    known = by_window.index[by_window.index <= window]
    if not len(known):
        raise CannotJudge(f"the bias at the window of {window} steps is not recorded", RECORD["truncation"])
    error, cosine = (float(by_window.loc[known.max(), name]) for name in ("relative_error", "cosine"))
    cut = demand is not None and window < demand and not case.has_learned
    if case.has_learned or not (error >= BIAS or cosine < 0 or (cut and error >= BIAS / 2)):
        return _short(case, window, demand) if cut and case.is_at_chance and demand is not None else None
    certainty: Certainty = "strong" if (error >= BIAS or cosine < 0) and not case.learned_something else "likely"
    return Finding(
        "",
        f"Truncation after {window} steps biases the gradient: it is off by {error:.0%} of its length",
        certainty,
        (
            Evidence("relative bias ‖g_K − g‖/‖g‖", error, "", BIAS, "below"),
            Evidence("cosine with the full gradient", cosine, "", 0.0, "above"),
            Evidence("window", float(window), "steps", None if demand is None else float(demand)),
        ),
        _advice(case, by_window, window),
        Where(**span(whole)),
    )


def _short(case: Case, window: int, demand: int) -> Finding | None:
    """The window is shorter than the lag that the task demands: what happened before can never be learned."""
    if case.has_learned:
        return None
    return Finding(
        "",
        f"Truncation after {window} steps cuts off what the task demands: {demand} steps back",
        "likely" if case.is_at_chance else "weak",
        (Evidence("window", float(window), "steps", float(demand)),),
        _advice(case, pd.DataFrame(), window),
    )


def _window(case: Case) -> int | None:
    """How far back the gradient was followed: from the settings, or the last adaptive window."""
    windows = case.rows("windows")
    if not windows.empty:
        return int(windows["length"].iloc[-1])
    found = case.number("training.bptt.k2") or case.number("training.bptt.k1")
    return None if found is None else int(found)


def _advice(case: Case, by_window: pd.DataFrame, window: int) -> Advice:
    """The smallest window measured to have half the allowed bias, and at least what the task demands."""
    length = case.number("task_length")
    good = [int(one) for one in by_window.index[by_window["relative_error"] < BIAS / 2]] if len(by_window) else []
    needed = max(min(good, default=2 * window), (case.demanded_lag or 0) + 1)
    if length is not None and needed >= length:
        return Advice("Follow the gradient through the whole sequence.", {"training.bptt": {"name": "full"}})
    k1 = int(case.number("training.bptt.k1") or window)
    return Advice(
        f"Follow the gradient {needed} steps back.",
        {"training.bptt": {"name": "truncated", "k1": min(k1, needed), "k2": needed}},
        f"# detach the state {needed} steps back instead of {window}",
    )


TRUNCATION_BIAS = Rule(
    "truncation_bias",
    "Is the truncated gradient still that of the loss?",
    "truncation",
    judge,
    "at the window in use the relative bias is at least 1 or the cosine below 0 (half of that bias where the window is "
    "also shorter than the demanded lag), or, where bias is small or not measured, the window is shorter than the "
    "demanded lag and the net stays at chance; and the task is not learned.",
    "Aicher, Foti & Fox 2019, theorem 1: SGD converges for a relative bias below 1; negative cosines: Tallec & "
    "Ollivier 2017",
    "strong: the first or second, and nothing is learned; likely: some is learned, or half the bias with a window "
    "below the demanded lag, or such a window alone with a net at chance; weak: such a window alone.",
)

"""A number over several runs, in words: the median, how many, from where to where."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gradlab.store.run import RunInfo


def spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The median, and in brackets of how many runs, from the smallest to the largest; NaN is counted apart.

    Empty without values.
    """
    return " ".join(part for part in (middle(values, form), around(values, form)) if part)


def fact_values(runs: Sequence[RunInfo], name: str) -> list[float]:
    """The numbers that the runs give for a fact; runs that do not know it are left out."""
    found = [run.facts.get(name) for run in runs]
    return [float(value) for value in found if isinstance(value, int | float) and not isinstance(value, bool)]


def middle(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The median of the values that are numbers."""
    known = [value for value in values if not math.isnan(value)]
    return form(float(np.median(known))) if known else "not a number" if len(values) else ""


def around(values: Sequence[float], form: Callable[[float], str]) -> str:
    """In brackets: of how many values `middle` is the median, and how far they lie apart; empty for one."""
    known = [value for value in values if not math.isnan(value)]
    lost = f"not a number in {len(values) - len(known)}" if 0 < len(known) < len(values) else ""
    if len(known) < 2:
        return f"({lost})" if lost else ""
    low, high = form(min(known)), form(max(known))
    text = f"in each of {len(known)} runs" if low == high else f"median of {len(known)} runs, {low} to {high}"
    return f"({text}, {lost})" if lost else f"({text})"


def capital(label: str) -> str:
    """The label as the beginning of a sentence."""
    return label[:1].upper() + label[1:]

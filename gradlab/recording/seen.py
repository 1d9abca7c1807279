"""What a watched net and its optimiser show of themselves, by the keys that a study would have given them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch.optim import Optimizer

from gradlab.instrument import Layout
from gradlab.recurrence import RECURRENCES, RNN

_CELLS = {recurrence.name for recurrence in RECURRENCES}


def settings_of(layouts: Iterable[Layout]) -> dict[str, Any]:
    """Cell and nonlinearity, where all recurrent modules have the same; nothing of cells without a name here."""
    kinds = {_kind(layout) for layout in layouts}
    if len(kinds) != 1:
        return {}
    cell, nonlinearity = kinds.pop()
    return {"model.cell": cell, "model.nonlinearity": nonlinearity} if cell in _CELLS else {}


def _kind(layout: Layout) -> tuple[str, str]:
    recurrence = layout.recurrence
    return recurrence.name, recurrence.nonlinearity if isinstance(recurrence, RNN) else "tanh"


def named_optimiser(optimiser: Optimizer) -> dict[str, Any]:
    """The name of one of torch's own; of another's class the name says nothing."""
    kind = type(optimiser)
    return {"training.optimiser.name": kind.__name__.lower()} if kind.__module__.startswith("torch.optim.") else {}

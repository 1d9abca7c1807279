"""How a recorder shows itself in a notebook: recording knows no figures, so whoever can draw leaves word here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    Presenter = Callable[[Mapping[str, pd.DataFrame]], str]

_presenters: list[Presenter] = []


def present_with(presenter: Presenter) -> None:
    """From now on, recorders show what this makes of their tables, as HTML; `gradlab.notebook` calls it."""
    _presenters[:] = [presenter]


def presented(frames: Mapping[str, pd.DataFrame]) -> str | None:
    """Tables as HTML, or None where nobody has said how: then a notebook falls back to plain text."""
    return _presenters[0](frames) if _presenters else None

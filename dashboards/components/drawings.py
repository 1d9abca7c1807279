"""Figures that were drawn already, kept as long as somebody keeps the numbers that they show."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures import Figure
from gradlab.figures.theme import ThemeName


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as a page shows it; not to be changed."""

    figure: go.Figure
    title: str | None
    """Taken out of the picture, as the page's heading says it already."""
    described: str


_KEPT: dict[tuple[object, ...], tuple["weakref.ref[pd.DataFrame]", Drawing]] = {}


def drawing_of(figure: Figure, data: pd.DataFrame, theme: ThemeName, live: str, options: Mapping[str, Any]) -> Drawing:
    """Draw a figure, or find it where the very same data were drawn in the same way."""
    key = (id(data), figure.name, theme, live, repr(sorted(options.items())))
    kept = _KEPT.get(key)
    if kept is not None and kept[0]() is data:
        return kept[1]
    drawn = figure.draw(data, theme=theme, **options)
    title = drawn.layout.title.text
    drawn.update_layout(title_text=None, margin_t=16, uirevision=live or None)
    drawing = Drawing(drawn, title, figure.describe(data))
    _KEPT[key] = (weakref.ref(data, lambda _: _KEPT.pop(key, None)), drawing)
    return drawing

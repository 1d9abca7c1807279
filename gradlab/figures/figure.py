"""What every figure is: data, drawing, a title, and the sentence that says how to read it."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.theme import Theme, new_figure

_HOW_TO_READ = re.compile(r"How to read it: (.+?)(?:\n\s*\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Figure:
    """One entry of the gallery: what the dashboard, a report or a notebook needs to show a figure."""

    name: str
    title: str
    table: str
    """Table of the catalogue that it draws."""
    data: Callable[..., pd.DataFrame]
    """From the table's frame to the tidy numbers of the figure."""
    draw: Callable[..., go.Figure]
    """From those numbers to the figure."""
    call: Callable[..., go.Figure]
    """Both at once: the public function."""
    describe: Callable[[pd.DataFrame], str]
    """What the picture holds, in words: the alternative text."""

    @property
    def how_to_read(self) -> str:
        """One or two sentences, from the docstring of the public function."""
        found = _HOW_TO_READ.search(inspect.getdoc(self.call) or "")
        if found is None:
            raise AssertionError(f"figure {self.name!r} does not say how to read it")
        return " ".join(found[1].split())


def empty_figure(theme: Theme, title: str, message: str, height: int = 260) -> go.Figure:
    """A figure that says why there is nothing to see."""
    figure = new_figure(theme, title, height)
    figure.add_annotation(
        text=message,
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"size": 15, "color": theme.muted},
    )
    axis: dict[str, Any] = {"visible": False, "range": [0, 1]}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure

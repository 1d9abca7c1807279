"""What clipping the norm at any other threshold would have done to the gradients that were recorded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import with_group
from gradlab.figures.marks import upright
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD, Panel, panels_figure
from gradlab.figures.selection import require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import Theme, ThemeName, theme_named

TITLE = "Clipping the norm at other thresholds"
THRESHOLDS = 61
PANELS = (
    Panel("share", "steps it cuts"),
    Panel("left", "gradient left, mean"),
)


def thresholds_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """How often clipping the norm would fire, and what it would leave, over the threshold.

    Computed from the norms before clipping: at threshold θ a step keeps min(1, θ/‖g‖) of its gradient (Pascanu,
    Mikolov & Bengio 2013, algorithm 1). A norm of ∞ or NaN fires at every threshold and leaves nothing. The gradients
    are those that the run had; with other clipping it would have gone elsewhere after the first step.

    Args:
        frame: the table `steps`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.

    Returns:
        Columns `quantity` (`share`, of the steps at which it fires, and `left`, the mean share of the gradient that
        is left), `group`, `threshold`, `runs`, `low` (10 %), `median` and `high` (90 %) over the runs. Raises
        ValueError when columns are missing.
    """
    columns = ["quantity", "group", "threshold", "runs", *SPREAD]
    if not require(frame, ("step", "grad_norm"), "steps"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by)
    norms = frame["grad_norm"].to_numpy(dtype=float, na_value=np.nan)
    thresholds = _ladder(norms)
    rows = []
    for (group, run), own in frame.assign(grad_norm=norms).groupby(["group", "run"], observed=True):
        # in order, so that a threshold is one look-up
        ordered = np.sort(np.where(np.isnan(own["grad_norm"]), np.inf, own["grad_norm"]))
        below = np.searchsorted(ordered, thresholds, side="right")
        with np.errstate(divide="ignore"):
            inverse = np.append(np.cumsum((1 / ordered)[::-1])[::-1], 0.0)
        share = 1 - below / len(ordered)
        left = (below + thresholds * np.where(below < len(ordered), inverse[below], 0.0)) / len(ordered)
        rows.append(pd.DataFrame({"group": group, "run": run, "threshold": thresholds, "share": share, "left": left}))
    runs = pd.concat(rows, ignore_index=True)
    runs["group"] = pd.Categorical(runs["group"], categories=frame["group"].cat.categories)
    parts = []
    for name in ("share", "left"):
        part = quantiles_by(runs, ("group", "threshold"), name, SPREAD).rename(columns={"count": "runs"})
        part.insert(0, "quantity", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[columns]


def _ladder(norms: np.ndarray) -> np.ndarray:
    """Thresholds from below the smallest to above the largest norm, evenly on a log axis.

    One explosion must not hide all others: no farther than four decades from the median.
    """
    finite = norms[np.isfinite(norms) & (norms > 0)]
    low, middle, high = np.quantile(finite, (0.0, 0.5, 1.0)) if len(finite) else (0.1, 1.0, 10.0)
    low, high = max(low, middle * 1e-4), min(high, middle * 1e4)
    return np.geomspace(low * 0.9, high * 1.1, THRESHOLDS)


def thresholds_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", threshold: float | None = None
) -> go.Figure:
    """Draw what `thresholds_data` returns; `threshold` marks one."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    figure = panels_figure(data, PANELS, "threshold", look=look, title=TITLE, x_title="threshold on ‖g‖")
    span = np.log10([data["threshold"].min(), data["threshold"].max()])
    figure.update_xaxes(type="log", range=list(span), exponentformat="power", dtick=1)
    figure.update_yaxes(range=[-0.04, 1.08], tickformat=".0%", dtick=0.25)
    if threshold is not None:
        upright(figure, threshold, number_in_words(threshold), look, right=bool(np.log10(threshold) > span.mean()))
        # of an annotation on a log axis plotly wants the logarithm, of a line the value
        figure.layout.annotations[-1].x = float(np.log10(threshold))
    return figure


def thresholds(
    frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", threshold: float | None = None, **selection: Any
) -> go.Figure:
    """How often clipping the norm would fire, and how much it would leave, over the threshold, one line a group.

    How to read it: far to the left every step is cut, far to the right none; a threshold that only catches spikes
    stands where the upper line has fallen to a few per cent and the lower one is near 100 %. It is what would have
    happened to the gradients of this run, not what the run would then have learned.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        threshold: one to be marked.
        selection: groups, as in `thresholds_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return thresholds_figure(thresholds_data(frame, **selection), theme=theme, threshold=threshold)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    rows = data[data["quantity"] == "share"].astype({"group": str}).sort_values("threshold")
    words = []
    for name, own in rows.groupby("group"):
        half = float(own["threshold"].iloc[int((own["median"] - 0.5).abs().argmin())])
        words.append(f"{name}: it fires at half of the steps at {number_in_words(half)}")
    return f"{TITLE}. {'; '.join(words)}."


THRESHOLDS_FIGURE = Figure("thresholds", TITLE, "steps", thresholds_data, thresholds_figure, thresholds, describe)

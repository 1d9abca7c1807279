"""Learning curves: loss and score over training, a line a group, with its spread and the chance level."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, level, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.selection import require
from gradlab.figures.text import number_in_words, short
from gradlab.figures.theme import GROUPS_DRAWN, Theme, ThemeName, new_figure, theme_named

TITLE = "Learning curves"
SPREAD = {"low": 0.1, "median": 0.5, "high": 0.9}
BUCKETS = 200
"""Neighbouring training steps are put together until no more than this many places are left."""


def learning_curves_data(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    chance_loss: float | None = None,
    chance_score: float | None = None,
    score_name: str = "score",
) -> pd.DataFrame:
    """Median and spread over the runs of each group, over training.

    Args:
        frame: the table `steps`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        chance_loss: loss of the best guess that ignores the input.
        chance_score: score of that guess.
        score_name: what the score is called, `accuracy` for instance.

    Returns:
        Columns `panel` (`loss`, or the score's name), `group`, `step` (middle of its bucket), `runs`, `low`
        (10 %), `median`, `high` (90 %), `nonfinite` (runs with a NaN or ∞ in the bucket) and `chance`. Every
        run counts once a bucket, with its median there. Raises ValueError when columns are missing.
    """
    columns = ["panel", "group", "step", "runs", *SPREAD, "nonfinite", "chance"]
    if not require(frame, ("step", "loss"), "steps"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by)
    parts = [_panel(frame, "loss", "loss", chance_loss)]
    if "score" in frame.columns and frame["score"].notna().any():
        # a score is measured at some steps only: there, a missing one is no news
        parts.append(_panel(frame[frame["score"].notna()], "score", score_name, chance_score))
    data = pd.concat(parts, ignore_index=True)
    data["group"] = pd.Categorical(data["group"], categories=frame["group"].cat.categories)
    return data[columns]


def learning_curves_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `learning_curves_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    panels = list(dict.fromkeys(data["panel"]))
    figure = new_figure(look, TITLE, 240 + 220 * len(panels))
    names, note = groups_of(data, GROUPS_DRAWN)
    domains = [(0.0, 1.0)] if len(panels) == 1 else [(0.56, 1.0), (0.0, 0.44)]
    for number, (panel, domain) in enumerate(zip(panels, domains, strict=True), start=1):
        rows = data[data["panel"] == panel]
        suffix = "" if number == 1 else str(number)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        log = number == 1 and _spans_decades(rows)
        chance = rows["chance"].dropna().unique()
        scale = Scale.fit(rows["low"], rows["median"], rows["high"], chance, log=log)
        told = "step %{x:.0f}: %{y:.4g}"
        draw_groups(figure, _with_broken(rows), "step", scale, look, hover=told, names=names, **axes)
        for guess in chance:
            words = f"chance {number_in_words(guess)}"
            level(figure, float(guess), words, look, log=log, xaxis=f"x{suffix}", yaxis=f"y{suffix}")
        figure.layout[f"yaxis{suffix}"] = {
            **scale.axis(short(panel)),
            "domain": domain,
            "anchor": axes["xaxis"],
        }
        figure.layout[f"xaxis{suffix}"] = {"anchor": axes["yaxis"], "matches": "x" if number > 1 else None}
    figure.layout[f"xaxis{suffix}"].title = {"text": "training step" + (f" ({note})" if note else "")}
    once_in_legend(figure)
    return figure


def learning_curves(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Loss and score over training, one line a group, with the chance level.

    How to read it: each line is one run, or the median of a group's runs with a band that holds the middle 80 %
    of them; the dashed level is what a guess without looking at the input reaches. A loss that stays on that
    level has learned nothing from the sequence; marks at the upper edge are losses that became ∞ or NaN.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        selection: groups and chance levels, as in `learning_curves_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return learning_curves_figure(learning_curves_data(frame, **selection), theme=theme)


def _panel(frame: pd.DataFrame, quantity: str, panel: str, chance: float | None) -> pd.DataFrame:
    """First each run's median in its bucket of steps, then the quantiles over runs."""
    width = -(-(int(frame["step"].max()) + 1) // BUCKETS)
    values = frame[quantity].to_numpy(dtype=float, na_value=np.nan)
    frame = frame.assign(bucket=frame["step"] // width, bad=~np.isfinite(values))
    each_run = quantiles_by(frame, ("group", "run", "bucket"), quantity, {quantity: 0.5})
    bad = frame.groupby(["group", "run", "bucket"], observed=True)["bad"].any()
    each_run["bad"] = bad.reindex(pd.MultiIndex.from_frame(each_run[["group", "run", "bucket"]])).to_numpy()
    data = quantiles_by(each_run, ("group", "bucket"), quantity, SPREAD).rename(columns={"count": "runs"})
    keys = pd.MultiIndex.from_frame(data[["group", "bucket"]])
    data["step"] = frame.groupby(["group", "bucket"], observed=True)["step"].mean().reindex(keys).to_numpy()
    data["nonfinite"] = each_run.groupby(["group", "bucket"], observed=True)["bad"].sum().reindex(keys).to_numpy()
    data["panel"], data["chance"] = panel, np.nan if chance is None else float(chance)
    return data


def _spans_decades(rows: pd.DataFrame) -> bool:
    """Whether a loss is so spread out that only a log axis shows all of it (and is positive throughout)."""
    values = rows[["low", "median", "high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return len(values) > 0 and values.min() > 0 and values.max() > 30 * values.min()


def _with_broken(rows: pd.DataFrame) -> pd.DataFrame:
    """A run that broke is marked even where the median of its group still stands."""
    broken, high = rows["nonfinite"].to_numpy() > 0, rows["high"].to_numpy(dtype=float)
    return rows.assign(marked=np.where(broken, np.where(np.isfinite(high), np.nan, high), 1.0))


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    data = data.astype({"group": str})
    ends = data.sort_values("step").groupby(["panel", "group"], observed=True)["median"].last()
    rows = ends.reset_index().to_dict("records")
    words = "; ".join(f"{row['group']}: {row['panel']} ends at {row['median']:.3g}" for row in rows)
    return f"{TITLE}. {words}."


LEARNING_CURVES = Figure(
    "learning_curves", TITLE, "steps", learning_curves_data, learning_curves_figure, learning_curves, describe
)

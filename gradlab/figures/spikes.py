"""The gradient's norm over training, with its spikes and the steps at which it was no number marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.decimation import thin, thin_marks
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, edge_marks, line, once_in_legend, scatter
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.figures.selection import require
from gradlab.figures.text import count_of, number_in_words, plain, short
from gradlab.figures.theme import LineStyle, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import STEPS

TITLE = "Gradient norm over training, spikes marked"
SPIKE = 10.0
"""Times the usual norm: the upper end of the thresholds that Pascanu, Mikolov & Bengio (2013, section 3.2) try."""
WINDOW = 51
"""Training steps before a step whose median norm is the usual one there."""
PALE_POINTS = 500
"""At most so many points of each run behind the chosen one: many lines lie over each other there."""
RUNS_APART = 6
"""Of more runs than this the lines would be a tangle: each group is its median and spread, behind the chosen run."""
PLACES = 150
"""Neighbouring training steps are put together there until no more than this many places are left."""
_PALE = 0.7


def spikes_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """The gradient's norm at every training step of every run, and where it leaps.

    Args:
        frame: the table `steps`, of one or more runs.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.

    Returns:
        Columns `group`, `run`, `step`, `grad_norm`, `usual` (median of the finite norms of the 51 steps before; of
        the first few steps, of all of them), `times` (norm over the usual one; ∞ or NaN where the norm is), `spike`
        (whether that is more than ten, or no number) and `first_nonfinite`. Raises ValueError when columns are
        missing.
    """
    columns = ["group", "run", "step", "grad_norm", "usual", "times", "spike", "first_nonfinite"]
    if not require(frame, ("step", "grad_norm"), "steps"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by).sort_values(["group", "run", "step"], kind="stable", ignore_index=True)
    norms = frame["grad_norm"].to_numpy(dtype=float, na_value=np.nan)
    frame["grad_norm"] = norms
    known = pd.Series(np.where(np.isfinite(norms), norms, np.nan))
    each = known.groupby([frame["group"], frame["run"]], observed=True)
    before = each.transform(lambda own: own.rolling(WINDOW, min_periods=5).median().shift())
    frame["usual"] = before.fillna(each.transform("median")).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        frame["times"] = np.where(norms == 0, 0.0, norms / frame["usual"].to_numpy())
    # a norm that is no number has no usual one where none is finite
    frame["times"] = np.where(np.isfinite(norms), frame["times"], norms)
    frame["spike"] = ~(frame["times"].to_numpy() <= SPIKE) & ~_never_measured(frame)
    if "first_nonfinite" not in frame.columns:
        frame["first_nonfinite"] = ""
    frame["first_nonfinite"] = frame["first_nonfinite"].fillna("").astype(str)
    return frame[columns]


def _never_measured(frame: pd.DataFrame) -> np.ndarray:
    """Steps whose norm was not taken: NaN although no NaN was reported, in a run that has numbers."""
    if "loss" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    sound = np.isfinite(frame["loss"].to_numpy(dtype=float, na_value=np.nan))
    quiet = frame["first_nonfinite"].fillna("").astype(str) == "" if "first_nonfinite" in frame.columns else True
    return np.isnan(frame["grad_norm"].to_numpy()) & sound & np.asarray(quiet)


def spikes_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light", run: str | None = None) -> go.Figure:
    """Draw what `spikes_data` returns; `run` is drawn over the others, at first the one with the largest spike."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    figure = new_figure(look, TITLE, 460)
    scale = Scale.fit(data["grad_norm"], log=True)
    ranked = data.groupby("run", sort=False)["times"].max().sort_values(ascending=False, na_position="first").index
    chosen = run if run is not None and run in set(ranked) else ranked[0]
    # a norm that was not taken is no news
    measured = data[data["grad_norm"].notna() | data["spike"].astype(bool)]
    if not len(measured):
        return empty_figure(look, TITLE, "No gradient norm has been taken here yet.")
    rows = dict(iter(measured.groupby("run", sort=False, observed=True)))
    note = ""
    if len(ranked) > RUNS_APART:
        hover = "step %{x:.0f}: %{y:.3g}"
        note = draw_groups(figure, _over_runs(measured), "step", scale, look, hover=hover)
        if chosen in rows:
            ink = LineStyle(look.text, "solid", "circle")
            _draw_run(figure, rows[chosen], "the chosen run", ink, 0.0, scale, width=1.8)
    else:
        names, _ = groups_of(data, len(data))
        for each in [*(other for other in ranked if other != chosen), chosen]:
            if each not in rows:
                continue
            name = str(rows[each]["group"].iloc[0])
            place, pale = names.index(name), each != chosen
            _draw_run(figure, rows[each], name, look.style(place), place / len(names), scale, pale=pale)
    _draw_spikes(figure, measured, chosen if len(ranked) > 1 else None, scale, look)
    once_in_legend(figure)
    figure.update_xaxes(title_text="training step" + (f" ({note})" if note else ""))
    figure.update_yaxes(**scale.axis(f"gradient norm {STEPS['grad_norm'].symbol}"))
    return figure


def spikes(
    frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", run: str | None = None, **selection: Any
) -> go.Figure:
    """The gradient's norm over training, spikes marked.

    How to read it: the gradient as backward() left it, before any clipping. The chosen run stands out; the others
    are a line each, or, where there are many, a line a group with their median and a band that holds the middle
    80 % of them. A star is a spike: more than ten times the median of the 51 steps before it. Marks at the upper
    edge are norms that became ∞ or NaN: from there on the run is lost.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        run: the run that stands out; the one with the largest spike when not given.
        selection: groups, as in `spikes_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return spikes_figure(spikes_data(frame, **selection), theme=theme, run=run)


def _over_runs(data: pd.DataFrame) -> pd.DataFrame:
    """Median and spread over the runs of each group; every run counts once a place, with its median there."""
    width = -(-(int(data["step"].max()) + 1) // PLACES)
    data = data.assign(place=data["step"] // width)
    each_run = quantiles_by(data, ("group", "run", "place"), "grad_norm", {"grad_norm": 0.5}, log=True)
    over = quantiles_by(each_run, ("group", "place"), "grad_norm", SPREAD, log=True).rename(columns={"count": "runs"})
    keys = pd.MultiIndex.from_frame(over[["group", "place"]])
    here = data.groupby(["group", "place"], observed=True)
    over["step"] = here["step"].mean().reindex(keys).to_numpy()
    # one run that broke is marked, however many still stand
    worst = here["grad_norm"].agg(lambda own: own.max(skipna=False)).reindex(keys).to_numpy(dtype=float)
    over["marked"] = np.where(np.isfinite(worst), over["median"], worst)
    return over


def _draw_run(
    figure: go.Figure,
    rows: pd.DataFrame,
    name: str,
    style: LineStyle,
    lane: float,
    scale: Scale,
    *,
    width: float = 2.6,
    pale: bool = False,
) -> None:
    run = plain(rows["run"].iloc[0])
    step, norm = rows["step"].to_numpy(), rows["grad_norm"].to_numpy(dtype=float)
    x, y = thin(step, scale.drawable(norm), PALE_POINTS) if pale else (step, norm)
    drawn = line(
        x, y, scale, style, width=1.3 if pale else width, name=short(name), legendgroup=plain(name),
        opacity=_PALE if pale else 1.0,
        hovertemplate=f"{plain(name)}<br>run {run}, step %{{x}}: %{{y:.3g}}<extra></extra>",
    )  # fmt: skip
    if pale and np.isfinite(scale.drawable(norm)).sum() > 1:
        drawn.mode = "lines"
    figure.add_trace(drawn)
    figure.add_traces(edge_marks(step, norm, scale, style, f"run {run}", lane))


def _draw_spikes(figure: go.Figure, data: pd.DataFrame, chosen: str | None, scale: Scale, look: Theme) -> None:
    """A star at every spike that the axis holds; those of other runs than the chosen one stand back."""
    rows = data[
        data["spike"].to_numpy(dtype=bool) & np.isfinite(scale.drawable(data["grad_norm"].to_numpy(dtype=float)))
    ]
    if not len(rows):
        return
    rows = rows.sort_values("times", ascending=False)
    rows = rows.iloc[np.sort(thin_marks(np.arange(len(rows)), 400))]
    own = (rows["run"].astype(str) == chosen).to_numpy() if chosen is not None else np.ones(len(rows), dtype=bool)
    colours = np.where(own, look.text, look.muted)
    figure.add_trace(
        scatter(
            x=rows["step"].to_numpy(),
            y=rows["grad_norm"].to_numpy(dtype=float),
            mode="markers",
            name="spike",
            legendgroup="spike",
            legendrank=1900,
            customdata=np.column_stack((rows["times"], [plain(run) for run in rows["run"]])).astype(object),
            hovertemplate="spike in run %{customdata[1]} at step %{x}: %{y:.3g}, "
            "%{customdata[0]:.0f} times the usual<extra></extra>",
            marker={
                "symbol": "star-open", "size": np.where(own, 10, 7), "color": colours,
                "line": {"width": 1.2, "color": colours},
            },
        )
    )  # fmt: skip


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    spiked = data[data["spike"].astype(bool)]
    largest = number_in_words(spiked["times"].max(skipna=False)) if len(spiked) else "none"
    return (
        f"{TITLE}: {count_of(len(spiked), 'spike')} in {count_of(spiked['run'].nunique(), 'run')} of "
        f"{data['run'].nunique():,}; the largest, over the usual norm: {largest}."
    )


SPIKES = Figure("spikes", TITLE, "steps", spikes_data, spikes_figure, spikes, describe)

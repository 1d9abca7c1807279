"""The Jacobian of each step: its largest and smallest singular value and their mean logarithm over the sequence."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.groups import with_group
from gradlab.figures.panels import SPREAD, Panel, panels_figure, spread_over_runs, titled
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import Theme, ThemeName, theme_named
from gradlab.quantities import TIMESTEPS

TITLE = "Jacobian of each time step"
QUANTITIES = ("sigma_max", "sigma_min", "mean_log_sigma")
PANELS = tuple(Panel(name, TIMESTEPS[name].label, log=TIMESTEPS[name].log) for name in QUANTITIES)


def step_spectrum_data(
    frame: pd.DataFrame,
    *,
    step: int | None = None,
    by: Sequence[str] = (),
    module: str | None = None,
    call: int | None = None,
    layer: int | None = None,
    direction: int | None = None,
) -> pd.DataFrame:
    """Median and spread over the runs of each group, at every time step whose Jacobian was taken.

    Args:
        frame: the table `timesteps`, of one or more runs.
        step: training step; every run gives its recorded step nearest to it, its last one when not given.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.
        module: which recurrent module; the first when not given, as for the other axes.
        call: which unbroken sequence of the training step.
        layer: which layer.
        direction: 0 forward, 1 backward.

    Returns:
        Columns `quantity` (`sigma_max`, `sigma_min`, `mean_log_sigma`), `group`, `t`, `runs`, `first_step`,
        `last_step`, `low` (10 %), `median` and `high` (90 %). Raises ValueError for columns or choices that the
        frame lacks.
    """
    columns = ["quantity", "group", "t", "runs", "first_step", "last_step", *SPREAD]
    if not require(frame, ("step", "t"), "timesteps") or "sigma_max" not in frame.columns:
        return pd.DataFrame(columns=columns)
    frame = with_group(one_pass(frame, module=module, call=call, layer=layer, direction=direction), by)
    frame = at_step(frame, step)
    # Jacobians are taken at some time steps only: NaN is news where a run of the group has a number
    measured = frame["sigma_max"].notna().groupby([frame["group"], frame["t"]], observed=True).transform("any")
    frame = frame[measured]
    if not len(frame):
        return pd.DataFrame(columns=columns)
    return spread_over_runs(frame, "t", {name: TIMESTEPS[name].log for name in QUANTITIES})


def step_spectrum_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `step_spectrum_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No Jacobian has been recorded here yet.")
    return panels_figure(data, PANELS, "t", look=look, title=titled(TITLE, data), x_title="time step t")


def step_spectrum(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Largest and smallest singular value and mean logarithm of all, of each step's Jacobian, one line a group.

    How to read it: each line is the median of a group's runs, its band the middle 80 % of them. A step whose
    σ_max is below 1 shrinks every gradient that passes it; σ_min says what the worst direction loses; the mean
    of all ln σ is the change of volume, below 0 where most directions are forgotten.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        selection: what to look at, as in `step_spectrum_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return step_spectrum_figure(step_spectrum_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    rows = data[data["quantity"] == "sigma_max"].astype({"group": str})
    words = "; ".join(
        f"{name}: σ_max from {number_in_words(group.min())} to {number_in_words(group.max())}"
        for name, group in rows.groupby("group")["median"]
    )
    return f"{TITLE}. {words}."


STEP_SPECTRUM = Figure(
    "step_spectrum", TITLE, "timesteps", step_spectrum_data, step_spectrum_figure, step_spectrum, describe
)

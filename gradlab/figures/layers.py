"""Where in time and layer a gradient grows: gradient, Jacobian and state of every layer of one run at one step."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.panels import SPREAD, Panel, panels_figure, spread_over_runs, titled
from gradlab.figures.selection import at_step, one_pass, require
from gradlab.figures.text import number_in_words
from gradlab.figures.theme import Theme, ThemeName, theme_named
from gradlab.quantities import TIMESTEPS

TITLE = "Where in time and layer"
QUANTITIES = ("grad_h", "sigma_max", "state_norm")
PANELS = tuple(Panel(name, TIMESTEPS[name].label, log=True) for name in QUANTITIES)


def layers_data(
    frame: pd.DataFrame, *, run: str | None = None, step: int | None = None, call: int | None = None
) -> pd.DataFrame:
    """Gradient norm, largest singular value of the Jacobian and norm of the state, by time step and layer.

    Args:
        frame: the table `timesteps`, of one or more runs.
        run: which run; the first when not given.
        step: training step, the recorded one nearest to it; the last when not given.
        call: which unbroken sequence of the training step; the first when not given.

    Returns:
        Columns `quantity` (`grad_h`, `sigma_max`, `state_norm`, those that were recorded), `group` (module, layer
        and direction), `t`, `runs`, `first_step`, `last_step`, `low`, `median` and `high`, the last three alike.
        Raises ValueError for columns or choices that the frame lacks.
    """
    columns = ["quantity", "group", "t", "runs", "first_step", "last_step", *SPREAD]
    if not require(frame, ("step", "t", "grad_h"), "timesteps"):
        return pd.DataFrame(columns=columns)
    frame = one_pass(frame, run=run, call=call)
    frame = at_step(frame if "run" in frame.columns else frame.assign(run="this run"), step)
    frame["group"] = _places(frame)
    parts = []
    for name in QUANTITIES:
        if name in frame.columns and (name == "grad_h" or frame[name].notna().any()):
            # Jacobians are taken at some time steps only
            rows = frame if name == "grad_h" else frame[frame[name].notna()]
            parts.append(spread_over_runs(rows, "t", {name: True}))
    return pd.concat(parts, ignore_index=True)[columns]


def _places(frame: pd.DataFrame) -> Any:
    """`layer 0`, with the module where there are several, and `backward` for that direction; in their order."""
    axes = [axis for axis in ("module", "layer", "direction") if axis in frame.columns]
    if not axes:
        return pd.Categorical(["layer 0"] * len(frame))
    several = "module" in axes and frame["module"].nunique() > 1
    codes, keys = frame.groupby(axes, observed=True, sort=True).ngroup().to_numpy(), []
    for _, first in frame.groupby(axes, observed=True, sort=True)[axes].first().iterrows():
        words = f"{first['module']}, " if several else ""
        words += f"layer {first['layer']}" if "layer" in axes else "layer 0"
        keys.append(words + (", backward" if "direction" in axes and first["direction"] == 1 else ""))
    return pd.Categorical(np.array(keys, dtype=object)[codes], categories=list(dict.fromkeys(keys)))


def layers_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `layers_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No gradient has been recorded here yet.")
    return panels_figure(data, PANELS, "t", look=look, title=titled(TITLE, data), x_title="time step t")


def layers(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """Gradient, largest singular value of each step's Jacobian and state, by time step, one line a layer.

    How to read it: the gradient comes in at the right and travels to the left; where its line rises to the left it
    grows, and the layer whose line rises first is where the explosion begins. Below, σ_max above 1 says that a step
    can stretch a gradient there, and the state's norm shows whether the forward pass grows too.

    Args:
        frame: the table `timesteps`.
        theme: `light` or `dark`.
        selection: what to look at, as in `layers_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return layers_figure(layers_data(frame, **selection), theme=theme)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    rows = data[data["quantity"] == "grad_h"] if len(data) else data
    if not len(rows):
        return f"{TITLE}: nothing recorded yet."
    words = []
    for name, own in rows.astype({"group": str}).sort_values("t").groupby("group"):
        first, last = own["median"].iloc[0], own["median"].iloc[-1]
        words.append(f"{name}: gradient {number_in_words(last)} at the end, {number_in_words(first)} at the start")
    return f"{TITLE}. {'; '.join(words)}."


LAYERS = Figure("layers", TITLE, "timesteps", layers_data, layers_figure, layers, describe)

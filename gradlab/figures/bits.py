"""Loss of a language model in bits per character over training, against predictors that need no net."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.comparison import comparison_data
from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.marks import level
from gradlab.figures.panels import SPREAD, Panel, panels_figure
from gradlab.figures.selection import require
from gradlab.figures.text import number_in_words, plain
from gradlab.figures.theme import Theme, ThemeName, theme_named

TITLE = "Bits per character over training"
PANELS = (
    Panel("score_loss", "held-out loss [bits/character]"),
    Panel("loss", "training loss [bits/character]"),
)


def bits_data(frame: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Median and spread over the runs of each group, of held-out and training loss, from nats to bits.

    Args:
        frame: the table `steps` of runs whose loss is nats per character.
        by: columns (settings such as `model.cell`) whose values make a group; all runs together when empty.

    Returns:
        Columns `quantity` (`loss`, and `score_loss` where it was measured), `group`, `step` (middle of its bucket),
        `runs`, `low` (10 %), `median` and `high` (90 %). Raises ValueError when columns are missing.
    """
    columns = ["quantity", "group", "step", "runs", *SPREAD]
    if not require(frame, ("step", "loss"), "steps"):
        return pd.DataFrame(columns=columns)
    parts = [comparison_data(frame, quantity=name, by=by) for name in ("loss", "score_loss") if name in frame.columns]
    parts = [part for part in parts if len(part)]
    data = pd.concat(parts, ignore_index=True)
    data["group"] = pd.Categorical(data["group"].astype(str), categories=parts[0]["group"].cat.categories)
    data[list(SPREAD)] /= math.log(2)
    return data[columns]


def bits_figure(
    data: pd.DataFrame, *, theme: ThemeName | Theme = "light", baselines: Mapping[str, float] | None = None
) -> go.Figure:
    """Draw what `bits_data` returns; `baselines` are levels in bits by name."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    figure = panels_figure(data, PANELS, "step", look=look, title=TITLE, x_title="training step")
    for number in range(data["quantity"].nunique()):
        suffix = "" if number == 0 else str(number + 1)
        low, high = figure.layout[f"yaxis{suffix}"].range
        for name, bits in (baselines or {}).items():
            if low - (high - low) < bits < high + (high - low):
                low, high = min(low, bits - 0.05 * (high - low)), max(high, bits + 0.12 * (high - low))
                words = f"{plain(name)} {number_in_words(bits)}"
                level(figure, bits, words, look, log=False, xaxis=f"x{suffix}", yaxis=f"y{suffix}")
        figure.layout[f"yaxis{suffix}"].range = (low, high)
    return figure


def bits(
    frame: pd.DataFrame,
    *,
    theme: ThemeName | Theme = "light",
    baselines: Mapping[str, float] | None = None,
    **selection: Any,
) -> go.Figure:
    """Held-out and training loss in bits per character, one line a group, with levels that need no net.

    How to read it: so many bits the net needs on average to say which character comes next; one bit less halves its
    doubt. The dashed levels are predictors that know only how often characters, or pairs of them, occur: a net above
    the pairs has not yet learned to look further back than one character.

    Args:
        frame: the table `steps` of runs whose loss is nats per character.
        theme: `light` or `dark`.
        baselines: levels in bits by name, such as `{"pairs of characters": 3.4}`.
        selection: groups, as in `bits_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return bits_figure(bits_data(frame, **selection), theme=theme, baselines=baselines)


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    ends = data.astype({"group": str}).sort_values("step").groupby(["quantity", "group"]).tail(1).to_dict("records")
    words = "; ".join(f"{row['group']}, {row['quantity']}: ends at {number_in_words(row['median'])}" for row in ends)
    return f"{TITLE}. {words}."


BITS = Figure("bits", TITLE, "steps", bits_data, bits_figure, bits, describe)

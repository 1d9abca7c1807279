"""Small multiples: one quantity over training, a panel a value of one setting, a line a group, axes shared."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradlab.figures.figure import Figure, empty_figure
from gradlab.figures.group_lines import draw_groups
from gradlab.figures.groups import groups_of, with_group
from gradlab.figures.marks import Scale, once_in_legend
from gradlab.figures.order import quantiles_by
from gradlab.figures.panels import SPREAD
from gradlab.figures.selection import require
from gradlab.figures.text import count_of, formula, number_in_words, short
from gradlab.figures.theme import GROUPS_DRAWN, Theme, ThemeName, new_figure, theme_named
from gradlab.quantities import STEPS, Quantity

TITLE = "Runs compared over training"
PANELS_DRAWN = 12
BUCKETS = 150


def comparison_data(
    frame: pd.DataFrame, *, quantity: str = "loss", by: Sequence[str] = (), across: str = ""
) -> pd.DataFrame:
    """Median and spread over the runs of each group, in each panel.

    Args:
        frame: the table `steps`, of one or more runs, of one or more studies.
        quantity: `loss`, `score`, `grad_norm` or another column of the table.
        by: columns (settings such as `model.cell`, or `study`) whose values make a line; all runs together when
            empty.
        across: column whose values make a panel; one panel when empty.

    Returns:
        Columns `quantity`, `panel`, `group`, `step` (middle of its bucket), `runs`, `low` (10 %), `median`, `high`
        (90 %). Every run counts once a bucket, with its median there. Raises ValueError when columns are missing.
    """
    columns = ["quantity", "panel", "group", "step", "runs", *SPREAD]
    if not require(frame, ("step", quantity), "steps"):
        return pd.DataFrame(columns=columns)
    frame = with_group(frame, by)
    panels = with_group(frame, (across,))["group"] if across else pd.Categorical(["all runs"] * len(frame))
    frame = frame.assign(panel=panels)
    if quantity in ("score", "score_loss"):
        # measured at some steps only: there, a missing one is no news
        frame = frame[frame[quantity].notna()]
        if not len(frame):
            return pd.DataFrame(columns=columns)
    width = -(-(int(frame["step"].max()) + 1) // BUCKETS)
    frame = frame.assign(bucket=frame["step"] // width)
    log = STEPS[quantity].log
    each = quantiles_by(frame, ("panel", "group", "run", "bucket"), quantity, {quantity: 0.5}, log=log)
    data = quantiles_by(each, ("panel", "group", "bucket"), quantity, SPREAD, log=log).rename(columns={"count": "runs"})
    keys = pd.MultiIndex.from_frame(data[["panel", "group", "bucket"]])
    data["step"] = frame.groupby(["panel", "group", "bucket"], observed=True)["step"].mean().reindex(keys).to_numpy()
    data["quantity"] = quantity
    return data[columns]


def comparison_figure(data: pd.DataFrame, *, theme: ThemeName | Theme = "light") -> go.Figure:
    """Draw what `comparison_data` returns."""
    look = theme_named(theme)
    if not len(data):
        return empty_figure(look, TITLE, "No training step has been recorded here yet.")
    quantity = STEPS[str(data["quantity"].iloc[0])]
    panels = [name for name in data["panel"].cat.categories if name in set(data["panel"])][:PANELS_DRAWN]
    names, note = groups_of(data, GROUPS_DRAWN)
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    figure = new_figure(look, TITLE, 130 + 280 * down if down > 1 else 440)
    values = [data[name] for name in SPREAD]
    log = quantity.log or _spans_decades(data)
    scale = Scale.fit(*values, log=log)
    for number, panel in enumerate(panels):
        axes = _axes(figure, number, across, down, scale, _title(quantity))
        rows = data[data["panel"] == panel]
        draw_groups(figure, rows, "step", scale, look, hover="step %{x:.0f}: %{y:.4g}", names=names, **axes)
        if len(panels) > 1:
            figure.add_annotation(
                text=short(panel, 30), showarrow=False, xref=f"{axes['xaxis']} domain", yref=f"{axes['yaxis']} domain",
                x=0.5, y=1, yanchor="bottom", xanchor="center", font={"size": 14},
            )  # fmt: skip
    if len(panels) > 1:
        figure.update_layout(legend_y=1 + 30 / (figure.layout.height - 130))
    words = "training step" + (f" ({note})" if note else "")
    more = data["panel"].nunique() - len(panels)
    words += f"; {count_of(more, 'further panel')} in the table" if more > 0 else ""
    for number in range(max(0, len(panels) - across), len(panels)):
        figure.layout[f"xaxis{number + 1 if number else ''}"].title = {
            "text": words if number == len(panels) - 1 else ""
        }
    once_in_legend(figure)
    return figure


def comparison(frame: pd.DataFrame, *, theme: ThemeName | Theme = "light", **selection: Any) -> go.Figure:
    """One quantity over training in small multiples that share their axes, one line a group.

    How to read it: every panel holds the runs with one value of a setting, every line the median of a group's runs,
    its band the middle 80 % of them over seeds. All panels have the same axes, so heights can be compared across
    them; where two bands do not touch, the difference is larger than what the seeds do.

    Args:
        frame: the table `steps`.
        theme: `light` or `dark`.
        selection: quantity, lines and panels, as in `comparison_data`.

    Returns:
        A plotly figure; with a message in it where nothing was recorded.
    """
    return comparison_figure(comparison_data(frame, **selection), theme=theme)


def _title(quantity: Quantity) -> str:
    """The catalogue's label, in words as well where it is a mere letter."""
    label = formula(quantity.label)
    return label if len(quantity.symbol) > 2 else f"{quantity.name.replace('_', ' ')} {label}"


def _spans_decades(data: pd.DataFrame) -> bool:
    """Whether values are so spread out that only a log axis shows all of them (and are positive throughout)."""
    values = data[list(SPREAD)].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return len(values) > 0 and values.min() > 0 and values.max() > 30 * values.min()


def _axes(figure: go.Figure, number: int, across: int, down: int, scale: Scale, label: str) -> dict[str, str]:
    """Lay out one panel; every one has the axes of the first."""
    row, column = divmod(number, across)
    gap, lift = 0.035, 0.14 if down > 1 else 0.0
    width, height = (1 - gap * (across - 1)) / across, (1 - lift * (down - 1)) / down
    suffix = str(number + 1) if number else ""
    left, top = column * (width + gap), 1 - row * (height + lift)
    axis = scale.axis(label if column == 0 else "")
    figure.layout[f"yaxis{suffix}"] = {
        **axis, "domain": (max(top - height, 0), top), "anchor": f"x{suffix}", "matches": "y" if number else None,
        "showticklabels": column == 0,
    }  # fmt: skip
    figure.layout[f"xaxis{suffix}"] = {
        "domain": (left, min(left + width, 1)), "anchor": f"y{suffix}", "matches": "x" if number else None, "nticks": 5,
    }  # fmt: skip
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def describe(data: pd.DataFrame) -> str:
    """What the picture holds, for readers who cannot see it."""
    if not len(data):
        return f"{TITLE}: nothing recorded yet."
    ends = data.astype({"group": str, "panel": str}).sort_values("step").groupby(["panel", "group"]).tail(1)
    words = [f"{row['panel']}, {row['group']}: {number_in_words(row['median'])}" for row in ends.to_dict("records")]
    return f"{TITLE}: {data['quantity'].iloc[0]} at the end. {'; '.join(words[:40])}."


COMPARISON = Figure("comparison", TITLE, "steps", comparison_data, comparison_figure, comparison, describe)

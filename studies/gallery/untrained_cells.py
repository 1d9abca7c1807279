"""How far back does the gradient of an untrained RNN, LSTM or GRU reach?

Each line is the gradient that arrives so many steps back, as a share of the largest one, with torch's own first
weights. All three fall straight on the logarithmic axis: they vanish. Gates alone do not help before training.

Source: Hochreiter 1991; Bengio, Simard & Frasconi 1994; torch's U(−1/√H, 1/√H).
"""

import pandas as pd
import plotly.graph_objects as go
import torch
from torch import nn

import gradlab

STEPS, UNITS, FEATURES = 60, 64, 8


def measured() -> pd.DataFrame:
    """The table `timesteps` of three cells with three seeds each."""
    parts = []
    for seed in range(3):
        torch.manual_seed(seed)
        inputs, readout = torch.randn(STEPS, 8, FEATURES), torch.randn(UNITS)
        for cell in (nn.RNN, nn.LSTM, nn.GRU):
            net = cell(FEATURES, UNITS)
            found = gradlab.analyse(net, inputs, lambda out: (out[0][-1] @ readout).sum(), jacobian_times=0, tables=())  # noqa: B023
            parts.append(found.frame("timesteps").assign(run=f"{cell.__name__}{seed}", cell=cell.__name__))
    return pd.concat(parts, ignore_index=True)


def figure(theme: str = "light") -> go.Figure:
    """A line a cell, its band over the seeds."""
    data = gradlab.figures.gradient_by_lag_data(measured(), by=["cell"])
    reach = data[data["median"] >= 0.01].groupby("group", observed=True)["lag"].max()
    words = ", ".join(f"{cell} {lag}" for cell, lag in reach.items())
    drawn = gradlab.figures.gradient_by_lag_figure(data, theme=theme)
    return drawn.update_layout(title_text=f"Before training no cell's gradient reaches far (steps back: {words})")


if __name__ == "__main__":
    figure().write_html("untrained_cells.html")

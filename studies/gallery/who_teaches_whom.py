"""Which loss teaches which step?

An LSTM as torch makes it, with a loss at each of its 60 time steps. Each row is the gradient that one of these losses
sends in, and how much of it is left at earlier steps. `.grad` of the weights is the sum of all of it. Far from the
diagonal there is next to nothing: every loss teaches the few steps before it, and the long way back exists on paper.

Source: Pascanu, Mikolov & Bengio 2013, equations 3 to 5: the gradient of one summand of the loss.
"""

import plotly.graph_objects as go
import torch

import gradlab

STEPS = 60


def figure(theme: str = "light") -> go.Figure:
    """The share of each loss's gradient at each step before it."""
    torch.manual_seed(0)
    net = torch.nn.LSTM(4, 32)
    analysis = gradlab.analyse(
        net, torch.randn(STEPS, 16, 4), lambda out: out[0].square().mean(), tables=["teaching"], jacobian_sequences=8
    )
    data = gradlab.figures.who_teaches_whom_data(analysis.frame("teaching"))
    arrives = data[data["log_share"].to_numpy() >= torch.tensor(0.01).log().item()]
    farthest = int((arrives["source"] - arrives["t"]).max())
    drawn = gradlab.figures.who_teaches_whom_figure(data, theme=theme)
    return drawn.update_layout(
        title_text=f"No loss of an untrained LSTM teaches more than the {farthest} steps before it"
    )


if __name__ == "__main__":
    figure().write_html("who_teaches_whom.html")

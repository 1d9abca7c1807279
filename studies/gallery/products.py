"""What becomes of the singular values of a long product of Jacobians?

A driven random tanh net. Solid: ln σ of J_T ⋯ J_{T−lag+1}, the largest, the median and the smallest one. Dotted: the
Lyapunov exponents of the same directions, times the lag. Each singular value falls at the rate of its own exponent,
so that after some dozens of steps only a few directions carry any gradient.

Source: Oseledets 1968; Engelken, Wolf & Abbott 2023.
"""

import plotly.graph_objects as go
import torch

import gradlab
from gradlab.figures import Curve, chart

UNITS, STEPS, GAIN = 32, 120, 1.3


def figure(theme: str = "light") -> go.Figure:
    """Three singular values over the lag, and their exponents."""
    torch.manual_seed(0)
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, GAIN / UNITS**0.5)
        net.weight_ih_l0.copy_(0.5 * torch.eye(UNITS))
    net(torch.randn(STEPS, 1, UNITS, dtype=torch.float64))[0].sum().backward()
    jacobians = net.recording.jacobians()[:, 0]
    exponents = gradlab.dynamics.lyapunov_spectrum(jacobians).exponents
    lags = [1, *range(10, STEPS + 1, 10)]
    logs = gradlab.dynamics.log_singular_values_by_lag(jacobians, lags)
    places = {"largest": 0, "median": UNITS // 2, "smallest": UNITS - 1}
    measured = [Curve(f"{name} ln σ", lags, logs[:, place]) for name, place in places.items()]
    theory = [
        Curve(f"{name} exponent × lag", lags, [lag * float(exponents[place]) for lag in lags], "theory", like=one.name)
        for (name, place), one in zip(places.items(), measured, strict=True)
    ]
    return chart(
        [*measured, *theory],
        title="Every singular value of a long product falls at the rate of its own Lyapunov exponent",
        x="lag (steps back)",
        y="ln σ of the product [nats]",
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("products.html")

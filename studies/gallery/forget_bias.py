"""How long does an LSTM remember at a given forget bias?

Marks: the number of steps back after which ∂L/∂c_t has fallen by a factor e, medians over three nets with torch's
other weights, and bars from the least to the most. Dotted: 1/ln(1 + e^−b), the memory of a gate that sees nothing but
its bias: longer by almost a factor e with every unit. With torch's bias of 0 the cell's gradient is kept for a step
and a half. Nets above theory are those whose cells pass the gradient on to each other.

Source: Jozefowicz, Zaremba & Sutskever 2015; Tallec & Ollivier 2018.
"""

import numpy as np
import plotly.graph_objects as go
import torch

import gradlab
from gradlab.dynamics import e_folding_lag, memory_of_bias
from gradlab.figures import Curve, chart

UNITS, STEPS, NETS = 16, 160, 3
BIASES = np.arange(0.0, 3.1, 0.5)


def memory(bias: float, seed: int) -> float:
    """Steps in which the gradient of the cell state falls by a factor e, median over the batch."""
    torch.manual_seed(seed)
    net = gradlab.nn.LSTM(8, UNITS, dtype=torch.float64)
    with torch.no_grad():
        net.bias_ih_l0[UNITS : 2 * UNITS], net.bias_hh_l0[UNITS : 2 * UNITS] = bias, 0.0
    _, (_, cell) = net(torch.randn(STEPS, 4, 8, dtype=torch.float64))
    (cell[0] @ torch.randn(UNITS, dtype=torch.float64)).sum().backward()
    norms = net.recording.grad_c.norm(dim=-1).flip(0)
    return float(e_folding_lag(norms.log()).median())


def figure(theme: str = "light") -> go.Figure:
    """Measurement and theory over the bias."""
    found = np.array([[memory(bias, seed) for bias in BIASES] for seed in range(NETS)])
    fine = np.linspace(BIASES[0], BIASES[-1], 60)
    return chart(
        [
            Curve("measured", BIASES, np.median(found, axis=0), "points", found.min(axis=0), found.max(axis=0)),
            Curve("1/ln(1 + e^−b)", fine, memory_of_bias(fine), "theory"),
        ],
        title="An LSTM remembers at least as long as its forget bias says",
        x="forget bias b",
        y="memory (steps)",
        log_y=True,
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("forget_bias.html")

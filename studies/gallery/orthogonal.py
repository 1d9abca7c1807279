"""What do orthogonal weights do for the gradient that Gaussian ones of the same size do not?

Singular values of the product of 20 Jacobians of untrained tanh nets with small input, as a histogram of ln σ.
Gaussian weights of gain 1 spread them over many nats: a few directions survive, most are lost. Orthogonal weights
hold all of them near 0, where a gradient neither grows nor shrinks.

Source: Saxe, McClelland & Ganguli 2014; Henaff, Szlam & LeCun 2016.
"""

import numpy as np
import plotly.graph_objects as go
import torch
from torch import nn

import gradlab
from gradlab.figures import Curve, chart

UNITS, STEPS, NETS = 48, 20, 3


def logs(orthogonal: bool, seed: int) -> np.ndarray:
    """Logarithms ln σ of one net's product, `units`."""
    torch.manual_seed(seed)
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        nn.init.orthogonal_(net.weight_hh_l0) if orthogonal else net.weight_hh_l0.normal_(0, UNITS**-0.5)
        net.weight_ih_l0.copy_(0.1 * torch.eye(UNITS))
    net(torch.randn(STEPS, 1, UNITS, dtype=torch.float64))[0].sum().backward()
    return gradlab.dynamics.log_singular_values_of_product(net.recording.jacobians()[:, 0]).numpy()


def figure(theme: str = "light") -> go.Figure:
    """One histogram a kind of weights."""
    found = {
        name: np.concatenate([logs(name == "orthogonal", seed) for seed in range(NETS)])
        for name in ("orthogonal", "Gaussian")
    }
    edges = np.histogram_bin_edges(np.concatenate(list(found.values())), 60)
    curves = [
        Curve(f"{name}: standard deviation {values.std():.1f} nats", (edges[1:] + edges[:-1]) / 2,
              np.histogram(values, edges)[0] / len(values), "outline")
        for name, values in found.items()
    ]  # fmt: skip
    return chart(
        curves,
        title="After twenty steps orthogonal weights still carry every direction, Gaussian ones a few",
        x="ln σ of the product of 20 Jacobians [nats]",
        y="share of the singular values",
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("orthogonal.html")

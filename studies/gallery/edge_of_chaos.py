"""At which recurrent gain does a random tanh net become chaotic, and what has its input to do with it?

Marks are the largest Lyapunov exponent of nets of 128 units, dotted lines ½ ln χ of an infinitely wide one. Below the
dashed zero gradients vanish, above it they explode. Strong input saturates the units, and moves the crossing from a
gain little above 1 to almost 2.

Source: Sompolinsky, Crisanti & Sommers 1988; Schoenholz et al. 2017; Chen, Pennington & Schoenholz 2018.
"""

import numpy as np
import plotly.graph_objects as go
import torch

import gradlab
from gradlab.dynamics import critical_sigma_w, exponent_line, lyapunov_spectrum
from gradlab.figures import Curve, chart

UNITS, STEPS, TRANSIENT = 128, 200, 50
GAINS = np.arange(0.5, 3.01, 0.25)
VARIANCES = {"weak input": 0.05, "strong input": 1.0}


def exponent(gain: float, variance: float) -> float:
    """λ₁ in nats a step of one net under Gaussian input that adds so much variance to every pre-activation."""
    torch.manual_seed(round(100 * gain))
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, gain / UNITS**0.5)
        net.weight_ih_l0.copy_(variance**0.5 * torch.eye(UNITS))
    net(torch.randn(STEPS, 1, UNITS, dtype=torch.float64))[0].sum().backward()
    return float(lyapunov_spectrum(net.recording.jacobians(dense=False), 1, transient=TRANSIENT).exponents)


def figure(theme: str = "light") -> go.Figure:
    """Exponents over the gain, with theory."""
    curves = []
    for name, variance in VARIANCES.items():
        curves.append(Curve(name, GAINS, [exponent(gain, variance) for gain in GAINS], "points"))
        curves.append(Curve(f"½ ln χ, {name}", GAINS, exponent_line(GAINS, variance), "theory", like=name))
    weak, strong = (critical_sigma_w(variance) for variance in VARIANCES.values())
    return chart(
        curves,
        title=f"Input holds a net in order: chaos begins at gain {strong:.2f} instead of {weak:.2f}",
        x="recurrent gain σ_w",
        y="largest Lyapunov exponent [nats/step]",
        levels={"edge of chaos": 0.0},
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("edge_of_chaos.html")

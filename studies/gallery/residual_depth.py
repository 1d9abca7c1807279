"""How deep can a gradient go down a plain stack of layers, and how deep down a residual one?

Root mean square of the singular values of the product of all Jacobians between a layer and the top of an untrained
stack of 100 tanh layers, 48 units each, with weights of the size that `nn.Linear` starts with. The plain stack
multiplies, and loses the gradient by the same factor at every layer. The residual one adds, x + tanh(W x): its
gradient grows, mostly in the lowest layers, whose units are not saturated yet.

Source: He et al. 2016; Yang & Schoenholz 2017.
"""

import plotly.graph_objects as go
import torch

from gradlab.dynamics import log_singular_values_by_lag
from gradlab.figures import Curve, chart
from gradlab.figures.text import number_in_words

UNITS, LAYERS, GAIN = 48, 100, 3**-0.5


def jacobians(keep: float, generator: torch.Generator) -> torch.Tensor:
    """∂x_l/∂x_{l−1} of every layer x_l = keep · x_{l−1} + tanh(W_l x_{l−1}), `layer units units`."""
    x, found = torch.randn(UNITS, generator=generator, dtype=torch.float64), []
    for _ in range(LAYERS):
        weight = GAIN / UNITS**0.5 * torch.randn(UNITS, UNITS, generator=generator, dtype=torch.float64)
        inner = torch.tanh(weight @ x)
        x = keep * x + inner
        found.append(keep * torch.eye(UNITS) + (1 - inner**2).unsqueeze(1) * weight)
    return torch.stack(found)


def figure(theme: str = "light") -> go.Figure:
    """Both stacks over the number of layers."""
    depths = [1, *range(20, LAYERS + 1, 20)]
    curves = []
    for name, keep in (("residual", 1.0), ("plain", 0.0)):
        logs = log_singular_values_by_lag(jacobians(keep, torch.Generator().manual_seed(0)), depths)
        curves.append(Curve(name, depths, (2 * logs).exp().mean(-1).sqrt()))
    residual, plain = (float(curve.y[-1]) for curve in curves)
    left = number_in_words(plain)
    return chart(
        curves,
        title=f"{LAYERS} plain layers leave {left} of the gradient, residual ones make it {residual:.0f}-fold",
        x="layers that the gradient has passed",
        y="size of the gradient, relative",
        log_y=True,
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("residual_depth.html")

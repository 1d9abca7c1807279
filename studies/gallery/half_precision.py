"""When does number format alone kill a vanishing gradient?

The same backward sweep through the Jacobians of one tanh net in three formats. All three fall alike at first. float16
has no number below 6·10⁻⁸ and is exactly zero from then on (triangles at the lower edge); bfloat16 has the range of
float32 and goes on, at three digits. A loss scaled by 1,024 would move the end of float16 back by some twenty steps,
ln 1,024 over the rate of the fall.

Source: Micikevicius et al. 2018, mixed precision training; IEEE 754.
"""

import plotly.graph_objects as go
import torch

import gradlab
from gradlab.figures import Curve, chart

UNITS, STEPS = 64, 120
FORMATS = {"float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


def norms(jacobians: torch.Tensor, start: torch.Tensor, kind: torch.dtype) -> list[float]:
    """‖∂L/∂h‖ by lag, swept back in one number format."""
    gradient, found = start.to(kind), []
    for jacobian in jacobians.flip(0):
        gradient = jacobian.to(kind).mT @ gradient
        found.append(float(gradient.double().norm()))
    return found


def figure(theme: str = "light") -> go.Figure:
    """A line a format."""
    torch.manual_seed(0)
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, 1 / UNITS**0.5)
        net.weight_ih_l0.copy_(0.5 * torch.eye(UNITS))
    net(torch.randn(STEPS, 1, UNITS, dtype=torch.float64))[0].sum().backward()
    jacobians, start = net.recording.jacobians()[:, 0], torch.randn(UNITS, dtype=torch.float64) / UNITS**0.5
    found = {name: norms(jacobians, start, kind) for name, kind in FORMATS.items()}
    lags = list(range(1, STEPS + 1))
    end = next(lag for lag, norm in zip(lags, found["float16"], strict=True) if norm == 0)
    return chart(
        [Curve(name, lags, values) for name, values in found.items()],
        title=f"In float16 this gradient is exactly zero after {end} steps; in bfloat16 it lives on",
        x="lag (steps back)",
        y="‖∂L/∂h‖",
        log_y=True,
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("half_precision.html")

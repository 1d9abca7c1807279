"""Does PyTorch show the gradient at every time step?

The loss looks at the last output only. What `out.retain_grad()` keeps is the direct part of the gradient, which is
zero at every other step; through the recurrence it is there at all of them, and that is what teaches the weights.

Source: pytorch issues 1407 and 8938, where people ask for it; backpropagation through time, Werbos 1990.
"""

import plotly.graph_objects as go
import torch

import gradlab
from gradlab.figures import Curve, chart

STEPS = 40


def figure(theme: str = "light") -> go.Figure:
    """Both norms over time, medians over a batch."""
    torch.manual_seed(0)
    net = gradlab.nn.LSTM(4, 32)
    output, _ = net(torch.randn(STEPS, 16, 4))
    output.retain_grad()
    output[-1].square().mean().backward()
    direct = output.grad.norm(dim=-1).median(dim=1).values
    through_all_paths = net.recording.grad_h.norm(dim=-1).median(dim=1).values
    shown = int((direct > 0).sum())
    return chart(
        [
            Curve("through all paths (gradlab)", range(STEPS), through_all_paths),
            Curve("out.retain_grad()", range(STEPS), direct, "points"),
        ],
        title=f"retain_grad() shows the gradient at {shown} of {STEPS} time steps; it is there at all of them",
        x="time step t",
        y="‖∂L/∂h_t‖",
        log_y=True,
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("retain_grad.html")

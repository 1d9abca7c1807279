"""What does a cliff look like, and what does clipping save?

A net of one unit, x_t = w σ(x_{t−1}) + b for 50 steps from ½, is to end at 0.7. Where two of its fixed points meet,
the loss jumps. A step of plain gradient descent from the foot of that wall lands far away; the clipped one stays.

Source: Pascanu, Mikolov & Bengio 2013, figure 6.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

import gradlab
from gradlab.training.clipping import NormClipping
from gradlab.training.measuring.cliff import cliff_columns

STEPS, RATE, TARGET = 50, 0.02, 0.7


def loss(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared distance of σ(x_50) from the target, elementwise."""
    x = torch.full_like(w, 0.5)
    for _ in range(STEPS):
        x = w * torch.sigmoid(x) + b
    return (torch.sigmoid(x) - TARGET).square()


def wall() -> tuple[float, float, float]:
    """Where on a grid the gradient is largest: w, b and the norm."""
    w, b = torch.meshgrid(torch.linspace(4, 7, 81), torch.linspace(-4, -2, 81), indexing="ij")
    w, b = w.double().requires_grad_(), b.double().requires_grad_()
    norms = torch.stack(torch.autograd.grad(loss(w, b).sum(), (w, b))).norm(dim=0)
    place = int(norms.argmax())
    return w.flatten()[place].item(), b.flatten()[place].item(), norms.max().item()


def figure(theme: str = "light") -> go.Figure:
    """The loss along both steps, and on the plane of both weights."""
    parameters = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in wall()[:2]]
    loss(*parameters).backward()
    raw = [-RATE * parameter.grad for parameter in parameters]
    norm = NormClipping(threshold=5.0).start()(parameters).norm_before
    clipped = [-RATE * parameter.grad for parameter in parameters]
    columns = cliff_columns(
        parameters, raw, clipped, lambda: loss(*parameters), points=25, reach=18.0,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    frame = pd.DataFrame({name: np.ma.filled(column, np.nan) for name, column in columns.items()}).assign(step=0)
    whole = frame[frame["fraction"] == 1].set_index("path")["loss"]
    ends = f"the raw step ends at loss {whole['raw']:.2f}, the clipped one at {whole['clipped']:.2f}"
    title = f"At the wall ‖g‖ = {norm:.0f}: {ends}"
    return gradlab.figures.cliff(frame, theme=theme).update_layout(title_text=title)


if __name__ == "__main__":
    figure().write_html("cliff.html")

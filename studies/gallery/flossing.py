"""Can one push Lyapunov exponents to zero before training?

A tanh net whose first weights are too small: all its exponents are far below zero. Gradient flossing minimises the
mean square of the three leading ones by gradient descent through the QR decompositions that measure them. They rise
to zero; the ones that nobody asked for stay below.

Source: Engelken 2023, Gradient flossing.
"""

import plotly.graph_objects as go
import torch

from gradlab.dynamics import gradient_flossing, lyapunov_spectrum
from gradlab.figures import Curve, chart

UNITS, STEPS, FLOSSED, UPDATES, EVERY = 20, 40, 3, 50, 5


def jacobians(weight: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """J_t = diag(1 − h_t²) W along a driven sequence, `time units units`."""
    state, found = torch.zeros(UNITS, dtype=weight.dtype), []
    for drive in inputs:
        state = torch.tanh(weight @ state + drive)
        found.append((1 - state**2).unsqueeze(1) * weight)
    return torch.stack(found)


def figure(theme: str = "light") -> go.Figure:
    """Exponents over the updates, measured on input that flossing has not seen."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(UNITS, UNITS, generator=generator, dtype=torch.float64) * 0.6 / UNITS**0.5
    weight.requires_grad_()
    fresh = 0.3 * torch.randn(300, UNITS, generator=generator, dtype=torch.float64)
    optimiser = torch.optim.Adam([weight], lr=0.03)
    updates, found = [], []
    for update in range(UPDATES + 1):
        if update % EVERY == 0:
            with torch.no_grad():
                found.append(lyapunov_spectrum(jacobians(weight, fresh), transient=20).exponents)
            updates.append(update)
        inputs = 0.3 * torch.randn(STEPS, UNITS, generator=generator, dtype=torch.float64)
        optimiser.zero_grad()
        gradient_flossing(jacobians(weight, inputs), FLOSSED, transient=10).backward()
        optimiser.step()
    exponents = torch.stack(found)
    return chart(
        [Curve(f"exponent {place + 1}", updates, exponents[:, place]) for place in (0, FLOSSED - 1, 2 * FLOSSED - 1)],
        title=f"{UPDATES} updates of gradient flossing bring the {FLOSSED} leading exponents to zero",
        x="update",
        y="Lyapunov exponent [nats/step]",
        levels={"gradient neither grows nor shrinks": 0.0},
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("flossing.html")

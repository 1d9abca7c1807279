"""How wrong is a gradient that is cut off after K steps?

Random tanh nets whose loss looks at the last state. Marks: the relative error of the gradient of all weights, if
backpropagation stops K steps before the end; medians over nets. Dotted: exp(λ₁K) with the measured Lyapunov exponent,
laid through the smallest window. The bias falls as fast as the gradient vanishes, and no faster.

Source: Williams & Peng 1990; Aicher, Foti & Fox 2019.
"""

import numpy as np
import plotly.graph_objects as go
import torch

import gradlab
from gradlab.figures import Curve, chart

UNITS, STEPS, NETS = 64, 80, 5
WINDOWS = (2, 5, 10, 15, 20, 25, 30, 35, 40)


def errors(gain: float, seed: int) -> tuple[list[float], float]:
    """‖g_K − g‖/‖g‖ at every window, and λ₁, of one net."""
    torch.manual_seed(seed)
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, gain / UNITS**0.5)
        net.weight_ih_l0.copy_(0.5 * torch.eye(UNITS))
    inputs, readout = torch.randn(STEPS, 4, UNITS, dtype=torch.float64), torch.randn(UNITS, dtype=torch.float64)

    def gradient(window: int) -> torch.Tensor:
        with torch.no_grad():
            start = net(inputs[: STEPS - window])[1] if window < STEPS else None
        value = (net(inputs[STEPS - window :], start)[0][-1] @ readout).sum()
        return torch.cat([part.flatten() for part in torch.autograd.grad(value, list(net.parameters()))])

    full = gradient(STEPS)
    found = [float((gradient(window) - full).norm() / full.norm()) for window in WINDOWS]
    net(inputs)[0].sum().backward()
    jacobians = net.recording.jacobians(dense=False)
    return found, float(gradlab.dynamics.lyapunov_spectrum(jacobians, 1, transient=10).exponents.mean())


def figure(theme: str = "light") -> go.Figure:
    """Two gains, each with its prediction."""
    curves = []
    for gain in (1.0, 1.3):
        found, exponents = zip(*(errors(gain, seed) for seed in range(NETS)), strict=True)
        middle, rate = np.median(found, axis=0), float(np.median(exponents))
        name = f"gain {gain:g}, λ₁ = {rate:.2f}"
        curves.append(Curve(name, WINDOWS, middle, "points", np.min(found, axis=0), np.max(found, axis=0)))
        line = middle[0] * np.exp(rate * (np.array(WINDOWS) - WINDOWS[0]))
        curves.append(Curve(f"∝ exp(λ₁K), gain {gain:g}", WINDOWS, line, "theory", like=name))
    title = "The error of a truncated gradient falls as exp(λ₁K): as slowly as the gradient vanishes"
    return chart(curves, title=title, x="window K (steps)", y="relative error of the gradient", log_y=True, theme=theme)


if __name__ == "__main__":
    figure().write_html("truncation.html")

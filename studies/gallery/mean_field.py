"""Does the gradient of random tanh nets grow and vanish as mean-field theory says?

Nets h_t = tanh(W h_{t−1} + s x_t), W_ij ~ N(0, σ_w²/N), under independent Gaussian input that adds the variance s² =
0.25 to every pre-activation; the loss is a random direction of the last state. Above, growth per step over σ_w: marks
are measured, the line is ½ ln χ of an infinitely wide net. Below, their difference, and what theory expects of it at
this width.

Source: Schoenholz et al. 2017, eqs. 3 to 8; Chen, Pennington & Schoenholz 2018.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from torch import nn

import gradlab
from gradlab import figures

INJECTED_VARIANCE = 0.25
SIGMAS = tuple(float(sigma) for sigma in np.arange(0.5, 3.01, 0.25))


def gradients(units: int, sigma_w: float, seed: int, steps: int) -> pd.DataFrame:
    """The table `timesteps` of one net; its gradient is the median over the sequences."""
    generator = torch.Generator().manual_seed(1000 * seed + round(100 * sigma_w))
    net = nn.RNN(units, units, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, sigma_w / units**0.5, generator=generator)
        net.weight_ih_l0.copy_(INJECTED_VARIANCE**0.5 * torch.eye(units))
    inputs = torch.randn(steps, 16, units, generator=generator, dtype=torch.float64)
    readout = torch.randn(units, generator=generator, dtype=torch.float64)
    found = gradlab.analyse(net, inputs, lambda output: (output[0][-1] @ readout).sum(), jacobian_times=0, tables=())
    names = {"run": f"{units}-{sigma_w:g}-{seed}", "sigma_w": sigma_w, "seed": seed, "units": units}
    return found.frames()["timesteps"].assign(**names)


def sweep(seeds: dict[int, Iterable[int]], sigmas: Sequence[float] = SIGMAS, steps: int = 300) -> pd.DataFrame:
    """All nets; `seeds` says for every number of units which random numbers to take."""
    return pd.concat(
        [gradients(units, sigma, seed, steps) for units in seeds for sigma in sigmas for seed in seeds[units]],
        ignore_index=True,
    )


def figure(theme: str = "light") -> go.Figure:
    """Eleven nets of 128 units; `sweep({256: range(4), 512: range(2)})` measures more, for minutes."""
    measured = sweep({128: range(1)}, steps=120)
    drawn = figures.mean_field(measured, injected_variance=INJECTED_VARIANCE, by=["units"], theme=theme)
    return drawn.update_layout(title_text="Gradients of random nets vanish and explode at the rate that theory gives")


if __name__ == "__main__":
    figure().write_html("mean_field.html")

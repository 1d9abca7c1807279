"""Does the gradient of random tanh nets grow and vanish as mean-field theory says? One figure over σ_w.

Random nets h_t = tanh(W h_{t−1} + s x_t), W_ij ~ N(0, σ_w²/N), driven by independent Gaussian input x_t that adds
the variance s² = 0.25 to every pre-activation, and a loss that is a random direction of the last state. Run it with
`python studies/gallery/mean_field.py`, about three minutes on one core; it writes mean_field.html.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

import gradlab
from gradlab import figures

INJECTED_VARIANCE = 0.25
SIGMAS = tuple(float(sigma) for sigma in np.arange(0.5, 3.01, 0.25))
STEPS, SEQUENCES = 300, 16


def random_net(units: int, sigma_w: float, generator: torch.Generator) -> nn.RNN:
    """A tanh RNN with Gaussian weights and no bias, in float64."""
    net = nn.RNN(units, units, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, sigma_w / units**0.5, generator=generator)
        net.weight_ih_l0.copy_(INJECTED_VARIANCE**0.5 * torch.eye(units))
    return net


def gradients(units: int, sigma_w: float, seed: int, steps: int = STEPS) -> pd.DataFrame:
    """The table `timesteps` of one net; its gradient is the median over the sequences."""
    generator = torch.Generator().manual_seed(1000 * seed + round(100 * sigma_w))
    net = random_net(units, sigma_w, generator)
    inputs = torch.randn(steps, SEQUENCES, units, generator=generator, dtype=torch.float64)
    readout = torch.randn(units, generator=generator, dtype=torch.float64)
    found = gradlab.analyse(net, inputs, lambda output: (output[0][-1] @ readout).sum(), jacobian_times=0, tables=())
    names = {"run": f"{units}-{sigma_w:g}-{seed}", "sigma_w": sigma_w, "seed": seed, "units": units}
    return found.frames()["timesteps"].assign(**names)


def sweep(seeds: dict[int, Iterable[int]], sigmas: Sequence[float] = SIGMAS, steps: int = STEPS) -> pd.DataFrame:
    """All nets; `seeds` says for every number of units which random numbers to take."""
    return pd.concat(
        [gradients(units, sigma, seed, steps) for units in seeds for sigma in sigmas for seed in seeds[units]],
        ignore_index=True,
    )


if __name__ == "__main__":
    measured = sweep({256: range(4), 512: range(2)})
    figures.mean_field(measured, injected_variance=INJECTED_VARIANCE, by=["units"]).write_html("mean_field.html")

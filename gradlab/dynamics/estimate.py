"""Which mean field a given model lives in: effective σ_w and injected variance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.dynamics.mean_field import ActivationName, MeanField
from gradlab.dynamics.spectra import singular_values, spectral_radius


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the mean field needs to know of a plain recurrent layer, and what it does not see."""

    states: int
    sigma_w: float
    """Root of N times the mean square of the recurrent weights: ‖W‖_F/√N."""
    injected_variance: float
    """Mean square, over units, times and sequences, of what inputs and biases add to a pre-activation."""
    spectral_norm: float
    """σ_max(W): 2 σ_w for Gaussian weights."""
    spectral_radius: float
    """ρ(W): σ_w for Gaussian weights. Far from both, the mean field does not speak of such weights."""

    def mean_field(self, activation: ActivationName = "tanh") -> MeanField:
        """The mean field with these parameters."""
        return MeanField(self.sigma_w, self.injected_variance, activation)


@torch.no_grad()
def estimate_mean_field(
    weight_hh: Tensor, weight_ih: Tensor | None = None, inputs: Tensor | None = None, *biases: Tensor
) -> Estimate:
    """Effective σ_w and injected variance of a plain recurrent layer.

    For torch's default initialisation U(±1/√H) and inputs of unit variance: σ_w² = 1/3, s² = (I + 2)/(3H).

    Args:
        weight_hh: recurrent weights, `hidden hidden`.
        weight_ih: input weights, `hidden feature`; with `inputs`.
        inputs: `... feature`, as they come into the layer, over as many times and sequences as there are.
        biases: `hidden` each; torch has two, and their sum counts.

    Raises ValueError for shapes that do not fit.
    """
    hidden = weight_hh.shape[-1]
    if weight_hh.shape != (hidden, hidden):
        raise ValueError(
            f"expected recurrent weights `hidden hidden`, one gate at a time, got {tuple(weight_hh.shape)}"
        )
    if (weight_ih is None) != (inputs is None):
        raise ValueError("expected input weights and inputs together, got only one of them")
    injected = torch.zeros(hidden, dtype=torch.float64, device=weight_hh.device)
    for bias in biases:
        if bias.shape != (hidden,):
            raise ValueError(f"expected biases of shape {(hidden,)}, got {tuple(bias.shape)}")
        injected = injected + bias.double()
    if weight_ih is not None and inputs is not None:
        if weight_ih.shape != (hidden, inputs.shape[-1]):
            expected = (hidden, inputs.shape[-1])
            raise ValueError(f"expected input weights of shape {expected}, got {tuple(weight_ih.shape)}")
        injected = inputs.double() @ weight_ih.double().mT + injected
    recurrent = weight_hh.double()
    return Estimate(
        states=hidden,
        sigma_w=float((recurrent.square().mean() * hidden).sqrt()),
        injected_variance=float(injected.square().mean()),
        spectral_norm=float(singular_values(recurrent)[..., 0]),
        spectral_radius=float(spectral_radius(recurrent)),
    )

"""What a claim can be compared with besides constants and measurements: numbers that theory gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gradlab.settings import Settings


class Theory(Settings):
    """Mean-field theory of a random recurrent net, h_t = φ(W h_{t−1} + x_t) with W_ij ~ N(0, σ_w²/N), N → ∞.

    Source: Schoenholz, Gilmer, Ganguli & Sohl-Dickstein (2017), eqs. 3 to 8.
    """

    name: Literal["mean_field_exponent", "mean_field_variance"]
    """`mean_field_exponent`: ½ ln χ, the largest Lyapunov exponent in nats a step; `mean_field_variance`: q, the
    variance of the pre-activations."""
    sigma_w: Annotated[float, Field(ge=0, le=1e6)]
    """Standard deviation of the recurrent weights times √N."""
    injected_variance: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """Variance that inputs and biases add to each pre-activation."""
    activation: Literal["tanh", "relu", "erf", "linear"] = "tanh"
    """Of the recurrent units."""


def prediction(theory: Theory) -> float:
    """The number."""
    from gradlab.dynamics.mean_field import MeanField

    field = MeanField(theory.sigma_w, theory.injected_variance, theory.activation)
    return float(field.exponent if theory.name == "mean_field_exponent" else field.variance)

"""Can a gradient grow first and vanish in the end?

The linear recurrence with W = [[0.9, 5], [0, 0.9]]. Both eigenvalues are 0.9, yet σ_max is above 5, because the
matrix is far from normal. The product of its Jacobians grows for nine steps, then falls by the eigenvalue at every
step. A norm that is measured over ten steps would say that this net explodes.

Source: Trefethen & Embree 2005; Pascanu, Mikolov & Bengio 2013, section 2.1.
"""

import math

import plotly.graph_objects as go
import torch

from gradlab import dynamics
from gradlab.figures import Curve, chart

WEIGHT = torch.tensor([[0.9, 5.0], [0.0, 0.9]], dtype=torch.float64)
STEPS = 200


def figure(theme: str = "light") -> go.Figure:
    """σ_max of the product over the lag, the bound, and the rate in the end."""
    lags = [*range(1, 30), *range(30, STEPS + 1, 5)]
    logs = dynamics.log_singular_values_by_lag(WEIGHT.expand(STEPS, 2, 2), lags)[:, 0]
    sigma, radius = float(dynamics.singular_values(WEIGHT)[0]), float(dynamics.spectral_radius(WEIGHT))
    peak = int(logs.argmax())
    allowed = [lag for lag in lags if lag * math.log(sigma) < 6]
    return chart(
        [
            Curve("σ_max of the product", lags, logs.exp()),
            Curve("bound σ_max(W)^lag", allowed, [sigma**lag for lag in allowed], "theory"),
            Curve("ρ(W)^lag", lags, [radius**lag for lag in lags], "theory", like="σ_max of the product"),
        ],
        title=f"A gradient that grows {logs[peak].exp():.0f}-fold in {lags[peak]} steps, and vanishes all the same",
        x="lag (steps back)",
        y="σ_max of the product of Jacobians",
        log_y=True,
        levels={"neither grows nor shrinks": 1.0},
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("transient_growth.html")

"""What do the recurrent weights alone say about an explosion?

A tanh net of gain 1 whose weights have σ_max near 2. Uppermost the bound lag · ln σ_max(W): it allows the gradient to
grow without end. With the slopes of tanh along the sequence known, the sum of ln σ_max(J_t) allows less. Lowest what
the product of the Jacobians really does: it shrinks, because no direction is stretched most at every step.

Source: Pascanu, Mikolov & Bengio 2013, section 2.1: σ_max > 1 is necessary for an explosion, not sufficient.
"""

import plotly.graph_objects as go
import torch

import gradlab
from gradlab import dynamics
from gradlab.figures import Curve, chart

UNITS, STEPS = 48, 50


def figure(theme: str = "light") -> go.Figure:
    """Two bounds and the truth over the lag."""
    torch.manual_seed(0)
    net = gradlab.nn.RNN(UNITS, UNITS, bias=False, dtype=torch.float64)
    with torch.no_grad():
        net.weight_hh_l0.normal_(0, 1 / UNITS**0.5)
        net.weight_ih_l0.copy_(0.5 * torch.eye(UNITS))
    net(torch.randn(STEPS, 1, UNITS, dtype=torch.float64))[0].sum().backward()
    jacobians = net.recording.jacobians()[:, 0]
    sigma = float(dynamics.singular_values(net.weight_hh_l0.detach())[0])
    lags = [1, *range(5, STEPS + 1, 5)]
    stepwise = dynamics.log_bound_from_steps(dynamics.singular_values(jacobians)[:, 0].numpy())
    return chart(
        [
            Curve("bound by the weights", lags, dynamics.log_gradient_bound(sigma, lags), "theory"),
            Curve("bound by every step's σ_max", lags, stepwise[[lag - 1 for lag in lags]]),
            Curve("ln σ_max of the product", lags, dynamics.log_singular_values_by_lag(jacobians, lags)[:, 0]),
        ],
        title=f"σ_max(W) = {sigma:.2f} allows an explosion, and the gradient vanishes",
        x="lag (steps back)",
        y="ln σ_max [nats]",
        levels={"neither grows nor shrinks": 0.0},
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("weights_bound.html")

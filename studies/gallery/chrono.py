"""Which memories do the units of an untrained LSTM have?

Each unit's memory, measured from its forget gate along a sequence, from the shortest to the longest. With torch's
first weights all units forget within about a step and a half. Chrono initialisation draws the biases so that memories
are spread over all lengths up to the one that the task asks for; dotted, what it promises.

Source: Tallec & Ollivier 2018, eq. 16.
"""

import numpy as np
import plotly.graph_objects as go
import torch

import gradlab
from gradlab.dynamics import chrono_memory_quantile, measured_memory
from gradlab.figures import Curve, chart
from gradlab.models.initialisers import Chrono, Default, Initialiser, Surroundings

UNITS, STEPS, LONGEST = 128, 200, 100.0


def memories(initialiser: Initialiser) -> np.ndarray:
    """Steps, of every unit, ascending."""
    torch.manual_seed(0)
    net, inputs = gradlab.nn.LSTM(4, UNITS), torch.randn(STEPS, 4, 4)
    initialiser.apply(net, Surroundings(nonlinearity="tanh", length=STEPS, inputs=lambda: inputs))
    net(inputs)[0].sum().backward()
    gates = net.recording.layer().gates["f"].detach()
    return np.sort(measured_memory(gates.flatten(0, 1).numpy()))


def figure(theme: str = "light") -> go.Figure:
    """Both initialisers over the share of the units."""
    share = (np.arange(UNITS) + 0.5) / UNITS
    return chart(
        [
            Curve("chrono", share, memories(Chrono(longest=int(LONGEST)))),
            Curve("torch's weights", share, memories(Default())),
            Curve(f"1/ln(1 + 1/u), u from U[1, {LONGEST - 1:g}]", share, chrono_memory_quantile(share, LONGEST),
                  "theory", like="chrono"),
        ],
        title=f"Chrono initialisation spreads an LSTM's memories over 1 to {LONGEST:g} steps",
        x="share of the units with a shorter memory",
        y="memory of the forget gate (steps)",
        log_y=True,
        theme=theme,
    )  # fmt: skip


if __name__ == "__main__":
    figure().write_html("chrono.html")

"""Which law do the singular values of random layers follow?

Outlines: measured histograms of the singular values of one, two and three random 300 × 300 layers in a row. Dotted:
the limit for wide layers, Marchenko–Pastur for one and Fuss–Catalan for more. With every layer the largest value
grows a little, and ever more mass moves to zero: the mean square stays 1, and yet most directions are lost.

Source: Marchenko & Pastur 1967; Penson & Życzkowski 2011.
"""

import numpy as np
import plotly.graph_objects as go
import torch

from gradlab.dynamics import (
    fuss_catalan_density,
    fuss_catalan_edge,
    marchenko_pastur_density,
    singular_values,
)
from gradlab.figures import Curve, chart

UNITS, BINS = 300, 30


def figure(theme: str = "light") -> go.Figure:
    """A histogram and a density for each number of layers."""
    curves = []
    for layers in (1, 2, 3):
        generator = torch.Generator().manual_seed(layers)
        weights = torch.randn(layers, UNITS, UNITS, generator=generator, dtype=torch.float64) / UNITS**0.5
        product = weights[0] if layers == 1 else torch.linalg.multi_dot(list(weights))
        values = singular_values(product).numpy()
        edges = np.linspace(0, fuss_catalan_edge(3), BINS + 1)
        heights = np.histogram(values, edges)[0] / (np.diff(edges) * len(values))
        name = f"{layers} layer" + ("s" if layers > 1 else "")
        curves.append(Curve(name, (edges[1:] + edges[:-1]) / 2, heights, "outline"))
        s, density = fuss_catalan_density(layers)
        if layers == 1:
            s, density = np.linspace(0.01, 2, 200), marchenko_pastur_density(np.linspace(0.01, 2, 200))
        seen = density < 3
        curves.append(Curve(f"theory, {name}", s[seen], density[seen], "theory", like=name))
    return chart(
        curves,
        title="Random layers lose most directions, as Marchenko–Pastur and Fuss–Catalan say",
        x="singular value σ of the product",
        y="density",
        theme=theme,
    )


if __name__ == "__main__":
    figure().write_html("random_matrices.html")

"""Plotly figures from the tidy tables, for notebooks, reports and the dashboard: a line in `FIGURES` each.

Every figure is two functions, `*_data(frame)` for the numbers and `*_figure(data)` for the drawing, and a
third that calls both.
"""

from gradlab.figures.clipping import CLIPPING, clipping, clipping_data, clipping_figure
from gradlab.figures.clipping_share import (
    CLIPPING_SHARE,
    clipping_share,
    clipping_share_data,
    clipping_share_figure,
)
from gradlab.figures.figure import Figure
from gradlab.figures.gradient_flow import (
    GRADIENT_FLOW,
    gradient_flow,
    gradient_flow_data,
    gradient_flow_figure,
)
from gradlab.figures.gradient_profile import (
    GRADIENT_PROFILE,
    gradient_profile,
    gradient_profile_data,
    gradient_profile_figure,
)
from gradlab.figures.learning_curves import (
    LEARNING_CURVES,
    learning_curves,
    learning_curves_data,
    learning_curves_figure,
)

FIGURES: tuple[Figure, ...] = (GRADIENT_FLOW, GRADIENT_PROFILE, LEARNING_CURVES, CLIPPING, CLIPPING_SHARE)

__all__ = [
    "FIGURES",
    "Figure",
    "clipping",
    "clipping_data",
    "clipping_figure",
    "clipping_share",
    "clipping_share_data",
    "clipping_share_figure",
    "gradient_flow",
    "gradient_flow_data",
    "gradient_flow_figure",
    "gradient_profile",
    "gradient_profile_data",
    "gradient_profile_figure",
    "learning_curves",
    "learning_curves_data",
    "learning_curves_figure",
]

"""Plotly figures from the tidy tables, for notebooks, reports and the dashboard: a line in `FIGURES` each.

Every figure is two functions, `*_data(frame)` for the numbers and `*_figure(data)` for the drawing, and a
third that calls both.
"""

from gradlab.figures.bits import BITS, bits, bits_data, bits_figure
from gradlab.figures.chart import Curve, chart
from gradlab.figures.cliff import CLIFF_FIGURE, cliff, cliff_data, cliff_figure
from gradlab.figures.clipping import CLIPPING, clipping, clipping_data, clipping_figure
from gradlab.figures.clipping_share import (
    CLIPPING_SHARE,
    clipping_share,
    clipping_share_data,
    clipping_share_figure,
)
from gradlab.figures.comparison import COMPARISON, comparison, comparison_data, comparison_figure
from gradlab.figures.figure import Figure
from gradlab.figures.gradient_by_lag import (
    GRADIENT_BY_LAG,
    gradient_by_lag,
    gradient_by_lag_data,
    gradient_by_lag_figure,
)
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
from gradlab.figures.horizon import HORIZON, horizon, horizon_data, horizon_figure
from gradlab.figures.images import write_image
from gradlab.figures.lags import LAGS_FIGURE, lags, lags_data, lags_figure
from gradlab.figures.layers import LAYERS, layers, layers_data, layers_figure
from gradlab.figures.learning_curves import (
    LEARNING_CURVES,
    learning_curves,
    learning_curves_data,
    learning_curves_figure,
)
from gradlab.figures.lyapunov import LYAPUNOV_FIGURE, lyapunov, lyapunov_data, lyapunov_figure
from gradlab.figures.mean_field import MEAN_FIELD, mean_field, mean_field_data, mean_field_figure
from gradlab.figures.recurrent_weights import (
    RECURRENT_WEIGHTS,
    recurrent_weights,
    recurrent_weights_data,
    recurrent_weights_figure,
)
from gradlab.figures.spectrum_fan import (
    SPECTRUM_FAN,
    spectrum_fan,
    spectrum_fan_data,
    spectrum_fan_figure,
)
from gradlab.figures.spectrum_histogram import (
    SPECTRUM_HISTOGRAM,
    spectrum_histogram,
    spectrum_histogram_data,
    spectrum_histogram_figure,
)
from gradlab.figures.spikes import SPIKES, spikes, spikes_data, spikes_figure
from gradlab.figures.step_spectrum import (
    STEP_SPECTRUM,
    step_spectrum,
    step_spectrum_data,
    step_spectrum_figure,
)
from gradlab.figures.strategies import STRATEGIES, strategies, strategies_data, strategies_figure
from gradlab.figures.thresholds import THRESHOLDS_FIGURE, thresholds, thresholds_data, thresholds_figure
from gradlab.figures.truncation import TRUNCATION_FIGURE, truncation, truncation_data, truncation_figure
from gradlab.figures.who_teaches_whom import (
    WHO_TEACHES_WHOM,
    who_teaches_whom,
    who_teaches_whom_data,
    who_teaches_whom_figure,
)

FIGURES: tuple[Figure, ...] = (
    GRADIENT_FLOW,
    GRADIENT_PROFILE,
    GRADIENT_BY_LAG,
    HORIZON,
    WHO_TEACHES_WHOM,
    LEARNING_CURVES,
    CLIPPING,
    CLIPPING_SHARE,
    LAGS_FIGURE,
    LYAPUNOV_FIGURE,
    STEP_SPECTRUM,
    SPECTRUM_FAN,
    SPECTRUM_HISTOGRAM,
    SPIKES,
    LAYERS,
    RECURRENT_WEIGHTS,
    COMPARISON,
    TRUNCATION_FIGURE,
    BITS,
    THRESHOLDS_FIGURE,
    STRATEGIES,
    CLIFF_FIGURE,
    MEAN_FIELD,
)

__all__ = [
    "FIGURES",
    "Curve",
    "Figure",
    "bits",
    "bits_data",
    "bits_figure",
    "chart",
    "cliff",
    "cliff_data",
    "cliff_figure",
    "clipping",
    "clipping_data",
    "clipping_figure",
    "clipping_share",
    "clipping_share_data",
    "clipping_share_figure",
    "comparison",
    "comparison_data",
    "comparison_figure",
    "gradient_by_lag",
    "gradient_by_lag_data",
    "gradient_by_lag_figure",
    "gradient_flow",
    "gradient_flow_data",
    "gradient_flow_figure",
    "gradient_profile",
    "gradient_profile_data",
    "gradient_profile_figure",
    "horizon",
    "horizon_data",
    "horizon_figure",
    "lags",
    "lags_data",
    "lags_figure",
    "layers",
    "layers_data",
    "layers_figure",
    "learning_curves",
    "learning_curves_data",
    "learning_curves_figure",
    "lyapunov",
    "lyapunov_data",
    "lyapunov_figure",
    "mean_field",
    "mean_field_data",
    "mean_field_figure",
    "recurrent_weights",
    "recurrent_weights_data",
    "recurrent_weights_figure",
    "spectrum_fan",
    "spectrum_fan_data",
    "spectrum_fan_figure",
    "spectrum_histogram",
    "spectrum_histogram_data",
    "spectrum_histogram_figure",
    "spikes",
    "spikes_data",
    "spikes_figure",
    "step_spectrum",
    "step_spectrum_data",
    "step_spectrum_figure",
    "strategies",
    "strategies_data",
    "strategies_figure",
    "thresholds",
    "thresholds_data",
    "thresholds_figure",
    "truncation",
    "truncation_data",
    "truncation_figure",
    "who_teaches_whom",
    "who_teaches_whom_data",
    "who_teaches_whom_figure",
    "write_image",
]

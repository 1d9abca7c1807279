"""What the training loop itself measures: truncation bias, other clipping, the cliff."""

from gradlab.training.measuring.cliff import cliff_columns, losses_at, plane_axes, step_of
from gradlab.training.measuring.measurements import Measurements
from gradlab.training.measuring.settings import MeasuringSettings

__all__ = ["Measurements", "MeasuringSettings", "cliff_columns", "losses_at", "plane_axes", "step_of"]

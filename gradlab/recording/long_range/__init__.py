"""Quantities that need the Jacobians of every time step: their own tables, one group a file, asked for by name.

A group is a function `(Pass, Amount) -> columns without the axes of the pass`; a further group is a file and a line.
"""

from gradlab.recording.long_range.lags import lags
from gradlab.recording.long_range.lyapunov import lyapunov
from gradlab.recording.long_range.spectra import spectra
from gradlab.recording.long_range.teaching import teaching

LONG_RANGE = {"spectra": spectra, "lags": lags, "lyapunov": lyapunov, "teaching": teaching}
"""By table. Their cost grows with the cube of the number of states, of `teaching` with the square: see
`gradlab.recording.costs`."""

__all__ = ["LONG_RANGE"]

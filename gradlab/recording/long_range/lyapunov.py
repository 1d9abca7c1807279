"""The `lyapunov` table: exponents of the state's dynamics along the recorded sequences."""

from __future__ import annotations

import numpy as np

from gradlab.dynamics import lyapunov_spectrum
from gradlab.instrument import Pass
from gradlab.recording.amount import Amount
from gradlab.recording.long_range.stretch import stretch
from gradlab.recording.quantiles import over_sequences

ALL_UP_TO = 64
"""Of larger states the leading exponents alone are taken, as many as this: the whole costs the cube of the size."""
TRANSIENT = 0.1
"""Share of the sequence, at its beginning, in which the basis aligns itself and nothing is averaged."""


def lyapunov(passed: Pass, amount: Amount) -> dict[str, np.ndarray]:
    """One row an exponent, the largest first: medians over the sequences of the exponent and its standard error."""
    found = stretch(passed, amount)
    if found is None:
        return {}
    states = found.jacobians.shape[-1]
    spectrum = lyapunov_spectrum(
        found.jacobians, None if states <= ALL_UP_TO else ALL_UP_TO, transient=int(TRANSIENT * found.steps)
    )
    exponents = spectrum.exponents.mT.cpu().numpy()
    errors = spectrum.standard_errors.mT.cpu().numpy()
    everywhere = np.ones(exponents.shape, dtype=bool)
    return {
        "index": np.arange(len(exponents)),
        "exponent": over_sequences(exponents, everywhere, 0.5),
        "standard_error": over_sequences(errors, everywhere, 0.5),
    }

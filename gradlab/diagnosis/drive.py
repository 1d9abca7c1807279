"""What drives units to their ends: the recurrent matrix, or what comes in from outside."""

from __future__ import annotations

import math

from gradlab.diagnosis.case import Case, early

CONFINED = {"rnn", "lstm", "gru", "mgu", "minimal_rnn", "peephole_lstm"}
"""Cells whose states a tanh keeps within ±1; to others 1 is a number like any other."""
TANH_END = math.atanh(0.99)
"""Pre-activation from which a tanh unit counts as saturated."""
SIGMOID_END = math.log(99)
"""The same of a gate that is within 0.01 of an end."""


def comes_from_outside(case: Case, module: str, layer: int, share: float, end: float = TANH_END) -> bool:
    """Whether inputs and biases must give at least half of what saturates so many units before the first update.

    A share s of units beyond the pre-activation e needs a root mean square over units of e√s. Of that W_hh gives at
    most σ_max(W_hh): states lie within ±1, so ‖W_hh h‖ ≤ σ_max √H.
    """
    table = case.rows("parameters")
    if table.empty or case.cell not in CONFINED or case.nonlinearity == "relu":
        return False
    name = f"{module}.weight_hh_l{layer}" if module else f"weight_hh_l{layer}"
    rows = early(table)
    names = rows["parameter"].astype(str)
    if names.str.contains("weight_hr").any():  # projected states are not confined
        return False
    blocks = rows[names.str.startswith(f"{name}[")]["spectral_norm"].dropna()
    largest = blocks if len(blocks) else rows[names == name]["spectral_norm"].dropna()
    return bool(len(largest)) and float(largest.max()) < end * math.sqrt(share) / 2

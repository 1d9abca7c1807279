"""The `steps` table: one row a training step, put together from what becomes known between two calls of `step`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.recording.sink import Sink

_REALS = (
    "loss", "score", "score_loss", "grad_norm", "grad_norm_clipped", "clip_coefficient", "clip_threshold",
    "clip_cosine", "learning_rate", "seconds", "recording_seconds",
)  # fmt: skip
_FIRED = 1 - 1e-9
"""A coefficient below this means that clipping changed the norm by more than rounding."""


class StepLog:
    """Collects rows and writes them in blocks; values may be tensors, which are read only when a block is written."""

    def __init__(self, sink: Sink, block: int = 64) -> None:
        self._sink = sink
        self._block = block
        self._rows: list[dict[str, Any]] = []
        self._row: dict[str, Any] | None = None

    def begin(self, step: int) -> None:
        """Start the row of a training step; the one before is complete."""
        if self._row is not None:
            self._rows.append(self._row)
        if len(self._rows) >= self._block:
            self.flush()
        self._row = {"step": step}

    def note(self, **values: Any) -> None:
        """Add values to the row of the current step; before the first step there is nothing to add to."""
        if self._row is not None:
            self._row.update(values)

    def known(self, name: str) -> Any:
        """A value of the current row, or None."""
        return None if self._row is None else self._row.get(name)

    def flush(self, with_current: bool = False) -> None:
        """Write all complete rows; at the end also the current one."""
        if with_current and self._row is not None:
            self._rows.append(self._row)
            self._row = None
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        for row in rows:
            _complete(row)
        columns: dict[str, np.ndarray] = {"step": np.array([row["step"] for row in rows], dtype=np.int64)}
        for name in _REALS:
            columns[name] = _masked([row.get(name) for row in rows])
        fired = [row.get("clip_fired") for row in rows]
        columns["clip_fired"] = np.ma.array([bool(f) for f in fired], mask=[f is None for f in fired])
        columns["first_nonfinite"] = np.array([row.get("first_nonfinite", "") for row in rows], dtype=object)
        self._sink.write("steps", columns)


def _complete(row: dict[str, Any]) -> None:
    """Read tensors, and derive what clipping did from the norms before and after."""
    for name, value in row.items():
        if isinstance(value, Tensor):
            row[name] = value.item()
    before, after = row.get("grad_norm"), row.get("grad_norm_clipped")
    if before is None or after is None:
        return
    row.setdefault("clip_coefficient", after / before if before > 0 else 1.0)
    row.setdefault("clip_fired", not row["clip_coefficient"] >= _FIRED and math.isfinite(before))
    if not row["clip_fired"]:
        row.setdefault("clip_cosine", 1.0)


def _masked(values: list[Any]) -> np.ma.MaskedArray:
    mask = [value is None for value in values]
    return np.ma.array([0.0 if value is None else float(value) for value in values], mask=mask, dtype=np.float64)


def total_norm(gradients: list[Tensor]) -> Tensor:
    """Norm of many gradients together, accumulated in float64; a scalar tensor, zero for none."""
    if not gradients:
        return torch.zeros((), dtype=torch.float64)
    squares = [
        torch.linalg.vector_norm(g.coalesce().values() if g.is_sparse else g, dtype=torch.float64) for g in gradients
    ]
    first = squares[0].device
    return torch.linalg.vector_norm(torch.stack([square.to(first) for square in squares]))

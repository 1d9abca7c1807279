"""One look at one training step: replay its passes, measure them, and write the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from gradlab.instrument import Call, Capture, Pass, chosen, replay
from gradlab.recording.amount import Amount
from gradlab.recording.closure import Closure
from gradlab.recording.gates import gates
from gradlab.recording.long_range import LONG_RANGE
from gradlab.recording.sink import Sink
from gradlab.recording.timesteps import GROUPS
from gradlab.recurrence import Weights


class Observation:
    """Looks at steps with the same amount and writes to the same sink."""

    def __init__(self, sink: Sink, amount: Amount) -> None:
        self.sink = sink
        self.amount = amount

    @torch.no_grad()
    def look(self, step: int, captures: Iterable[Capture], check: bool) -> dict[str, float]:
        """Write all tables of one step; with `check` replay all sequences and give the closure error by parameter.

        Raises InstrumentError or UnsupportedError, naming the module, where the truth cannot be told.
        """
        errors: dict[str, float] = {}
        for capture in captures:
            try:
                errors |= self._look_at(step, capture, check)
            except Exception as error:
                error.add_note(f"while recording module {capture.name!r} at training step {step}")
                raise
        return errors

    def _look_at(self, step: int, capture: Capture, check: bool) -> dict[str, float]:
        capture.check_seen()
        sums = Closure(capture)
        count = None if check else self.amount.sequences
        for passed in replay(capture.calls, count):
            if check:
                sums.add(passed)
            if count is None and len(capture.calls) == 1:
                passed = replace(passed, gradients=_gradients(capture, passed))
            self._write(step, self._measured(passed))
        if not check or not capture.calls:
            return {}
        prefix = "" if capture.name == "model" else capture.name + "."
        return {prefix + name: error for name, error in sums.errors().items()}

    @torch.no_grad()
    def look_back(self, step: int, calls: Iterable[list[Call]]) -> None:
        """Write all tables of an earlier step from what was kept of it."""
        for kept in calls:
            for passed in replay(kept, self.amount.sequences):
                self._write(step, passed)

    def _measured(self, passed: Pass) -> Pass:
        """The sequences that are measured, of a pass that may have been replayed whole for its check."""
        count = self.amount.sequences
        indices = None if count is None else chosen(count, passed.sequences)
        return passed if indices is None else passed.select(indices)

    def _write(self, step: int, passed: Pass) -> None:
        columns: dict[str, np.ndarray] = {"t": np.arange(passed.steps, dtype=np.int64) + passed.offset}
        for group in GROUPS:
            columns |= group(passed, self.amount)
        self.sink.write("timesteps", _axes(step, passed, passed.steps) | columns)
        for table in sorted(self.amount.tables):
            columns = LONG_RANGE[table](passed, self.amount)
            if columns:
                self.sink.write(table, _axes(step, passed, len(next(iter(columns.values())))) | columns)
        by_gate = gates(passed)
        if by_gate:
            self.sink.write("gates", _axes(step, passed, len(by_gate["t"])) | by_gate)


def _gradients(capture: Capture, passed: Pass) -> Weights:
    """What autograd gave the weights of one layer and direction, by their short names."""
    names = passed.layout.names(passed.layer, passed.direction)
    return {short: capture.weight_gradients[name] for short, name in names.items() if name in capture.weight_gradients}


def _axes(step: int, passed: Pass, rows: int) -> dict[str, np.ndarray]:
    """Where all rows of a pass stand: training step, module, sequence, layer, direction."""
    places = {
        "step": step,
        "module": passed.name,
        "call": passed.sequence,
        "layer": passed.layer,
        "direction": passed.direction,
    }
    return {
        name: np.full(rows, place, dtype=object if isinstance(place, str) else np.int64)
        for name, place in places.items()
    }

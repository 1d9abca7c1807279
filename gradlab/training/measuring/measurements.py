"""What the training loop measures beside a step, and hands to whoever records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.tasks import Task
from gradlab.training.bptt import Unrolling, bias_columns, ladder, leading_exponent, nested_gradients, unrollable
from gradlab.training.clipping import ClipReport
from gradlab.training.clipping.alternatives import STANDARD, Alternatives
from gradlab.training.measuring.cliff import cliff_columns, step_of
from gradlab.training.measuring.samples import sampler
from gradlab.training.measuring.settings import MeasuringSettings
from gradlab.training.observer import TakesRows
from gradlab.training.seeds import derived_seed
from gradlab.training.twin import Twin


class Measurements:
    """Measures at the steps that the settings name; never changes weights, gradients or random streams."""

    def __init__(
        self,
        settings: MeasuringSettings,
        model: nn.Module,
        task: Task,
        unrolling: Unrolling,
        rows: TakesRows,
        seed: int,
    ) -> None:
        self.settings = settings
        self._model = model
        self._task = task
        self._unrolling = unrolling
        self._rows = rows
        self._seed = seed
        self._twin: Twin | None = None
        self._raw: list[Tensor | None] | None = None
        if settings.bias_every is not None:
            unrollable(model, "set measure.bias_every to null")
        self._alternatives: Alternatives | None = None
        if settings.clipping_every is not None:
            strategies = settings.clipping_strategies
            self._alternatives = Alternatives(STANDARD if strategies is None else strategies)
        self._speak = None if settings.samples_every is None else sampler(model, task, settings, seed)

    def penalties(self, step: int, terms: list[str], values: list[float]) -> None:
        """What the terms beside the loss came to."""
        self._write("penalties", {"term": np.array(terms, dtype=object), "value": np.array(values)}, step)

    def before_clipping(self, step: int) -> None:
        """The gradient is as backpropagation left it."""
        if news := self._unrolling.rows():
            self._write(*news, step)
        if _due(self.settings.bias_every, step):
            self._write("truncation", self._bias(), step)
        if self._alternatives is not None and _due(self.settings.clipping_every, step):
            self._write("clipping", self._alternatives.measure(self._model.parameters()), step)
        if self._speak is not None and _due(self.settings.samples_every, step):
            self._write("samples", self._speak(), step)
        if step in self.settings.cliff_at:
            self._raw = [None if grad is None else grad.clone() for grad in self._gradients()]

    def after_clipping(self, step: int, report: ClipReport, optimiser: torch.optim.Optimizer) -> None:
        """The gradient is as the optimiser will get it."""
        if self._alternatives is not None and not _due(self.settings.clipping_every, step):
            self._alternatives.remember(report.norm_before)
        if self._raw is None:
            return
        raw, self._raw = self._raw, None
        if math.isfinite(report.norm_before) and report.norm_before > 0:
            self._write("cliff", self._cliff(step, raw, optimiser), step)

    def _gradients(self) -> list[Tensor | None]:
        return [parameter.grad for parameter in self._model.parameters()]

    def _write(self, table: str, columns: dict[str, np.ndarray], step: int) -> None:
        rows = len(next(iter(columns.values())))
        self._rows.write(table, {"step": np.full(rows, step, dtype=np.int64), **columns})

    def _copy(self) -> Twin:
        if self._twin is None:
            self._twin = Twin(self._model)
        return self._twin

    def _bias(self) -> dict[str, np.ndarray]:
        stretch = self._unrolling.reference(self._model, self.settings.bias_history)
        least, steps = stretch.counted or 1, len(stretch.inputs)
        asked = self.settings.bias_windows
        windows = ladder(least, steps, self._unrolling.windows()) if asked is None else ladder(steps, steps, ())
        windows = sorted({*windows, *(window for window in asked or () if least <= window <= steps)})
        with self._copy().fresh() as net:
            exponent = leading_exponent(net, stretch)
            return bias_columns(nested_gradients(net, self._task, stretch, windows), exponent)

    def _cliff(self, step: int, raw: list[Tensor | None], optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
        stretch = self._unrolling.latest()
        generator = torch.Generator().manual_seed(derived_seed(self._seed + step, "plane"))
        with self._copy().fresh() as net, torch.no_grad():
            return cliff_columns(
                list(net.parameters()), step_of(optimiser, raw), step_of(optimiser, self._gradients()),
                lambda: stretch.loss(net, self._task), points=self.settings.cliff_points,
                reach=self.settings.cliff_reach, generator=generator,
            )  # fmt: skip

    def state(self) -> list[dict[str, Any]] | None:
        """What clippers that only look on remember."""
        return None if self._alternatives is None else self._alternatives.state()

    def restore(self, state: list[dict[str, Any]] | None) -> None:
        """Take it up, if it is of the same strategies."""
        if self._alternatives is not None and state is not None and len(state) == len(self._alternatives.strategies):
            self._alternatives.restore(state)


def _due(every: int | None, step: int) -> bool:
    return every is not None and step % every == 0

"""The recorder: stands beside a training loop, decides when to look, and writes what it sees to a sink."""

from __future__ import annotations

import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from gradlab.instrument import Capture, Layout, Pass, chosen, replay
from gradlab.recording.amount import Amount
from gradlab.recording.closure import Closure
from gradlab.recording.gates import gates
from gradlab.recording.nonfinite import first_nonfinite
from gradlab.recording.parameters import ParameterLog
from gradlab.recording.schedule import Schedule
from gradlab.recording.sink import MemorySink, Sink
from gradlab.recording.steps import StepLog, total_norm
from gradlab.recording.timesteps import GROUPS

if TYPE_CHECKING:
    import pandas as pd


class Recorder:
    """Made by `gradlab.watch`; a context manager. Call `step(loss)` after `backward()` and before clipping."""

    def __init__(
        self,
        model: nn.Module,
        layouts: dict[str, Layout],
        sink: Sink,
        schedule: Schedule,
        amount: Amount,
        scaler: Any,
    ) -> None:
        self.model = model
        self.sink = sink
        self.amount = amount
        self.schedule = schedule
        self._scaler = scaler
        self._captures = [Capture(name, layout) for name, layout in layouts.items()]
        self._steps = StepLog(sink)
        self._parameters = ParameterLog(model, layouts, sink)
        self._watched = {id(parameter) for parameter in model.parameters()}
        self._count = 0
        self._recorded = 0
        self._raw: list[Tensor] = []
        self._closed = False
        self._clock = time.perf_counter()
        self._unhook = weakref.finalize(self, _remove, _listen_to_optimisers(weakref.ref(self)))
        self._arm()

    def step(self, loss: Tensor | float, *, learning_rate: float | None = None) -> None:
        """Tell the recorder that `backward()` is done; the gradients are still as it left them.

        Raises InstrumentError when the replay or the closure check contradicts what torch computed.
        """
        if self._closed:
            raise ValueError("expected an open recorder, got step() after close(); make a new one with gradlab.watch")
        began = time.perf_counter()
        self._steps.begin(self._count)
        gradients = self._gradients()
        scale = self._scale()
        unscale = 1.0 if self._taken_out() else 1.0 / scale
        norm = total_norm(gradients) * unscale
        value = loss.detach() if isinstance(loss, Tensor) else loss
        self._steps.note(loss=value, grad_norm=norm, seconds=began - self._clock)
        if learning_rate is not None:
            self._steps.note(learning_rate=learning_rate)
        recorded = self.schedule.records(self._count)
        broken = not (bool(torch.isfinite(norm)) and bool(torch.isfinite(torch.as_tensor(value))))
        if recorded or broken:
            if scale != 1.0:
                for capture in self._captures:
                    capture.rescale(1.0 / scale)
            self._look(recorded, broken, value, unscale)
            self._raw = [gradient.clone() for gradient in gradients] if recorded else []
        self._count += 1
        self._arm()
        self._clock = time.perf_counter()
        self._steps.note(recording_seconds=self._clock - began)

    def clipped(self, report: Any) -> None:
        """Take over what a clipper of `gradlab.training.clipping` reports: threshold, fired, cosine."""
        self._steps.note(
            clip_threshold=report.threshold, clip_fired=report.fired, clip_cosine=report.cosine,
            clip_coefficient=report.coefficient, grad_norm_clipped=report.norm_after,
        )  # fmt: skip

    def evaluated(self, *, score: float | None = None, loss: float | None = None) -> None:
        """Add a score or loss on held-out data to the row of the current step."""
        self._steps.note(score=score, score_loss=loss)

    def frame(self, table: str) -> pd.DataFrame:
        """A table so far, as pandas. Raises ValueError when the sink keeps nothing in memory."""
        if not isinstance(self.sink, MemorySink):
            raise ValueError(
                f"expected a recorder that keeps its tables in memory, got one that writes to {self.sink!r}; "
                "read them with gradlab.reports.load"
            )
        self._steps.flush(with_current=self._closed)
        return self.sink.frame(table)

    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables that have rows, by name."""
        if not isinstance(self.sink, MemorySink):
            self.frame("steps")
        assert isinstance(self.sink, MemorySink)
        return {table: self.frame(table) for table in ("steps", *self.sink.tables()) if table in self.sink.tables()}

    def flush(self) -> None:
        """Write everything that is complete so that readers see it."""
        self._steps.flush()
        self.sink.flush()

    def close(self, status: str = "finished") -> None:
        """Take off all hooks, write what is left and close the sink. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        for capture in self._captures:
            capture.close()
        self._unhook()
        self._raw = []
        self._parameters.write()
        self._steps.flush(with_current=True)
        self.sink.close(status)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close("finished")
        else:
            self.close("stopped" if issubclass(kind, KeyboardInterrupt) else "failed")

    def _arm(self) -> None:
        recorded = self.schedule.records(self._count)
        for capture in self._captures:
            capture.arm() if recorded else capture.release()

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]

    def _scale(self) -> float:
        """The factor of a gradient scaler, which every gradient of this step carries while backward() runs."""
        return 1.0 if self._scaler is None else float(self._scaler.get_scale())

    def _taken_out(self) -> bool:
        """Whether `scaler.unscale_(optimizer)` has already taken the factor out of `.grad`."""
        states = getattr(self._scaler, "_per_optimizer_states", {}).values()
        return any(getattr(state.get("stage"), "name", "") == "UNSCALED" for state in states)

    @torch.no_grad()
    def _look(self, recorded: bool, broken: bool, loss: Tensor | float, unscale: float) -> None:
        """Replay the step's passes and write all that is measured on them."""
        check = self.amount.check_every
        everything = broken or (check is not None and self._recorded % check == 0)
        closure: dict[str, float] = {}
        offenders: list[Pass] = []
        for capture in self._captures:
            if recorded:
                capture.check_seen()
            if not capture.calls:
                continue
            sums = Closure(capture)
            for passed in replay(capture.calls, None if everything else self.amount.sequences):
                if everything and not broken:
                    sums.add(passed)
                if broken:
                    offenders.append(passed)
                if recorded:
                    self._write(self._measured(passed))
            if everything and not broken:
                prefix = "" if capture.name == "model" else capture.name + "."
                closure |= {prefix + name: error for name, error in sums.errors().items()}
        if broken:
            self._steps.note(first_nonfinite=first_nonfinite(offenders, loss, self.model))
        if recorded:
            spectra = self._recorded % (check or 10) == 0
            self._parameters.measure(self._count, closure, unscale, spectra)
            self._recorded += 1

    def _measured(self, passed: Pass) -> Pass:
        """The sequences that are measured, of a pass that may have been replayed whole for its check."""
        count = self.amount.sequences
        indices = None if count is None else chosen(count, passed.sequences)
        return passed if indices is None else passed.select(indices)

    def _write(self, passed: Pass) -> None:
        where = {
            "module": passed.name,
            "call": passed.sequence,
            "layer": passed.layer,
            "direction": passed.direction,
        }

        def placed(rows: int) -> dict[str, np.ndarray]:
            axes = {"step": np.full(rows, self._count, dtype=np.int64)}
            for name, value in where.items():
                axes[name] = np.full(rows, value, dtype=object if isinstance(value, str) else np.int64)
            return axes

        columns: dict[str, np.ndarray] = {"t": np.arange(passed.steps, dtype=np.int64) + passed.offset}
        for group in GROUPS:
            columns |= group(passed, self.amount)
        self.sink.write("timesteps", placed(passed.steps) | columns)
        by_gate = gates(passed)
        if by_gate:
            self.sink.write("gates", placed(len(by_gate["t"])) | by_gate)

    def _concerns(self, optimiser: Optimizer) -> bool:
        return any(id(parameter) in self._watched for group in optimiser.param_groups for parameter in group["params"])

    @torch.no_grad()
    def _before_optimiser(self, optimiser: Optimizer) -> None:
        """Clipping is over: measure what the optimiser is given, by whatever means it was clipped."""
        if self._count == 0 or not self._concerns(optimiser):
            return
        if self._steps.known("learning_rate") is None:
            self._steps.note(learning_rate=float(optimiser.param_groups[0]["lr"]))
        if self._steps.known("grad_norm_clipped") is None:
            self._steps.note(grad_norm_clipped=total_norm(self._gradients()))
        if self._steps.known("clip_cosine") is None and self._raw:
            self._steps.note(clip_cosine=_cosine(self._raw, self._gradients()))
        self._raw = []

    def _after_optimiser(self, optimiser: Optimizer) -> None:
        if self._concerns(optimiser):
            self._parameters.stepped()


def _listen_to_optimisers(recorder: weakref.ref[Recorder]) -> list[RemovableHandle]:
    """Hooks around every optimiser's step that do not keep a forgotten recorder alive."""

    def before(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        alive = recorder()
        if alive is not None:
            alive._before_optimiser(optimiser)

    def after(optimiser: Optimizer, args: Any, kwargs: Any) -> None:
        alive = recorder()
        if alive is not None:
            alive._after_optimiser(optimiser)

    return [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]


def _remove(hooks: list[RemovableHandle]) -> None:
    for hook in hooks:
        hook.remove()


def _cosine(raw: list[Tensor], clipped: list[Tensor]) -> float:
    """Cosine between two lists of gradients, in float64; NaN where one of them is zero or not finite."""
    if len(raw) != len(clipped):
        return float("nan")
    dot = sum(float((a.double() * b.double()).sum()) for a, b in zip(raw, clipped, strict=True))
    scale = float(total_norm(raw)) * float(total_norm(clipped))
    return dot / scale if scale > 0 else float("nan")

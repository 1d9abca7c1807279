"""The recorder: stands beside a training loop, decides when to look, and writes what it sees to a sink."""

from __future__ import annotations

import logging
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gradlab.errors import ExplosionError
from gradlab.instrument import Layout, hold_on, replay
from gradlab.recording.amount import Amount
from gradlab.recording.flight import Flight
from gradlab.recording.nonfinite import first_nonfinite
from gradlab.recording.observation import Observation
from gradlab.recording.optimisers import cosine, listen, remove
from gradlab.recording.parameters import ParameterLog
from gradlab.recording.presentation import presented
from gradlab.recording.schedule import Schedule
from gradlab.recording.seen import named_optimiser, settings_of
from gradlab.recording.sink import Columns, MemorySink, ReadableSink, Sink
from gradlab.recording.steps import StepLog, total_norm

if TYPE_CHECKING:
    import pandas as pd

_SPECTRA_EVERY = 10
"""Spectra of weights are taken at every so many recorded steps: they cost much and change slowly."""


class Recorder:
    """Made by `gradlab.watch`; a context manager. Call `step(loss)` after `backward()` and before clipping."""

    def __init__(
        self,
        model: nn.Module,
        layouts: dict[str, Layout],
        sink: Sink,
        schedule: Schedule,
        amount: Amount,
        *,
        scaler: Any = None,
        flight: int = 0,
        on_nonfinite: Literal["continue", "stop"] = "continue",
        on_error: Literal["raise", "log"] = "raise",
    ) -> None:
        self.model = model
        self.sink = sink
        self.amount = amount
        self.schedule = schedule
        self._scaler = scaler
        self._on_nonfinite = on_nonfinite
        self._on_error = on_error
        self._captures = [hold_on(name, layout) for name, layout in layouts.items()]
        self._observation = Observation(sink, amount)
        self._flight = Flight(flight)
        self._steps = StepLog(sink)
        self._parameters = ParameterLog(model, layouts, sink)
        self._watched = {id(parameter) for parameter in model.parameters()}
        self._seen: dict[str, Any] = {}
        self._see(settings_of(layouts.values()))
        self._count = 0
        self._recorded = 0
        self._offender = ""
        self._raw: list[Tensor] = []
        self._closed = self._blind = False
        self._began = self._clock = time.perf_counter()
        self._unhook = weakref.finalize(self, remove, listen(weakref.ref(self)))
        self._arm()

    def step(self, loss: Tensor | float, *, learning_rate: float | None = None) -> None:
        """Tell the recorder that `backward()` is done; the gradients are still as it left them.

        Raises InstrumentError when the replay or the closure check contradicts what torch computed, and
        ExplosionError when something is not finite and the recorder was asked to stop there.
        """
        if self._closed:
            raise ValueError("expected an open recorder, got step() after close(); make a new one with gradlab.watch")
        began = time.perf_counter()
        self._steps.begin(self._count)
        gradients = self._gradients()
        unscale = self._unscaled()
        norm = total_norm(gradients) * unscale
        value = loss.detach() if isinstance(loss, Tensor) else loss
        self._steps.note(loss=value, grad_norm=norm, seconds=began - self._clock)
        if learning_rate is not None:
            self._steps.note(learning_rate=learning_rate)
        recorded = self.schedule.records(self._count) and not self._blind
        broken = not (bool(torch.isfinite(norm)) and bool(torch.isfinite(torch.as_tensor(value)).all()))
        try:
            if broken:
                self._explain(value, recorded)
            if recorded or (broken and self._raw_look_is_due()):
                self._look(unscale)
                self._raw = [gradient.clone() for gradient in gradients]
            elif not broken:
                self._flight.keep(self._count, self._captures, recorded)
        except Exception as error:
            self._fail(error)
        self._offender = self._offender if broken else ""
        now = time.perf_counter()
        self.schedule.spent(now - began if recorded else None, now - self._began)
        self._count += 1
        self._arm()
        self._clock = time.perf_counter()
        self._steps.note(recording_seconds=self._clock - began)
        if broken and self._on_nonfinite == "stop":
            self.flush()
            raise ExplosionError(
                f"training step {self._count - 1}: {self._offender or 'gradient'} is not finite; "
                "everything up to here is recorded"
            )

    def include_eval(self) -> None:
        """Record calls in eval mode too; by default they are held-out data, and left alone."""
        for capture in self._captures:
            capture.in_eval = True

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
        """A table so far, as pandas. Raises ValueError when the sink does not give back what it was given."""
        return self._flushed().frame(table)

    def frames(self) -> dict[str, pd.DataFrame]:
        """All tables that have rows, by name."""
        sink = self._flushed()
        return {table: sink.frame(table) for table in sink.tables()}

    def _flushed(self) -> ReadableSink:
        if not isinstance(self.sink, ReadableSink):
            raise ValueError(
                "expected a sink with the methods tables() and frame(), such as MemorySink or "
                f"gradlab.store.RunWriter, got {self.sink!r}; read what it wrote where it wrote it"
            )
        self._steps.flush(with_current=self._closed)
        if not self._closed:
            self.sink.flush()
        return self.sink

    def settings(self) -> dict[str, Any]:
        """What was seen of the net and its optimiser, by the keys that a study has for it."""
        return dict(self._seen)

    def __repr__(self) -> str:
        names = ", ".join(capture.name for capture in self._captures)
        state = "closed" if self._closed else "open"
        return f"<gradlab.Recorder of {names}: {state}, {self._count} training steps, {self._recorded} recorded>"

    def _repr_html_(self) -> str | None:
        return presented(self.frames()) if isinstance(self.sink, MemorySink) else None

    def flush(self) -> None:
        """Write everything that is complete so that readers see it."""
        self._steps.flush()
        self.sink.flush()

    def write(self, table: str, columns: Columns) -> None:
        """Pass on rows that the training loop measured itself, such as truncation bias."""
        self.sink.write(table, columns)

    def complete(self) -> None:
        """Make everything durable with the last step's row: nothing more will be known of it.

        To be called before a checkpoint is written, so that the rows up to its step survive with it.
        """
        self._parameters.write()
        self._steps.flush(with_current=True)
        self.sink.flush()

    def resume(self, step: int) -> None:
        """Continue a run that already has its first `step` training steps; to be called before the first one here."""
        if self._count:
            raise ValueError(f"expected resume() before the first step, got it after {self._count} steps")
        self._count = step
        self._recorded = sum(self.schedule.records(earlier) for earlier in range(step))
        self._arm()

    def close(self, status: str = "finished") -> None:
        """Take off all hooks, write what is left and close the sink. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        for capture in self._captures:
            capture.close()
        self._unhook()
        self._flight.clear()
        self._raw = []
        self._parameters.write()
        self._steps.flush(with_current=True)
        self.sink.annotate(**self.schedule.facts())
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
        """Listen to the coming step: fully where it is recorded, to layered modules always, for one look back.

        A captured call costs some ten microseconds: nothing for a whole sequence, too much for every single step of
        a cell, which is listened to between records only where a flight recorder was asked for.
        """
        recorded = self.schedule.records(self._count)
        for capture in self._captures:
            if self._blind:
                capture.release()
            elif recorded or self._flight.steps or not capture.layout.is_cell:
                capture.arm(weights=recorded)
            else:
                capture.release()

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]

    def _unscaled(self) -> float:
        """Take a gradient scaler's factor out of what arrived, and give what `.grad` must be multiplied with."""
        scale = 1.0 if self._scaler is None else float(self._scaler.get_scale())
        if scale == 1.0:
            return 1.0
        for capture in self._captures:
            capture.rescale(1.0 / scale)
        states = getattr(self._scaler, "_per_optimizer_states", {}).values()
        taken_out = any(getattr(state.get("stage"), "name", "") == "UNSCALED" for state in states)
        return 1.0 if taken_out else 1.0 / scale

    def _raw_look_is_due(self) -> bool:
        """Whether this broken step, though not scheduled, is the first of its kind and was listened to."""
        return not self._blind and any(capture.calls for capture in self._captures)

    @torch.no_grad()
    def _explain(self, loss: Tensor | float, recorded: bool) -> None:
        """Name the first offender; at the first broken step in a row also write the steps before it."""
        if self._offender and not recorded:
            self._steps.note(first_nonfinite=self._offender)
            for capture in self._captures:
                capture.release()
            return
        for step, calls in self._flight.take():
            self._observation.look_back(step, calls)
        passes = [passed for capture in self._captures for passed in replay(capture.calls)]
        self._offender = first_nonfinite(passes, loss, self.model)
        self._steps.note(first_nonfinite=self._offender)
        self.sink.flush()

    def _look(self, unscale: float) -> None:
        check = self.amount.check_every
        due = self.schedule.records(self._count) and check is not None and self._recorded % check == 0
        closure = self._observation.look(self._count, self._captures, due)
        self._parameters.measure(self._count, closure, unscale, self._recorded % _SPECTRA_EVERY == 0)
        self._recorded += self.schedule.records(self._count)

    def _fail(self, error: Exception) -> None:
        """An error inside the recorder: raised, or logged once while training goes on unrecorded."""
        if self._on_error == "raise":
            raise error
        self._blind = True
        logging.getLogger("gradlab").error(
            "training step %d could not be recorded, and no further step will be: %s",
            self._count,
            error,
            exc_info=error,
        )

    def _see(self, shown: dict[str, Any]) -> None:
        """Remember what the net or its optimiser shows of itself, for those who read what was written too."""
        if not shown.items() <= self._seen.items():
            self._seen |= shown
            self.sink.annotate(seen=dict(self._seen))

    def concerns(self, optimiser: Optimizer) -> bool:
        """Whether an optimiser moves any parameter of the watched model."""
        return any(id(parameter) in self._watched for group in optimiser.param_groups for parameter in group["params"])

    @torch.no_grad()
    def before_optimiser(self, optimiser: Optimizer) -> None:
        """Clipping is over: measure what the optimiser is given, by whatever means it was clipped."""
        if self._steps.known("step") is None:
            return
        self._see(named_optimiser(optimiser))
        if self._steps.known("learning_rate") is None:
            self._steps.note(learning_rate=float(optimiser.param_groups[0]["lr"]))
        if self._steps.known("grad_norm_clipped") is None:
            self._steps.note(grad_norm_clipped=total_norm(self._gradients()))
        if self._steps.known("clip_cosine") is None and self._raw:
            self._steps.note(clip_cosine=cosine(self._raw, self._gradients()))
        self._raw = []

    def after_optimiser(self) -> None:
        """The optimiser has acted: measure how far it moved the parameters."""
        self._parameters.stepped()

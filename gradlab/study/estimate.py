"""What a study will cost in time, memory and on disk, from a few real training steps of every distinct shape."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gradlab import recording, training
from gradlab.quantities import TABLES
from gradlab.recording.schedule import schedule
from gradlab.recording.sink import MemorySink
from gradlab.study.build import build_model, cells_of
from gradlab.study.config import RunConfig, resolved
from gradlab.study.measurements import NOTHING, alone, asked_for, occasions
from gradlab.study.memory import Peak
from gradlab.study.plan import PlannedRun
from gradlab.training.clipping import ClipReport
from gradlab.training.measuring import MeasuringSettings

TRIAL_STEPS = 6
MEASURED_STEPS = 2
"""From one update to the next, which is one measurement of each kind; a cliff takes hundreds of passes."""
BYTES_PER_NUMBER = 4.0
"""Of a recorded number in a Parquet part, as measured on recorded runs; the axes cost next to nothing."""
BYTES_PER_RUN = 40_000
"""The documents of a run, its checkpoint without the weights, and the headers of its Parquet parts."""
_NO_MATTER = frozenset(
    {"steps", "optimiser", "schedule", "clip", "stop", "evaluate_every", "checkpoint_every", "on_nonfinite"}
)
"""Settings of training that the time of a step does not hang on, or hardly."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one run will cost, about."""

    seconds: float
    bytes: float
    """On disk."""
    memory: float
    """Bytes that the process holds at most."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Seconds and recorded numbers of one step."""

    seconds: float
    numbers: float
    evaluation: float
    memory: float
    """Bytes that the process held at most in the trial."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What steps of one shape cost."""

    plain: _Cost
    recorded: _Cost
    measured: dict[str, _Cost]
    """What each kind of measurement adds to the step that it is made at."""


class Estimator:
    """Times each distinct shape once; runs that differ in seed, steps, rate or clipping share the measurement."""

    def __init__(self) -> None:
        self._shapes: dict[str, _Shape] = {}

    def __call__(self, run: PlannedRun) -> Estimate:
        """Estimate one run; the first one of a shape trains for a few steps."""
        config = run.config
        known = _shape(config)
        if known not in self._shapes:
            self._shapes[known] = _timed(config)
        shape = self._shapes[known]
        plain, recorded = shape.plain, shape.recorded
        steps, every = config.training.steps, config.training.evaluate_every
        due = schedule(config.record.every, config.record.at)
        count = sum(due.records(step) for step in range(min(steps, 100_000))) * max(1, steps / 100_000)
        evaluations = 1 + (steps // every if every else 0)
        counts = [occasions(config.training.measure, name, steps) for name in shape.measured]
        beside = list(zip(counts, shape.measured.values(), strict=True))
        return Estimate(
            seconds=(steps - count) * plain.seconds + count * recorded.seconds + evaluations * plain.evaluation
            + sum(often * one.seconds for often, one in beside),
            bytes=BYTES_PER_RUN + BYTES_PER_NUMBER * (count * recorded.numbers + (steps - count) * plain.numbers
            + sum(often * one.numbers for often, one in beside)),
            memory=max(one.memory for often, one in [(1, plain), (count, recorded), *beside] if often),
        )  # fmt: skip


def _timed(config: RunConfig) -> _Shape:
    """Trials of one shape: plain steps, recorded ones, and each kind of measurement that the run makes."""
    _trial(config)  # the first steps of a process are slow
    plain, recorded = _trial(config), _trial(config, record=True)
    measured = {}
    for name in asked_for(config.training.measure):
        one = _trial(config, steps=MEASURED_STEPS, measure=alone(config.training.measure, name, MEASURED_STEPS))
        measured[name] = _Cost(
            max(0.0, one.seconds - plain.seconds), max(0.0, one.numbers - plain.numbers), one.evaluation, one.memory
        )
    return _Shape(plain, recorded, measured)


def _shape(config: RunConfig) -> str:
    """What decides how long a step takes: all of it but seed and what is counted or merely scales an update."""
    plain = resolved(config)
    training = {key: value for key, value in plain["training"].items() if key not in _NO_MATTER}
    parts = [plain["task"], plain["model"], plain["record"], training, plain["training"]["optimiser"]["name"]]
    return json.dumps(parts, sort_keys=True)


def _trial(
    config: RunConfig, *, steps: int = TRIAL_STEPS, record: bool = False, measure: MeasuringSettings = NOTHING
) -> _Cost:
    """A few steps of a run, regularisers and all, every one of them recorded or none."""
    peak = Peak()
    sink = MemorySink()
    model = build_model(config)
    changed = {"steps": steps, "evaluate_every": None, "on_nonfinite": "skip", "stop": None, "measure": measure}
    settings = config.training.model_copy(update=changed)
    words = config.record.model_dump() | {"every": 1 if record else None, "at": None, "budget": None}
    with recording.watch(model, cells=cells_of(model), sink=sink, **words) as recorder:
        watch = _Stopwatch(recorder)
        training.train(model, config.task, settings, seed=config.seed, recorder=watch)
    return _Cost(statistics.median(watch.laps), _numbers(sink) / steps, watch.evaluation, peak.bytes)


def _numbers(sink: MemorySink) -> int:
    """How many quantities were recorded."""
    frames = ((table, sink.frame(name)) for name, table in TABLES.items())
    return sum(int(frame[[quantity.name for quantity in table.quantities]].count().sum()) for table, frame in frames)


class _Stopwatch:
    """Stands between the loop and a recorder, and takes the time from step to step."""

    def __init__(self, recorder: recording.Recorder) -> None:
        self._recorder = recorder
        self._last = float("nan")
        self.laps: list[float] = []
        self.evaluation = 0.0

    def step(self, loss: Tensor, *, learning_rate: float | None = None) -> None:
        self._recorder.step(loss, learning_rate=learning_rate)

    def clipped(self, report: ClipReport) -> None:
        self._recorder.clipped(report)
        now = time.perf_counter()
        if self._last == self._last:
            self.laps.append(now - self._last)
        self._last = now

    def write(self, table: str, columns: dict[str, Any]) -> None:
        self._recorder.write(table, columns)

    def evaluated(self, *, score: float, loss: float) -> None:
        self._recorder.evaluated(score=score, loss=loss)
        self.evaluation = time.perf_counter() - self._last

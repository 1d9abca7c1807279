"""What a study will cost in time, memory and on disk, from a few real training steps of every distinct shape."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass

from torch import Tensor

from gradlab import recording, training
from gradlab.quantities import TABLES
from gradlab.recording.schedule import schedule
from gradlab.recording.sink import MemorySink
from gradlab.study.build import build_model
from gradlab.study.config import RunConfig, resolved
from gradlab.study.memory import Peak
from gradlab.study.plan import PlannedRun
from gradlab.training.clipping import ClipReport

TRIAL_STEPS = 6
BYTES_PER_NUMBER = 3.3
"""Of a recorded number in a Parquet part, as measured on recorded runs; the axes cost next to nothing."""
BYTES_PER_RUN = 10_000
"""The documents of a run, and the headers of its Parquet parts."""


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


class Estimator:
    """Times each distinct shape once; runs that differ in seed, steps or clipping share the measurement."""

    def __init__(self) -> None:
        self._plain: dict[str, _Cost] = {}
        self._recorded: dict[str, _Cost] = {}

    def __call__(self, run: PlannedRun) -> Estimate:
        """Estimate one run; the first one of a shape trains for a few steps."""
        config = run.config
        shape = _shape(config)
        if shape not in self._plain:
            _trial(config, record=False)  # the first steps of a process are slow
            self._plain[shape] = _trial(config, record=False)
            self._recorded[shape] = _trial(config, record=True)
        plain, recorded = self._plain[shape], self._recorded[shape]
        steps, every = config.training.steps, config.training.evaluate_every
        due = schedule(config.record.every, config.record.at)
        count = sum(due.records(step) for step in range(min(steps, 100_000))) * max(1, steps / 100_000)
        evaluations = 1 + (steps // every if every else 0)
        return Estimate(
            seconds=(steps - count) * plain.seconds + count * recorded.seconds + evaluations * plain.evaluation,
            bytes=BYTES_PER_RUN + BYTES_PER_NUMBER * (count * recorded.numbers + steps * plain.numbers),
            memory=max(plain.memory, recorded.memory if count else 0.0),
        )


def _shape(config: RunConfig) -> str:
    plain = resolved(config)
    training = plain["training"]
    parts = [plain["task"], plain["model"], plain["record"], training["batch"], training["optimiser"]["name"]]
    return json.dumps([*parts, training["evaluation_size"]], sort_keys=True)


def _trial(config: RunConfig, *, record: bool) -> _Cost:
    """A few steps of a run, every one of them recorded or none."""
    peak = Peak()
    sink = MemorySink()
    model = build_model(config)
    settings = config.training.model_copy(update={"steps": TRIAL_STEPS, "evaluate_every": None, "on_nonfinite": "skip"})
    words = config.record.model_dump() | {"every": 1 if record else None, "at": None}
    with recording.watch(model, sink=sink, **words) as recorder:
        watch = _Stopwatch(recorder)
        training.train(model, config.task, settings, seed=config.seed, recorder=watch)
    return _Cost(statistics.median(watch.laps), _numbers(sink) / TRIAL_STEPS, watch.evaluation, peak.bytes)


def _numbers(sink: MemorySink) -> int:
    """How many quantities were recorded."""
    frames = ((table, sink.frame(name)) for name, table in TABLES.items())
    return sum(int(frame[[quantity.name for quantity in table.quantities]].count().sum()) for table, frame in frames)


class _Stopwatch:
    """Stands between the loop and a recorder, and takes the time from step to step."""

    def __init__(self, recorder: training.Observer) -> None:
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

    def evaluated(self, *, score: float, loss: float) -> None:
        self._recorder.evaluated(score=score, loss=loss)
        self.evaluation = time.perf_counter() - self._last

"""Runs a set-up of the suite as a study would, and diagnoses it from its tables alone."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch

from gradlab import recording, training
from gradlab.diagnosis import Diagnosis, diagnose
from gradlab.store import flatten
from gradlab.study.build import build_model
from gradlab.study.config import RunConfig, resolved
from tests.diagnosis import by_hand
from tests.diagnosis.dotted import advised, tree_of


@dataclass(frozen=True, slots=True)
class SetUp:
    """A training with a known cause of trouble, or with none."""

    name: str
    cause: str
    """Name of the rule that must find it; empty for a healthy one."""
    settings: Mapping[str, Any]
    """Of the study, by dotted key."""
    tied: bool = False
    """Whether the readout shares the recurrent matrix, which the recorder cannot see."""
    fault: Mapping[str, Any] = field(default_factory=dict)
    """What was done to a set-up that learns, on top of its settings; empty where only the sick one is written down."""

    @property
    def as_run(self) -> dict[str, Any]:
        """All settings, the fault among them."""
        return advised(self.settings, self.fault)

    @property
    def by_hand(self) -> bool:
        """Whether it is a loop of its own, with no study behind it."""
        return "hand.task" in self.settings


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended, and what was found."""

    diagnosis: Diagnosis
    loss: float
    """At the end: median of the last tenth of the steps; infinite when it was not finite."""
    score: float
    seconds: float

    def names(self, weight: str = "problem") -> set[str]:
        """Names of what was found."""
        return {finding.name for finding in self.diagnosis if finding.weight == weight}


def config_of(settings: Mapping[str, Any]) -> RunConfig:
    """The run that dotted keys describe."""
    return RunConfig.model_validate(tree_of(settings))


@contextmanager
def silence(name: str) -> Iterator[None]:
    """Nothing is logged meanwhile."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def frames_of(set_up: SetUp, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """All tables of the run, the table `runs` with one row among them."""
    config = config_of(settings)
    model: Any = build_model(config)
    if set_up.tied:
        model.readout.weight = model.recurrent.weight_hh_l0
    recorder = recording.watch(model, on_error="log", **config.record.model_dump())
    with recorder, silence("gradlab"):
        outcome = training.train(model, config.task, config.training, seed=config.seed, recorder=recorder)
    facts = {"status": outcome.status, "reason": outcome.reason, "final_score": outcome.final_score}
    row = {"run": set_up.name, **flatten(resolved(config)), **config.task.describe(), **facts}
    return {**recorder.frames(), "runs": pd.DataFrame([row])}


def run(set_up: SetUp, keys: Mapping[str, Any] | None = None) -> Ran:
    """Train and diagnose; with the keys of an advice applied, where there are any."""
    began = time.perf_counter()
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = advised(set_up.as_run, keys or {})
        if set_up.by_hand:
            recorder = by_hand.watched(settings)
            found, frames = by_hand.judged(settings, recorder), recorder.frames()
        else:
            frames = frames_of(set_up, settings)
            found = diagnose(frames)
    losses = frames["steps"]["loss"].to_numpy(dtype=float)
    tail = pd.Series(losses[-max(1, len(losses) // 10) :])
    loss = float(tail.median()) if math.isfinite(losses[-1]) else math.inf
    score = -math.inf if set_up.by_hand else _score(frames["runs"].iloc[0])
    return Ran(found, loss, score, time.perf_counter() - began)


def _score(facts: pd.Series) -> float:
    """The last one, turned so that higher is better."""
    return float(facts["final_score"]) * (1 if facts["higher_is_better"] else -1)


def is_healed(before: Ran, after: Ran, cause: str) -> bool:
    """The finding is gone, as a problem and as a note, and loss or score is no worse (5 % of the loss)."""
    gone = cause not in after.names() | after.names("note")
    loss = after.loss <= 1.05 * before.loss if math.isfinite(after.loss) else False
    return gone and (loss or after.score >= before.score > -math.inf)

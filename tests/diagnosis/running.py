"""Runs a set-up of the suite as a study would, and diagnoses it from its tables alone."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from gradlab import recording, training
from gradlab.diagnosis import Diagnosis, diagnose
from gradlab.store import flatten
from gradlab.study.build import build_model
from gradlab.study.config import RunConfig, resolved


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
    """The run that dotted keys describe; a key replaces what stands above and below it."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *way, last = key.split(".")
        place = tree
        for name in way:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[last] = value
    return RunConfig.model_validate(tree)


def advised(settings: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with those of an advice in their place."""
    kept = {key: value for key, value in settings.items() if not any(key.startswith(f"{new}.") for new in keys)}
    merged = {**kept, **keys}
    for key in keys:  # `training.optimiser.rate` into `training.optimiser`, where that is given whole
        above = key.rpartition(".")[0]
        if isinstance(kept.get(above), dict):
            merged[above] = {**kept[above], key.rpartition(".")[2]: merged.pop(key)}
    return merged


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
        frames = frames_of(set_up, advised(set_up.settings, keys) if keys else set_up.settings)
        found = diagnose(frames)
    losses = frames["steps"]["loss"].to_numpy(dtype=float)
    tail = pd.Series(losses[-max(1, len(losses) // 10) :])
    loss = float(tail.median()) if math.isfinite(losses[-1]) else math.inf
    score = float(frames["runs"]["final_score"].iloc[0])
    if not frames["runs"]["higher_is_better"].iloc[0]:
        score = -score
    return Ran(found, loss, score, time.perf_counter() - began)


def is_healed(before: Ran, after: Ran, cause: str) -> bool:
    """The finding is gone, as a problem and as a note, and loss or score is no worse (5 % of the loss)."""
    gone = cause not in after.names() | after.names("note")
    loss = after.loss <= 1.05 * before.loss if math.isfinite(after.loss) else False
    return gone and (loss or after.score >= before.score > -math.inf)

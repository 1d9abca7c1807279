"""One run: build the net, watch it, train it, and leave everything in the store."""

from __future__ import annotations

import math
import platform
import time
import traceback
from typing import Any

import torch
from torch import nn

import gradlab
from gradlab import recording, training
from gradlab.store import Store
from gradlab.study.build import build_model
from gradlab.study.config import resolved
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener, Status
from gradlab.study.plan import PlannedRun


def execute(run: PlannedRun, study: str, store: str, listener: Listener, interrupt: Interrupt) -> Ended:
    """Do one run and record it, however it ends.

    Args:
        run: what to do.
        study: the study that it belongs to.
        store: where its folder lies.
        listener: is told of every step that the training reports.
        interrupt: asked at the same moments; a run that it ends is recorded as stopped.

    Returns:
        How the run ended. An error in it is recorded, with its traceback, and returned as a failure.
    """
    started = time.perf_counter()
    config = run.config
    writer = Store(store).writer(run.id, study, config=resolved(config), resume=True)
    writer.truncate(0)  # a run that was stopped or killed is done again from its start
    writer.annotate(study=study, varied=run.varied, parameters=run.parameters, **versions())
    writer.annotate(**config.task.describe())
    writer.flush()
    recorder = None
    try:
        model = build_model(config)
        recorder = recording.watch(model, sink=writer, **config.record.model_dump())
        outcome = _train(run, model, recorder, listener, interrupt)
        writer.annotate(**_results(outcome))
        ended = _ended(run, outcome)
    except KeyboardInterrupt:
        ended = _broken(run, "stopped", started, "")
    except Exception as error:
        writer.annotate(traceback=traceback.format_exc())
        ended = _broken(run, "failed", started, f"{type(error).__name__}: {error}".split("\n")[0])
    writer.annotate(seconds=ended.seconds, reason=ended.reason)
    if recorder is not None:
        recorder.close(ended.status)  # writes its last rows, and closes the writer
    writer.close(ended.status)
    return ended


def _train(
    run: PlannedRun, model: nn.Module, recorder: training.Observer, listener: Listener, interrupt: Interrupt
) -> training.Outcome:
    def progress(step: int, steps: int, loss: float, grad_norm: float) -> None:
        listener.stepped(run, step, loss, grad_norm)
        interrupt.check()

    config = run.config
    return training.train(model, config.task, config.training, seed=config.seed, recorder=recorder, progress=progress)


def _results(outcome: training.Outcome) -> dict[str, Any]:
    """What the store keeps of an outcome."""
    return {
        "steps": outcome.steps,
        "final_loss": outcome.final_loss,
        "final_score": outcome.final_score,
        "final_score_loss": outcome.final_score_loss,
        "skipped_updates": outcome.skipped,
    }


def _ended(run: PlannedRun, outcome: training.Outcome) -> Ended:
    return Ended(
        run=run,
        status=outcome.status,
        steps=outcome.steps,
        seconds=outcome.seconds,
        final_loss=outcome.final_loss,
        final_score=outcome.final_score,
        reason=outcome.reason,
    )


def _broken(run: PlannedRun, status: Status, started: float, reason: str) -> Ended:
    """A run that ended without an outcome."""
    return Ended(run, status, 0, time.perf_counter() - started, math.nan, math.nan, reason)


def versions() -> dict[str, str]:
    """What stands beside the data, so that a run can be done again."""
    return {
        "gradlab_version": gradlab.__version__,
        "torch_version": str(torch.__version__),
        "python_version": platform.python_version(),
    }

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
from gradlab.store import RunWriter, Store
from gradlab.study.build import build_model, cells_of
from gradlab.study.config import resolved
from gradlab.study.interrupt import Interrupt
from gradlab.study.limits import LimitError, Watchman
from gradlab.study.listener import Ended, Listener, Status
from gradlab.study.plan import PlannedRun


def execute(run: PlannedRun, study: str, store: str, listener: Listener, interrupt: Interrupt) -> Ended:
    """Do one run and record it, however it ends; after an error again, as often as its limits say.

    Args:
        run: what to do.
        study: the study that it belongs to.
        store: where its folder lies.
        listener: is told of every step that the training reports.
        interrupt: asked at the same moments; a run that it ends is recorded as stopped.

    Returns:
        How the run ended. An error in it is recorded, with its traceback, and returned as a failure.
    """
    errors: list[str] = []
    while True:
        ended, is_error = _attempt(run, study, store, listener, interrupt, errors)
        if not is_error or len(errors) >= run.limits.retries:
            return ended
        errors.append(ended.reason)


def _attempt(
    run: PlannedRun, study: str, store: str, listener: Listener, interrupt: Interrupt, errors: list[str]
) -> tuple[Ended, bool]:
    """One attempt at a run, and whether it ended by an error that another one may not meet.

    `errors` are those that earlier attempts ended by; they stand among the facts.
    """
    started = time.perf_counter()
    config = run.config
    writer = Store(store).writer(run.id, study, config=resolved(config), resume=True)
    checkpoint = last_checkpoint(writer)
    writer.truncate(checkpoint.step if checkpoint else 0)  # what came after it is done again
    writer.annotate(study=study, varied=run.varied, parameters=run.parameters, device=run.device, **versions())
    writer.annotate(**config.task.describe())
    if config.model.depth is not None:
        writer.annotate(demanded_lag=config.model.depth - 1)  # everything goes in at the bottom
    if errors:
        writer.annotate(errors=errors)
    if "limit" in writer.facts:
        writer.annotate(limit="")  # of an earlier attempt
    writer.flush()
    recorder, is_error = None, False
    try:
        model = build_model(config).to(run.device)
        recorder = recording.watch(model, cells=cells_of(model), sink=writer, **config.record.model_dump())
        if checkpoint is not None:
            recorder.resume(checkpoint.step)
        outcome = _train(run, model, recorder, writer, checkpoint, listener, interrupt)
        writer.annotate(**_results(outcome))
        ended = _ended(run, outcome)
    except KeyboardInterrupt:
        ended = _broken(run, "stopped", started, "")
    except LimitError as error:
        writer.annotate(limit=error.limit)
        ended = _broken(run, "failed", started, str(error))
    except Exception as error:
        is_error = not isinstance(error, training.NonfiniteError)
        writer.annotate(traceback=traceback.format_exc())
        ended = _broken(run, "failed", started, f"{type(error).__name__}: {error}".split("\n")[0])
    writer.annotate(seconds=ended.seconds, reason=ended.reason)
    if recorder is not None:
        recorder.close(ended.status)  # writes its last rows, and closes the writer
    writer.close(ended.status)
    return ended, is_error


def last_checkpoint(writer: RunWriter) -> training.Checkpoint | None:
    """Where a run that was stopped or killed can go on; None where it has to begin anew."""
    if training.CHECKPOINT not in writer.artifacts():
        return None
    try:
        return training.Checkpoint.from_bytes(writer.read_artifact(training.CHECKPOINT))
    except training.CheckpointError as error:
        writer.annotate(checkpoint_problem=str(error))  # the run is the same when it is done again, only later
        return None


def _train(
    run: PlannedRun,
    model: nn.Module,
    recorder: recording.Recorder,
    writer: RunWriter,
    checkpoint: training.Checkpoint | None,
    listener: Listener,
    interrupt: Interrupt,
) -> training.Outcome:
    watchman = Watchman(run.limits)

    def progress(step: int, steps: int, loss: float, grad_norm: float) -> None:
        listener.stepped(run, step, loss, grad_norm)
        interrupt.check()
        if step < steps:
            watchman.check()

    def keep(checkpoint: training.Checkpoint) -> None:
        recorder.complete()  # rows first: a checkpoint must never be ahead of them
        checkpoint.write(writer.write_artifact)

    config = run.config
    return training.train(
        model, config.task, config.training, seed=config.seed,
        recorder=recorder, progress=progress, keep=keep, resume_from=checkpoint,
    )  # fmt: skip


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

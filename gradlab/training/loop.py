"""The training loop: a function of settings and seed, that can be left after any step and taken up again."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import nn

from gradlab.tasks import Task
from gradlab.training.checkpoint import Checkpoint
from gradlab.training.interruption import deferred_interruption
from gradlab.training.observer import Observer
from gradlab.training.outcome import Outcome, Status
from gradlab.training.placement import placement
from gradlab.training.progress import Progress, Throttle, silent
from gradlab.training.randomness import seeded
from gradlab.training.run import Run
from gradlab.training.settings import TrainingSettings

Keep = Callable[[Checkpoint], None]
"""Takes a checkpoint and stores it; everything recorded up to its step must be durable first."""


def train(
    model: nn.Module,
    task: Task,
    settings: TrainingSettings,
    *,
    seed: int,
    recorder: Observer | None = None,
    progress: Progress | None = None,
    keep: Keep | None = None,
    resume_from: Checkpoint | None = None,
    until: int | None = None,
) -> Outcome:
    """Train a model in place, where it is.

    Batches, dropout and held-out data are functions of the seed; neither the recorder nor evaluation changes
    the weights that come out. torch's global random state is the caller's own again afterwards.

    Args:
        model: answers `batch output` or `time batch output`, as the task reads it.
        task: gives batches, loss and score.
        settings: steps, optimiser, clipping, evaluation.
        seed: of the run.
        recorder: is told of every step; None for nobody.
        progress: is called about ten times a second with step, steps, loss and gradient norm.
        keep: is given a checkpoint every `checkpoint_every` steps, and at the end of a run that did not fail.
        resume_from: continue from there; the weights of the model are replaced. With the settings and the seed
            that it was made with the run ends as if it had never been left; with others it has the same past
            and another future.
        until: leave the run after so many steps all the same, as `stopped`.

    Raises:
        NonfiniteError: at a NaN or infinite loss or gradient, with `on_nonfinite="raise"`.
        CheckpointError: when `resume_from` belongs to another model.
        ValueError: when task, model and settings do not fit together.
    """
    device, _ = placement(model)
    with seeded(seed, device), deferred_interruption() as interruption:
        run = Run(model, task, settings, seed, recorder)
        if resume_from is not None:
            run.restore(resume_from)
        report = Throttle(progress or silent)
        started, before = time.perf_counter(), run.seconds
        status: Status = "finished"
        kept = -1
        try:
            while not run.is_over and status == "finished":
                if until is not None and run.steps >= until:
                    status = "stopped"
                    break
                going = run.step()
                run.seconds = before + time.perf_counter() - started
                if keep is not None and going and run.checkpoint_is_due:
                    keep(run.checkpoint())
                    kept = run.steps
                report(run.steps, settings.steps, run.losses.latest, run.grad_norm)
                if not going:
                    status = "failed"
                elif interruption.requested and not run.is_over:
                    status = "stopped"
        except KeyboardInterrupt:
            status = "stopped"
        finally:
            run.close()
        if keep is not None and status != "failed" and run.is_whole and run.steps != kept:
            keep(run.checkpoint())
        return run.outcome(status)

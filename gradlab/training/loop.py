"""The training loop: full backpropagation through time, a function of settings and seed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from gradlab.tasks import Task
from gradlab.training.evaluation import Evaluation, evaluate
from gradlab.training.interruption import deferred_interruption
from gradlab.training.nonfinite import NonfiniteError, describe_nonfinite
from gradlab.training.observer import Observer
from gradlab.training.placement import on_model, placement
from gradlab.training.progress import Progress, Throttle, silent
from gradlab.training.seeds import derived_seed, generator
from gradlab.training.settings import TrainingSettings

Status = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    status: Status
    """`finished`; `stopped` by Ctrl-C; `failed` at a non-finite loss or gradient."""
    steps: int
    """Training steps that were begun and ended, skipped updates included."""
    seconds: float
    final_loss: float
    """Mean training loss over the last twentieth of the steps, at least one; NaN without any."""
    final_score: float
    """The last score on held-out data; NaN when there was none."""
    final_score_loss: float = math.nan
    """The loss that belongs to it."""
    skipped: int = 0
    """Steps whose update was left out, because loss or gradient was not finite."""
    reason: str = ""
    """Why a run failed or skipped updates: the first time that something was not finite."""


def train(
    model: nn.Module,
    task: Task,
    settings: TrainingSettings,
    *,
    seed: int,
    recorder: Observer | None = None,
    progress: Progress | None = None,
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

    Raises:
        NonfiniteError: at a NaN or infinite loss or gradient, with `on_nonfinite="raise"`.
    """
    device, _ = placement(model)
    with _seeded(seed, device), deferred_interruption() as interruption:
        run = _Run(model, task, settings, seed, recorder)
        report = Throttle(progress or silent)
        started = time.perf_counter()
        status: Status = "finished"
        try:
            while run.steps < settings.steps and status == "finished":
                going = run.step()
                report(run.steps, settings.steps, run.losses[-1], run.grad_norm)
                if not going:
                    status = "failed"
                elif interruption.requested and run.steps < settings.steps:
                    status = "stopped"
        except KeyboardInterrupt:
            status = "stopped"
        return run.outcome(status, time.perf_counter() - started)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random state of torch as a function of the seed inside, and the caller's own again afterwards."""
    on_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.random.default_generator.manual_seed(derived_seed(seed, "dropout"))
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(derived_seed(seed, "dropout"))
        yield


class _Run:
    """The moving parts of one training."""

    def __init__(
        self, model: nn.Module, task: Task, settings: TrainingSettings, seed: int, recorder: Observer | None
    ) -> None:
        self.model = model
        self.task = task
        self.settings = settings
        self.seed = seed
        self.recorder = recorder
        self.batches = generator(seed, "batches")
        self.optimiser = settings.optimiser.start(model.parameters())
        self.clipper = settings.clip.start()
        self.steps = 0
        self.losses: list[float] = []
        self.grad_norm = math.nan
        self.evaluation = Evaluation(math.nan, math.nan)
        self.skipped = 0
        self.reason = ""

    def step(self) -> bool:
        """One batch: forward, backward, clip, update, and evaluation when it is due. False ends the run."""
        loss = self._backward()
        report = self.clipper(self.model.parameters())
        if self.recorder is not None:
            self.recorder.clipped(report)
        self.losses.append(loss)
        self.grad_norm = report.norm_before
        going = self._update(describe_nonfinite(self.model, loss, report.norm_before))
        self.steps += 1
        if self._evaluation_is_due(going):
            self.evaluation = evaluate(self.model, self.task, self.settings.evaluation_size, self.seed)
            if self.recorder is not None:
                self.recorder.evaluated(score=self.evaluation.score, loss=self.evaluation.loss)
        return going

    def _backward(self) -> float:
        """Loss of the next batch; gradients are in `.grad` afterwards, and the recorder has seen them."""
        batch = on_model(self.task.batch(self.settings.batch, self.batches), self.model)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.task.loss(self.model(batch.inputs), batch)
        loss.backward()
        if self.recorder is not None:
            self.recorder.step(loss, learning_rate=float(self.optimiser.param_groups[0]["lr"]))
        return float(loss.detach())

    def _update(self, trouble: str) -> bool:
        """Let the optimiser act on a finite gradient, else do what the settings say. False ends the run."""
        if not trouble:
            self.optimiser.step()
            return True
        trouble = f"step {self.steps}: {trouble}"
        if self.settings.on_nonfinite == "raise":
            raise NonfiniteError(
                f"expected a finite loss and gradient, got at {trouble}; clip gradients, lower the "
                "learning rate, or set on_nonfinite to 'skip' or 'stop'"
            )
        self.skipped += 1
        self.reason = self.reason or trouble
        return self.settings.on_nonfinite == "skip"

    def _evaluation_is_due(self, going: bool) -> bool:
        every = self.settings.evaluate_every
        last = self.steps == self.settings.steps or not going
        return last or (every is not None and self.steps % every == 0)

    def outcome(self, status: Status, seconds: float) -> Outcome:
        """What is known at the end."""
        last = self.losses[-max(1, len(self.losses) // 20) :]
        return Outcome(
            status=status,
            steps=self.steps,
            seconds=seconds,
            final_loss=math.fsum(last) / len(last) if last else math.nan,
            final_score=self.evaluation.score,
            final_score_loss=self.evaluation.loss,
            skipped=self.skipped,
            reason=self.reason,
        )

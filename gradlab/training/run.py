"""The moving parts of one training run: what a step does, and what a checkpoint of them is."""

from __future__ import annotations

import copy
import math
from itertools import islice
from typing import Any

import torch
from torch import nn

from gradlab.tasks import Task
from gradlab.training.bptt import unrollable
from gradlab.training.checkpoint import Checkpoint, load_weights
from gradlab.training.evaluation import Evaluation, evaluate
from gradlab.training.measuring import Measurements
from gradlab.training.noise import WeightNoise
from gradlab.training.nonfinite import NonfiniteError, describe_nonfinite
from gradlab.training.observer import Observer, TakesRows
from gradlab.training.outcome import Losses, Outcome, Status
from gradlab.training.placement import placement
from gradlab.training.randomness import random_state, set_random_state
from gradlab.training.settings import TrainingSettings
from gradlab.training.stopping import StopOnReach, reach


class Run:
    """The moving parts of one training."""

    def __init__(
        self, model: nn.Module, task: Task, settings: TrainingSettings, seed: int, recorder: Observer | None
    ) -> None:
        self.model = model
        self.task = task
        self.settings = settings
        self.seed = seed
        self.recorder = recorder
        self.unrolling = settings.bptt.start(task, settings.batch, seed)
        self.optimiser = settings.optimiser.start(model.parameters())
        self.rates = settings.schedule.rates(settings.optimiser.rate, settings.steps)
        self.clipper = settings.clip.start()
        self.penalties = [regulariser.start(model) for regulariser in settings.regularisers]
        self.noise = WeightNoise(model, settings.weight_noise, seed) if settings.weight_noise else None
        if isinstance(settings.stop, StopOnReach):
            unrollable(model, "stop on the score (name: score)")
        self.stopper = None if settings.stop is None else settings.stop.start(task.higher_is_better)
        self.measurements = None
        if isinstance(recorder, TakesRows):
            self.measurements = Measurements(settings.measure, model, task, self.unrolling, recorder, seed)
        self.steps = 0
        self.seconds = 0.0
        self.losses = Losses(settings.steps)
        self.grad_norm = math.nan
        self.evaluation = Evaluation(math.nan, math.nan)
        self.skipped = 0
        self.reason = ""
        self.is_enough = False
        """True once early stopping has said so."""
        self.is_whole = True
        """False while a step is under way, and after one that was broken off."""

    @property
    def is_over(self) -> bool:
        """Whether there is no further step to do."""
        return self.is_enough or self.steps >= self.settings.steps

    def step(self) -> bool:
        """One update: forward, backward, clip, optimiser, and evaluation when it is due. False ends the run."""
        self.is_whole = False
        loss = self._backward()
        if self.measurements is not None:
            self.measurements.before_clipping(self.steps)
        report = self.clipper(self.model.parameters())
        if self.recorder is not None:
            self.recorder.clipped(report)
        if self.measurements is not None:
            self.measurements.after_clipping(self.steps, report, self.optimiser)
        self.losses.add(loss)
        self.grad_norm = report.norm_before
        going = self._update(describe_nonfinite(self.model, loss, report.norm_before))
        self.steps += 1
        if self._evaluation_is_due(going):
            self.evaluation = evaluate(self.model, self.task, self.settings.evaluation_size, self.seed)
            if self.recorder is not None:
                self.recorder.evaluated(score=self.evaluation.score, loss=self.evaluation.loss)
            self._ask_whether_to_stop(going)
        self.is_whole = True
        return going

    def _backward(self) -> float:
        """Loss of the next data; gradients are in `.grad` afterwards, and the recorder has seen them."""
        self.optimiser.zero_grad(set_to_none=True)
        rate = next(self.rates)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        if self.noise is not None:
            self.noise.add()
        try:
            for penalty in self.penalties:
                penalty.listen()
            loss = self.unrolling(self.model)
            values = [penalty() for penalty in self.penalties]
            if self.recorder is not None:
                self.recorder.step(loss, learning_rate=rate)
        finally:  # however the step ends, the weights are never left noisy
            if self.noise is not None:
                self.noise.remove()
        if values and self.measurements is not None:
            self.measurements.penalties(self.steps, [each.name for each in self.settings.regularisers], values)
        return float(loss)

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

    def _ask_whether_to_stop(self, going: bool) -> None:
        if self.stopper is None or not going:
            return
        told = self.stopper(self.evaluation, lambda: reach(self.model, self.task, self.unrolling))
        if told:
            self.is_enough = True
            self.reason = f"stopped early after {self.steps} steps: {told}"

    def _evaluation_is_due(self, going: bool) -> bool:
        every = self.settings.evaluate_every
        last = self.steps == self.settings.steps or not going
        return last or (every is not None and self.steps % every == 0)

    @property
    def checkpoint_is_due(self) -> bool:
        """Whether the settings ask for one after this step."""
        every = self.settings.checkpoint_every
        return every is not None and self.steps % every == 0 and not self.is_over

    def checkpoint(self) -> Checkpoint:
        """Everything that the next step depends on. To be asked for between steps only."""
        assert self.is_whole
        settings = self.settings
        parts: dict[str, Any] = {
            "optimiser": _named(settings.optimiser.name, self.optimiser.state_dict()),
            "clip": _named(settings.clip.name, self.clipper.state()),
            "bptt": _named(settings.bptt.name, self.unrolling.state()),
            "random": random_state(placement(self.model)[0]),
            "noise": None if self.noise is None else self.noise.state(),
            "stopper": None if self.stopper is None else _named(_name(settings.stop), self.stopper.state()),
            "is_enough": self.is_enough,
            "measurements": None if self.measurements is None else self.measurements.state(),
            "losses": self.losses.state(),
            "evaluation": [self.evaluation.loss, self.evaluation.score],
            "grad_norm": self.grad_norm,
            "skipped": self.skipped,
            "reason": self.reason,
            "seconds": self.seconds,
        }
        # Copies: what torch hands out goes on changing with the run.
        weights = {name: weight.detach().cpu().clone() for name, weight in self.model.state_dict().items()}
        return Checkpoint(self.steps, self.seed, weights, copy.deepcopy(parts))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from there.

        Parts that these settings have otherwise start anew, and so do the random streams of another seed.
        """
        load_weights(self.model, checkpoint.weights)
        state = copy.deepcopy(dict(checkpoint.state))
        if (found := _of_name(state["optimiser"], self.settings.optimiser.name)) is not None:
            _restore_optimiser(self.optimiser, found)
        if (found := _of_name(state["clip"], self.settings.clip.name)) is not None:
            self.clipper.restore(found)
        if checkpoint.seed == self.seed:
            set_random_state(state["random"], placement(self.model)[0])
            if self.noise is not None and state["noise"] is not None:
                self.noise.restore(state["noise"])
            if (found := _of_name(state["bptt"], self.settings.bptt.name)) is not None:
                self.unrolling.restore(found, self.model)
        stopper = state["stopper"]
        if self.stopper is not None and stopper is not None and stopper["name"] == _name(self.settings.stop):
            self.stopper.restore(stopper["state"])
            self.is_enough = state["is_enough"]
        if self.measurements is not None:
            self.measurements.restore(state["measurements"])
        self.losses.restore(state["losses"])
        self.evaluation = Evaluation(*state["evaluation"])
        self.grad_norm = state["grad_norm"]
        self.skipped, self.reason = state["skipped"], state["reason"]
        self.seconds = state["seconds"]
        self.steps = checkpoint.step
        next(islice(self.rates, self.steps, self.steps), None)

    def close(self) -> None:
        """Take everything off the model that was put on it."""
        for penalty in self.penalties:
            penalty.close()

    def outcome(self, status: Status) -> Outcome:
        """What is known at the end."""
        return Outcome(
            status=status,
            steps=self.steps,
            seconds=self.seconds,
            final_loss=self.losses.mean(),
            final_score=self.evaluation.score,
            final_score_loss=self.evaluation.loss,
            skipped=self.skipped,
            reason=self.reason,
        )


def _name(settings: Any) -> str:
    return str(settings.name)


def _named(name: str, state: Any) -> dict[str, Any]:
    return {"name": name, "state": state}


def _of_name(part: dict[str, Any], name: str) -> Any:
    """The state in a part of a checkpoint, if it belongs to what the settings name."""
    return part["state"] if part["name"] == name else None


def _restore_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take up its memory; learning rate and other settings stay those that it was made with."""
    own = [{key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups]
    optimiser.load_state_dict(state)
    for group, settings in zip(optimiser.param_groups, own, strict=True):
        group.update(settings)

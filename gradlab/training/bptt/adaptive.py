"""Truncation by tolerable bias: the window is as short as the decay of the gradient allows, and is measured anew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gradlab.tasks import Task
from gradlab.training.bptt.base import Bptt, Stretch, Unrolling
from gradlab.training.bptt.nested import WindowGradient, nested_gradients
from gradlab.training.bptt.truncated import TruncatedWindows
from gradlab.training.bptt.windows import stretch
from gradlab.training.twin import Twin


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the decay of the gradient says about truncation."""

    window: int
    """The shortest window whose bound is below the tolerance, in the allowed range."""
    log_decay: float
    """ln β, nats a step: the slope of ln φ against the lag."""
    bounds: np.ndarray
    """Bound on the relative bias of the windows 1, 2, …, `lag`."""


def estimate(
    norms: np.ndarray, sums: np.ndarray, tolerance: float, shortest: int, longest: int, onset: int
) -> Estimate:
    """The window by the bound on relative bias.

    With φ_k the mean norm of dL_T/ds_{T−k} and geometric decay φ_{k+1} ≤ β φ_k from lag τ on, cutting after K
    steps loses at most E(K) = Σ_{K≤k<τ} φ_k + φ_max(K,τ)/(1 − β), with φ beyond τ as φ_τ β^(k−τ); the whole is at
    least max_K ‖Σ_{k<K} dL/ds‖ − E(K). Their quotient bounds the relative bias. β is fitted to ln φ by least squares.
    Source: Aicher, Foti & Fox (2019). Lag 0, which no window loses, is left out of both.

    Args:
        norms: φ_k at the lags 1, 2, …, `lag`.
        sums: norm of the sum of the mean gradients over lags up to and with that one, `lag`.
        tolerance: of the relative bias.
        shortest: window.
        longest: window; chosen where no bound is below the tolerance.
        onset: τ, from 1 to the number of lags.
    """
    lags = np.arange(1, len(norms) + 1)
    with np.errstate(divide="ignore"):
        log_norms = np.log(norms)
    usable = np.isfinite(log_norms) & (lags >= onset) & (norms > norms.max(initial=0.0) * 1e-20)
    slope = float(np.polyfit(lags[usable], log_norms[usable], 1)[0]) if usable.sum() > 1 else -math.inf
    if not np.isfinite(norms).all() or slope >= 0:
        return Estimate(longest, slope, np.full(len(norms), math.inf))
    decay = math.exp(slope)
    tail = norms[onset - 1] * decay ** np.maximum(0, lags - onset) / (1 - decay)
    before = np.array([norms[lag : max(lag, onset - 1)].sum() for lag in range(len(norms))])
    lost = before + tail
    whole = float(np.max(np.concatenate([[0.0], sums[:-1] - lost[1:]])))
    bounds = lost / whole if whole > 0 else np.full(len(norms), math.inf)
    fit = [int(window) for window in lags[bounds < tolerance] if window >= shortest]
    return Estimate(min([*fit, longest]), slope, bounds)


class AdaptiveWindows(TruncatedWindows):
    """Truncated windows with k1 = k2, the length of which follows the decay of the gradient."""

    def __init__(self, task: Task, size: int, seed: int, settings: Adaptive) -> None:
        super().__init__(task, size, seed, settings.longest, settings.longest)
        self.settings = settings
        self.calls = 0
        self._twin: Twin | None = None
        self._news: dict[str, np.ndarray] | None = None

    def __call__(self, model: nn.Module) -> Tensor:
        """One window; then, when it is due, the length of the next ones."""
        loss = super().__call__(model)
        if self.calls % self.settings.every == 0:
            self._adapt(model)
        self.calls += 1
        return loss

    def _adapt(self, model: nn.Module) -> None:
        self._twin = self._twin or Twin(model)
        measured = self._measured(model)
        inputs = measured.inputs
        lags = len(inputs) - 1
        if lags < 2:
            return
        with self._twin.fresh() as net:
            found = nested_gradients(net, self.task, measured, range(1, lags + 1))
        norms = np.array([float(one.state_norms.mean()) for one in found])
        sums = _norms_of_sums(found)
        options = self.settings
        made = estimate(norms, sums, options.tolerance, options.shortest, options.longest, min(options.onset, lags))
        self.k1 = self.k2 = made.window
        bound = float(made.bounds[made.window - 1]) if made.window <= lags else 0.0  # nothing is cut off
        self._news = {
            "length": np.array([made.window]),
            "log_decay": np.array([made.log_decay]),
            "bias_bound": np.array([bound]),
        }

    def _measured(self, model: nn.Module) -> Stretch:
        """Twice the longest window where there is so much: its loss is that of the last step alone."""
        history = 2 * self.settings.longest
        if self.task.reads == "last":
            return self.reference(model, history)
        steps = min(history, self.walk.length)
        begin, state = self.kept
        if begin + steps > self.walk.length:
            begin, state = 0, None
        return stretch(self.walk.batch(begin, begin + steps, model), 1, state)

    def rows(self) -> tuple[str, dict[str, np.ndarray]] | None:
        """The window that was chosen, once."""
        news, self._news = self._news, None
        return None if news is None else ("windows", news)

    def state(self) -> dict[str, Any]:
        """With the present length."""
        return {**super().state(), "k": self.k1, "calls": self.calls}

    def restore(self, state: dict[str, Any], model: nn.Module) -> None:
        """With the present length."""
        super().restore(state, model)
        self.k1 = self.k2 = state["k"]
        self.calls = state["calls"]


def _norms_of_sums(found: list[WindowGradient]) -> np.ndarray:
    """‖Σ_{k≤K} mean over sequences of dL/ds_{T−k}‖ for every K, `lag`."""
    total: Tensor | None = None
    norms = []
    for one in found:
        flat = torch.cat(
            [part.reshape(-1, *part.shape[-2:]).mean(1).flatten().double() for part in one.state_gradients]
        )
        total = flat if total is None else total + flat
        norms.append(float(total.norm()))
    return np.array(norms)


class Adaptive(Bptt):
    """The shortest window whose relative bias is tolerable (Aicher, Foti & Fox 2019)."""

    name: Literal["adaptive"] = "adaptive"

    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.5
    """Largest relative bias of the gradient (δ)."""
    shortest: Annotated[int, Field(gt=0)] = 2
    """Window, in time steps; k1 and k2 are the same."""
    longest: Annotated[int, Field(gt=1)] = 100
    """Window; the one to begin with, and where nothing shorter is known to be good."""
    onset: Annotated[int, Field(gt=0)] = 5
    """The lag from which on the gradient decays geometrically (τ)."""
    every: Annotated[int, Field(gt=0)] = 100
    """Windows after which the decay is measured anew, over twice the longest window."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Adaptive:
        if self.shortest > self.longest:
            raise ValueError(f"shortest: expected at most longest = {self.longest}, got {self.shortest}")
        return self

    def start(self, task: Task, size: int, seed: int) -> Unrolling:
        """Windows from the beginning of the data, the longest first."""
        return AdaptiveWindows(task, size, seed, self)

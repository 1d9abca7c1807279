"""What recording will cost on a model at hand, measured before training: a plain step against a recorded one."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gradlab.recording.amount import PRESETS, Preset
from gradlab.recording.sink import MemorySink
from gradlab.recording.watch import watch

if TYPE_CHECKING:
    import pandas as pd


class _Nowhere(MemorySink):
    """Takes rows and forgets them: what is measured is the recording, not the writing."""

    def write(self, table: str, columns: Any) -> None:
        """Forget the rows."""


def costs(
    model: nn.Module,
    loss: Callable[[nn.Module], Tensor],
    *,
    presets: Collection[Preset] = ("light", "standard", "full"),
    every: int = 10,
    repeats: int = 3,
) -> pd.DataFrame:
    """Seconds of a recorded step by preset, on a copy of the model; the random state is put back.

    Args:
        model: as it would be watched.
        loss: gives the training loss of a model on one batch, such as `lambda m: criterion(m(x), y)`.
        presets: which presets to try.
        every: for the last column: how often would be recorded.
        repeats: each figure is the median of so many steps.

    Returns:
        One row a preset: `plain` and `recorded` seconds of a step, their `ratio`, and the `ratio_of_training`, the
        factor by which training gets longer when every `every`-th step is recorded.
    """
    import pandas as pd

    model = copy.deepcopy(model).train()
    state = torch.get_rng_state()
    try:
        plain = _median(model, loss, repeats, None)
        rows = []
        for preset in presets:
            if preset not in PRESETS:
                raise ValueError(f"presets: expected some of {', '.join(PRESETS)}, got {preset!r}")
            recorded = _median(model, loss, repeats, preset)
            ratio = recorded / plain
            rows.append(
                {
                    "preset": preset,
                    "plain": plain,
                    "recorded": recorded,
                    "ratio": ratio,
                    "ratio_of_training": 1 + (ratio - 1) / every,
                }
            )
    finally:
        torch.set_rng_state(state)
    return pd.DataFrame(rows)


def _median(model: nn.Module, loss: Callable[[nn.Module], Tensor], repeats: int, preset: Preset | None) -> float:
    """Median seconds of forward, backward and, with a preset, recording; one step more warms up."""
    seconds = []
    for _ in range(repeats + 1):
        recorder = None
        if preset is not None:
            recorder = watch(model, every=1, preset=preset, check_every="never", sink=_Nowhere())
        began = time.perf_counter()
        value = loss(model)
        value.backward()
        if recorder is not None:
            recorder.step(value)
        seconds.append(time.perf_counter() - began)
        if recorder is not None:
            recorder.close()
        model.zero_grad(set_to_none=True)
    return sorted(seconds[1:])[len(seconds[1:]) // 2]

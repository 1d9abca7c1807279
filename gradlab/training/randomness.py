"""Torch's own random state during a run: a function of the seed, kept by checkpoints, the caller's own at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from gradlab.training.seeds import derived_seed


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random state of torch as a function of the seed inside, and the caller's own again afterwards."""
    on_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.random.default_generator.manual_seed(derived_seed(seed, "dropout"))
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(derived_seed(seed, "dropout"))
        yield


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Where torch's generators stand, on the CPU and on the model's device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put torch's generators where they stood."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)

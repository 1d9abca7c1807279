"""A copy of the model on which things are tried out: no hook hears of it, and no random number is drawn."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class Twin:
    """Same weights, no dropout, its own gradients. Made once; `fresh()` brings it up to date."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.net: Any = copy.deepcopy(model)
        for module in self.net.modules():
            # In training mode, because cuDNN's recurrent layers have a backward pass in no other.
            module.training = True
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0
            elif isinstance(getattr(module, "dropout", None), float):
                setattr(module, "dropout", 0.0)  # noqa: B010 (of torch's recurrent layers and those called like them)

    @contextmanager
    def fresh(self) -> Iterator[Any]:
        """The copy with the weights of now and without gradients; torch's random state is untouched afterwards."""
        with torch.no_grad():
            own = self.net.state_dict()
            for name, weight in self._model.state_dict().items():
                own[name].copy_(weight)
        self.net.zero_grad(set_to_none=True)
        device = next(self.net.parameters()).device
        try:
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.enable_grad():
                yield self.net
        finally:
            self.net.zero_grad(set_to_none=True)

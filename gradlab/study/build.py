"""Builds the net of a run from its config, and tries the nets of a whole grid before the first run."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from gradlab import models
from gradlab.errors import Fault, GradlabError
from gradlab.instrument import Cell
from gradlab.models.influence_net import InfluenceNet, InfluenceStep
from gradlab.models.stack import DeepModel, StackBlock
from gradlab.study.config import RunConfig, resolved
from gradlab.study.faults import fault_of_message
from gradlab.study.tree import Node


def build_model(config: RunConfig) -> nn.Module:
    """The net of a run with its initial weights, which the run's seed decides."""
    return models.build(config.model, config.task, config.seed)


def cells_of(model: nn.Module) -> dict[Any, Cell] | None:
    """The recurrences in a model that are not torch's, as `gradlab.watch` is told of them."""
    if isinstance(model, DeepModel):
        return {StackBlock: Cell(input=None, state=0, depth=True)}
    return {InfluenceStep: Cell()} if isinstance(model, InfluenceNet) else None


_CANNOT_BE_BUILT = (ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError, OSError, GradlabError)
"""What tasks and torch raise for settings that are right one by one but not together."""


class Trial:
    """Builds each distinct task and net of a grid once, and remembers its number of parameters."""

    def __init__(self) -> None:
        self._parameters: dict[str, int] = {}
        self.faults: list[Fault] = []

    def parameters(self, config: RunConfig, tree: Node) -> int:
        """Parameters of a run's net; one that cannot be built becomes a fault at `model` in the tree."""
        plain = resolved(config)
        shape = json.dumps([plain["task"], plain["model"]], sort_keys=True)
        if shape not in self._parameters:
            self._parameters[shape] = self._build(config, tree)
        return self._parameters[shape]

    def _build(self, config: RunConfig, tree: Node) -> int:
        for key, attempt in (("task", self._try_task), ("model", self._try_model)):
            try:
                count = attempt(config)
            except _CANNOT_BE_BUILT as error:
                told = str(error).strip() or type(error).__name__
                self.faults.append(fault_of_message(told, tree, (key,), f"a {key} that cannot be built"))
                return 0
        return count

    @staticmethod
    def _try_task(config: RunConfig) -> int:
        config.task.batch(1, torch.Generator().manual_seed(config.seed))
        return config.task.length

    @staticmethod
    def _try_model(config: RunConfig) -> int:
        # On the meta device nothing is allocated, so that a slip of the finger costs no memory.
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build_model(config).parameters())

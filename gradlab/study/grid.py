"""Expands a study's grid: every combination of its axes' values, set into the shared settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradlab.errors import Fault
from gradlab.study.tree import Entry, Node

MAX_RUNS = 100_000


@dataclass(frozen=True, slots=True)
class Axis:
    """One varied setting: its dotted key, and its values with their places."""

    key: str
    where: str
    values: tuple[Node, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """The key as a path."""
        return tuple(self.key.split("."))


@dataclass(frozen=True, slots=True)
class Combination:
    """One point of the grid: the settings of its run, and which values the axes took."""

    tree: Node
    varied: dict[str, Any]


def axes_of(grid: Entry | None) -> tuple[tuple[Axis, ...], list[Fault]]:
    """Read the `grid` of a study file: a mapping of dotted keys to lists of values.

    Returns:
        The axes that are well formed, and the mistakes in the others. Whether the values are right shows
        when runs are made of them. Of a grid that is too large only the first value of every axis is given.
    """
    if grid is None or grid.node.value is None:
        return (), []
    if not isinstance(grid.node.value, dict):
        return (), [Fault(grid.where, "grid", "a mapping of keys to lists of values", grid.node.shown())]
    axes, faults = [], []
    for key, entry in grid.node.entries().items():
        values = entry.node.value
        above = [other for other in grid.node.entries() if key.startswith(other + ".")]
        if not all(key.split(".")):
            faults.append(Fault(entry.where, f"grid.{key}", "a dotted key such as model.hidden", repr(key)))
        elif above:
            faults.append(Fault(entry.where, f"grid.{key}", "axes that do not contain each other", f"{above[0]} too"))
        elif not isinstance(values, tuple) or not values:
            faults.append(Fault(entry.node.where, f"grid.{key}", "a list of values", entry.node.shown()))
        else:
            axes.append(Axis(key, entry.where, values))
    size = math.prod(len(axis.values) for axis in axes)
    if size > MAX_RUNS:
        faults.append(Fault(grid.where, "grid", f"at most {MAX_RUNS:,} runs", f"{size:,}"))
        axes = [Axis(axis.key, axis.where, axis.values[:1]) for axis in axes]
    return tuple(axes), faults


def combinations(shared: Node, axes: tuple[Axis, ...]) -> Iterator[Combination]:
    """Every combination of the axes' values, the last axis varying fastest.

    Args:
        shared: the settings that all runs have in common.
        axes: what varies; without axes there is one run.

    Raises:
        ConfigError: an axis leads through a value that is no mapping.
    """
    for values in itertools.product(*(axis.values for axis in axes)):
        tree = shared
        for axis, value in zip(axes, values, strict=True):
            tree = tree.replaced(axis.path, Entry(axis.where, value))
        yield Combination(tree, {axis.key: value.plain() for axis, value in zip(axes, values, strict=True)})

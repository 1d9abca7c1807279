"""Expands a study's grid: every combination of its axes' values, set into the shared settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradlab.study.conditions import Condition, Point
from gradlab.study.tree import Entry, Node


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an axis, or of several that move together: what it sets, and how it is called."""

    settings: tuple[tuple[str, Entry], ...]
    """Dotted keys with their values."""
    varied: tuple[tuple[str, Any], ...]


Axis = tuple[Choice, ...]
Product = tuple[Axis, ...]
Defaults = Callable[[Node], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Grid:
    """What a study varies: one or more products of axes, and which of their points are kept."""

    products: tuple[Product, ...] = ((),)
    conditions: tuple[Condition, ...] = ()
    """A point is kept when it meets all of them."""

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Every varied key with the values that it takes."""
        found: dict[str, list[Any]] = {}
        for choice in self._choices():
            for key, value in choice.varied:
                values = found.setdefault(key, [])
                if not any(value == other and type(value) is type(other) for other in values):
                    values.append(value)
        return found

    @property
    def keys(self) -> tuple[str, ...]:
        """Every setting that an axis sets, by dotted key."""
        return tuple(dict.fromkeys(key for choice in self._choices() for key, _ in choice.settings))

    @property
    def size(self) -> int:
        """How many points there are before any is left out."""
        return sum(math.prod(map(len, axes)) for axes in self.products)

    def _choices(self) -> Iterator[Choice]:
        return itertools.chain.from_iterable(itertools.chain.from_iterable(self.products))


@dataclass(frozen=True, slots=True)
class Combination:
    """One point of the grid: the settings of its run, and which values the axes took."""

    tree: Node
    varied: dict[str, Any]


def combinations(shared: Node, grid: Grid, defaults: Defaults) -> Iterator[Combination]:
    """Every point of the grid, the last axis varying fastest.

    Args:
        shared: the settings that all runs have in common.
        grid: what varies; without axes there is one run.
        defaults: gives all settings of a tree by dotted key, its defaults filled in; for conditions on these.

    Raises:
        ConfigError: an axis leads through a value that is no mapping, or a condition compares what cannot be
            compared.
    """
    for axes in grid.products:
        for choices in itertools.product(*axes):
            tree = shared
            varied: dict[str, Any] = {}
            for choice in choices:
                for key, entry in choice.settings:
                    tree = tree.replaced(tuple(key.split(".")), entry)
                varied.update(choice.varied)
            point = Point(tree, varied, defaults)
            if all(condition.keeps(point) for condition in grid.conditions):
                yield Combination(tree, varied)

"""Conditions between the axes of a grid: which of its points are left out (`exclude`), and which are kept (`only`)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gradlab.errors import ConfigError, Fault
from gradlab.study.tree import Entry, Node, shown
from gradlab.study.yaml_nodes import read_yaml


class Condition(Protocol):
    """Decides whether a point of a grid is kept."""

    @property
    def where(self) -> dict[str, str]:
        """The settings that it looks at, with where each is named."""

    def keeps(self, point: Point) -> bool:
        """Whether it stays."""


class Point:
    """What a point of a grid has for a dotted key: the value of its axis, the setting, or the setting's default."""

    def __init__(self, tree: Node, varied: Mapping[str, Any], defaults: Callable[[Node], Mapping[str, Any]]) -> None:
        self._tree, self._varied, self._defaults = tree, varied, defaults
        self._filled: Mapping[str, Any] | None = None

    def value(self, key: str) -> Any:
        """The value; None where there is none."""
        if key in self._varied:
            return self._varied[key]
        node = self._tree
        for part in key.split("."):
            if part not in node.entries():
                break
            node = node.entries()[part].node
        else:
            return node.plain()
        if self._filled is None:
            self._filled = self._defaults(self._tree)
        return self._filled.get(key)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Leaves out the points that have, for every key, one of the values."""

    where: dict[str, str]
    values: Mapping[str, tuple[Any, ...]]

    def keeps(self, point: Point) -> bool:
        """Whether any key has another value."""
        return not all(any(_same(point.value(key), one) for one in allowed) for key, allowed in self.values.items())


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt,
}  # fmt: skip
_COMPARISON = re.compile(r"(?P<left>\S+)\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<right>\S+)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Keeps the points at which two settings, or a setting and a number, compare as they must."""

    place: str
    left: str
    sign: str
    right: str | int | float
    """A dotted key or a number."""

    @property
    def where(self) -> dict[str, str]:
        """Its keys; they all stand in one line."""
        return {side: self.place for side in (self.left, self.right) if isinstance(side, str)}

    def keeps(self, point: Point) -> bool:
        """Whether the comparison holds; raises ConfigError where there is no number to compare."""
        right = point.value(self.right) if isinstance(self.right, str) else self.right
        left = point.value(self.left)
        if self.sign in ("==", "!="):
            return _same(left, right) == (self.sign == "==")
        for key, value in ((self.left, left), (self.right, right)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                expected = f"a number as {key} in every run, to compare it by {self.sign}"
                raise ConfigError([Fault(self.place, "grid.only", expected, shown(value))])
        return _SIGNS[self.sign](left, right)


def exclusion(node: Node, name: str) -> Exclusion | Fault:
    """Read one item of `exclude`: a mapping of dotted keys to a value, or to a list of values."""
    entries = node.entries()
    if not entries or not all(all(key.split(".")) for key in entries):
        return Fault(node.where, name, "dotted keys with values", node.shown())
    return Exclusion({key: one.where for key, one in entries.items()}, {k: _values(e) for k, e in entries.items()})


def comparison(node: Node, name: str) -> Comparison | Fault:
    """Read one item of `only`: text such as `training.bptt.window <= task.steps`."""
    found = _COMPARISON.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    sides = [_side(text) for text in (found["left"], found["right"])] if found else [None, None]
    if found is None or not isinstance(sides[0], str) or sides[1] is None:
        expected = "a comparison of a setting with another one or a number, such as model.hidden < task.steps"
        return Fault(node.where, name, expected, node.shown())
    return Comparison(node.where, sides[0], found["sign"], sides[1])


def _side(text: str) -> str | int | float | None:
    """A dotted key or a number; None for anything else."""
    try:
        value = read_yaml(text, "", positions=False).value
    except ConfigError:
        return None
    if isinstance(value, str):
        return value if all(value.split(".")) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _values(entry: Entry) -> tuple[Any, ...]:
    value = entry.node.plain()
    return tuple(value) if isinstance(value, list) else (value,)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)

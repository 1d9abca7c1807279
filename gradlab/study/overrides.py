"""Settings given on the command line as `key=value`: they win over the file and its grid."""

from __future__ import annotations

from collections.abc import Iterable

from gradlab.errors import ConfigError, Fault
from gradlab.study.axes import axis_keys, without_axis
from gradlab.study.tree import Entry, Node
from gradlab.study.yaml_nodes import read_yaml


def overridden(tree: Node, overrides: Iterable[str]) -> tuple[Node, list[Fault]]:
    """The study with the overrides set in.

    `model.hidden=64` sets one value for all runs; where the grid varies that key, or one below
    it, the axis is gone. `grid.seed=[0, 1]` sets the values of an axis. Values are YAML.

    Returns:
        The new tree, and the mistakes in the overrides themselves; an override with a mistake is left out.
    """
    faults: list[Fault] = []
    for text in overrides:
        try:
            tree = _set(tree, text)
        except ConfigError as error:
            faults += error.faults
    return tree, faults


def _set(tree: Node, text: str) -> Node:
    key, equals, value = text.partition("=")
    key, where = key.strip(), f"override {text}"
    if not equals or not all(key.split(".")):
        raise ConfigError([Fault(where, key or "override", "key=value, such as model.hidden=64", repr(text))])
    new = Entry(where, read_yaml(value, where, positions=False))
    if key.startswith("grid."):
        return tree.replaced(("grid", key.removeprefix("grid.")), new)
    grid = tree.entries().get("grid")
    axes = axis_keys(grid.node) if grid else []
    above = [axis for axis in axes if key.startswith(axis + ".")]
    if above:
        expected = f"a key that the grid does not set (it varies {above[0]}; give grid.{above[0]}=[…])"
        raise ConfigError([Fault(where, key, expected, key)])
    if grid and axes:
        tree = tree.replaced(("grid",), Entry(grid.where, without_axis(grid.node, key)))
    return tree.replaced(tuple(key.split(".")), new)

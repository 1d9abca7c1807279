"""Settings by dotted key: as a tree, and with those of an advice in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tree_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The tree that dotted keys describe; a key replaces what stands above and below it."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *way, last = key.split(".")
        place = tree
        for name in way:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[last] = value
    return tree


def advised(settings: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with those of an advice in their place."""
    kept = {key: value for key, value in settings.items() if not any(key.startswith(f"{new}.") for new in keys)}
    merged = {**kept, **keys}
    for key in keys:  # `training.optimiser.rate` into `training.optimiser`, where that is given whole
        above = key.rpartition(".")[0]
        if isinstance(kept.get(above), dict):
            merged[above] = {**kept[above], key.rpartition(".")[2]: merged.pop(key)}
    return merged

"""Which modules of a model are cells that a user registered, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from gradlab.instrument.user_cells import Cell, UserLayout
from gradlab.instrument.user_replay import layout_of


def find_cells(model: nn.Module, cells: Mapping[Any, Any]) -> dict[str, UserLayout]:
    """Layouts of all modules that were registered as cells, by class or by instance, under their names in the model.

    Raises ValueError for a key or value of the wrong kind, and for a class that the model does not hold.
    """
    found: dict[str, UserLayout] = {}
    taken: set[int] = set()
    names = {id(module): name or "model" for name, module in model.named_modules()}
    for key, cell in cells.items():
        if not isinstance(cell, Cell):
            raise ValueError(f"cells: expected a Cell(...) for {key!r}, got {type(cell).__name__}")
        if isinstance(key, nn.Module):
            modules = [key]
        elif isinstance(key, type) and issubclass(key, nn.Module):
            modules = [module for module in model.modules() if isinstance(module, key) and id(module) not in taken]
        else:
            raise ValueError(
                f"cells: expected a class of modules or a module, got {key!r}; a plain function is wrapped, "
                "cell = gradlab.instrument.FunctionCell(function), and the model calls cell in its place"
            )
        if not modules:
            raise ValueError(f"cells: expected a model that holds a {key.__name__}, got {type(model).__name__} without")
        taken.update(map(id, modules))
        if cell.depth:
            made = _together(modules, names, layout_of(modules[0], cell))
            found[made[0]] = made[1]
            continue
        for module in modules:
            plain = getattr(module, "function", module)
            name = names.get(id(module)) or str(getattr(plain, "__name__", type(module).__name__))
            found[name] = layout_of(module, cell)
    return found


def _together(modules: list[nn.Module], names: Mapping[int, str], layout: UserLayout) -> tuple[str, UserLayout]:
    """Many instances as one recurrence, under the longest name that all of them share."""
    own = [names.get(id(module), str(place)) for place, module in enumerate(modules)]
    parts = [name.split(".") for name in own]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1 or len(shared) == min(map(len, parts)) - 1:
            break
        shared.append(level[0])
    rest = tuple(".".join(part[len(shared) :]) + "." for part in parts)
    return ".".join(shared) or "model", replace(layout, instances=tuple(zip(rest, modules, strict=True)))

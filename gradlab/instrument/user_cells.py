"""Recurrences that a user wrote: how such a cell is called, and which modules of a model are such cells."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from gradlab.errors import UnsupportedError
from gradlab.instrument.modules import Layout

Argument = str | int
"""An argument by its name or its position."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How a module or function that computes one step is called; the default is `(input, state) -> state`.

    A state is a tensor, or tensors in a tuple; each is `batch …`, or without a batch axis where it has one axis only.
    What has more axes is flattened behind the first. A state of None stands for zeros.
    """

    input: Argument | None = 0
    """The argument that holds x_t; None for a recurrence that is not driven."""
    state: Argument | tuple[Argument, ...] = 1
    """The argument that holds the state before the step, or several of them: one a part."""
    returned: int | tuple[int, ...] | Callable[[Any], Any] | None = None
    """Where the new state is in what is returned: all of it (None), an item, several, or what a function gives."""
    names: tuple[str, ...] | None = None
    """Names of the state's parts; the tables know the first as h, the second as c."""
    depth: bool = False
    """Whether depth plays the part of time: all instances, each with weights of its own, make one sequence."""

    def part_names(self, count: int) -> tuple[str, ...]:
        """Names of so many parts. Raises UnsupportedError where other names were given."""
        if self.names is None:
            return tuple("hc"[k] if k < 2 else f"s{k}" for k in range(count))
        if len(self.names) != count:
            raise UnsupportedError(f"names: expected {count} for a state of {count} parts, got {self.names}")
        return self.names

    def new_state(self, result: Any) -> Any:
        """The state in what a call returned."""
        if self.returned is None:
            return result
        if isinstance(self.returned, int):
            return result[self.returned]
        if isinstance(self.returned, tuple):
            return tuple(result[index] for index in self.returned)
        return self.returned(result)


class FunctionCell(nn.Module):
    """A plain function as a cell that can be watched; call this in the place of the function.

    Parameters that the function reaches by itself are trained as ever, but their gradient is not taken apart by step.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the function gives."""
        return self.function(*args, **kwargs)


class Arguments(NamedTuple):
    """The arguments of one call, detached, with the places of input and state among their leaves."""

    leaves: tuple[Any, ...]
    structure: Any
    input: int | None
    state: tuple[int, ...]

    def filled(self, changed: Mapping[int, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with some leaves replaced."""
        leaves = [changed.get(place, leaf) for place, leaf in enumerate(self.leaves)]
        args, kwargs = pytree.tree_unflatten(leaves, self.structure)
        return args, kwargs

    @classmethod
    def of(
        cls, cell: Cell, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], state: Any, name: str
    ) -> Arguments:
        """Read the arguments; a state of None is filled with zeros in the form of the new `state`.

        Raises UnsupportedError for arguments that the cell's description does not fit.
        """
        keys = cell.state if isinstance(cell.state, tuple) else (cell.state,)
        values = [_argument(module, args, kwargs, key, name) for key in keys]
        if all(value is None for value in values):
            zeros = pytree.tree_map(lambda part: torch.zeros_like(part), state)
            filled = zeros if isinstance(cell.state, tuple) else (zeros,)
            for key, value in zip(keys, filled, strict=True):
                args, kwargs = _with_argument(module, args, kwargs, key, value)
            values = list(filled)
        given = None if cell.input is None else _argument(module, args, kwargs, cell.input, name)
        leaves, structure = pytree.tree_flatten((args, kwargs))
        parts = pytree.tree_leaves(values)
        wrong = [type(part).__name__ for part in parts if not isinstance(part, Tensor)]
        if wrong or not parts:
            raise UnsupportedError(
                f"module {name!r}: expected its state, argument {cell.state!r}, to be tensors, got "
                f"{wrong[0] if wrong else 'nothing'}; say which argument it is with Cell(state=...)"
            )
        return cls(
            tuple(leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves),
            structure,
            _places(leaves, [given])[0] if isinstance(given, Tensor) and given.is_floating_point() else None,
            _places(leaves, parts),
        )


def _places(leaves: list[Any], wanted: list[Any]) -> tuple[int, ...]:
    """Where some leaves are; one that stands for two parts of a state is found at two places."""
    found: list[int] = []
    for part in wanted:
        found.append(next(k for k, leaf in enumerate(leaves) if leaf is part and k not in found))
    return tuple(found)


def _parameters(module: nn.Module) -> list[str]:
    """Names of the arguments of `forward`, in order."""
    function = module.function if isinstance(module, FunctionCell) else module.forward
    return list(inspect.signature(function).parameters)


def _argument(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], key: Argument, name: str) -> Any:
    """One argument by name or position; None where it was left out."""
    known = _parameters(module)
    if isinstance(key, str):
        if key in kwargs:
            return kwargs[key]
        if key not in known:
            raise UnsupportedError(f"module {name!r}: expected an argument {key!r}, got forward({', '.join(known)})")
        key = known.index(key)
    if key < len(args):
        return args[key]
    return kwargs.get(known[key]) if key < len(known) else None


def _with_argument(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], key: Argument, value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    known = _parameters(module)
    place = known.index(key) if isinstance(key, str) else key
    if place < len(args):
        return (*args[:place], value, *args[place + 1 :]), kwargs
    return args, {**kwargs, known[place]: value}


@dataclass(frozen=True, slots=True)
class UserLayout(Layout):
    """One or more instances of a user's cell that make up one recurrence."""

    cell: Cell = Cell()
    instances: tuple[tuple[str, nn.Module], ...] = ()
    """The modules by the prefix of their parameters: one with an empty prefix, or many for `Cell(depth=True)`."""

    def names(self, layer: int, direction: int) -> dict[str, str]:
        """All parameters, by their own names."""
        return {name: name for name, _ in self.parameters()}

    def parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """All parameters of all instances, with the prefix of each."""
        for prefix, module in self.instances:
            for name, parameter in module.named_parameters():
                yield prefix + name, parameter

    def prefix(self, module: nn.Module) -> str:
        """The prefix of an instance."""
        return next(prefix for prefix, known in self.instances if known is module)

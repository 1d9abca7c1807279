"""A study, read and checked whole: its words, its axes, and the runs that it asks for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gradlab.errors import ConfigError, Fault
from gradlab.store import flatten, run_id
from gradlab.study.axes import VARIANT, grid_of, unknown_keys
from gradlab.study.build import Trial
from gradlab.study.claims import unmatched
from gradlab.study.config import RunConfig, config_of, resolved
from gradlab.study.extend import SMALL, with_scale
from gradlab.study.faults import fault_of_message, nearest
from gradlab.study.grid import Combination, Grid, combinations
from gradlab.study.header import KEYS, Header, header_of, read_tree
from gradlab.study.limits import Limits, limits_of
from gradlab.study.overrides import overridden
from gradlab.study.tree import Node

MAX_FAULTS = 200
"""A grid is not checked further once it has shown so many different mistakes."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run that a study asks for."""

    id: str
    """Hash of the resolved config."""
    config: RunConfig
    varied: dict[str, Any]
    """The values that the axes of the grid took, by dotted key."""
    parameters: int
    """Number of parameters of its net."""
    limits: Limits = field(default_factory=Limits)
    """What it may take."""
    device: str = "cpu"
    """Where its net is trained: `cpu`, `cuda`, `cuda:1`, … No part of its identity."""


@dataclass(frozen=True, slots=True)
class Study:
    """What a study file and overrides ask for."""

    header: Header
    axes: dict[str, list[Any]]
    """What varies: values by dotted key, or names of variants by `variant`."""
    keys: tuple[str, ...]
    """The settings that vary, by dotted key."""
    runs: tuple[PlannedRun, ...]
    """Each run once, in the order of the grid."""

    @property
    def name(self) -> str:
        """Name of the study in the store."""
        return self.header.name

    @property
    def expected(self) -> dict[str, dict[str, Any]]:
        """The resolved config of every run by id."""
        return {run.id: resolved(run.config) for run in self.runs}


def read_study(path: str | Path, overrides: Iterable[str] = (), scale: str = SMALL) -> Study:
    """Read and check a study file; every run of its grid is made and its net built once.

    Args:
        path: the study file.
        overrides: settings as `key=value`, which win over the file.
        scale: one of the file's `scales`; `small` is the file as it stands.

    Raises:
        ConfigError: every mistake in the file and the overrides; nothing else, whatever the file holds.
    """
    path, overrides = Path(path), tuple(overrides)
    tree, faults = with_scale(read_tree(path), scale)
    tree, found = overridden(tree, overrides)
    faults += found
    header, found = header_of(tree, path)
    if scale != SMALL:
        header = replace(header, name=f"{header.name}-{scale}")
    faults += found
    grid, found = grid_of(tree.entries().get("grid"))
    faults += found
    shared, found = _shared(tree)
    faults += found
    limits, found = limits_of(tree.entries().get("limits"))
    faults += found
    runs, found = _planned(shared, grid, limits)
    faults += found
    if grid.conditions:
        faults += unknown_keys(_known_keys(shared, runs), grid)
    if not faults and not runs:
        where = tree.entries()["grid"].where
        faults.append(Fault(where, "grid", "at least one run", "conditions that leave every one out"))
    if not faults:
        named = [{key: run.varied[key] for key in (VARIANT,) if key in run.varied} for run in runs]
        settings = [{**flatten(resolved(run.config)), **name} for run, name in zip(runs, named, strict=True)]
        faults += unmatched(header.claimed, settings, values=not overrides)
    if faults:
        raise ConfigError(sorted(dict.fromkeys(faults), key=_in_file_order))
    return Study(header, grid.axes, grid.keys, runs)


def _shared(tree: Node) -> tuple[Node, list[Fault]]:
    """The settings that all runs have in common, and the top-level names that nobody knows."""
    settings, faults = {}, []
    for key, entry in tree.entries().items():
        if key in RunConfig.model_fields:
            settings[key] = entry
        elif key not in KEYS:
            known = (*KEYS, *RunConfig.model_fields)
            expected, found = f"one of {', '.join(known)}", f"the unknown name {key!r}"
            faults.append(Fault(entry.where, key, expected, found, nearest(key, known)))
    return Node(settings, tree.where), faults


def _known_keys(shared: Node, runs: Iterable[PlannedRun]) -> list[str]:
    """Dotted keys of settings: those that stand in the file, and those of the first runs."""
    some = [flatten(resolved(run.config)) for run in itertools.islice(runs, 1000)]
    return list(dict.fromkeys(itertools.chain(flatten(shared.plain()), _defaults(shared), *some)))


def _defaults(tree: Node) -> dict[str, Any]:
    """All settings of a run by dotted key, defaults filled in; none where there is a mistake in it."""
    try:
        return flatten(resolved(config_of(tree)))
    except ConfigError:
        return {}


def _planned(shared: Node, grid: Grid, limits: Limits) -> tuple[tuple[PlannedRun, ...], list[Fault]]:
    """The distinct runs of the grid, and every mistake in any of them."""
    runs: dict[str, PlannedRun] = {}
    faults: dict[Fault, None] = {}
    trial = Trial()
    try:
        for point in combinations(shared, grid, _defaults):
            try:
                run = _run(point, trial, limits)
                runs.setdefault(run.id, run)
            except ConfigError as error:
                faults.update(dict.fromkeys(error.faults))
                if len(faults) > MAX_FAULTS:
                    break
    except ConfigError as error:  # an axis that leads through a value
        faults.update(dict.fromkeys(error.faults))
    return tuple(runs.values()), [*faults, *trial.faults]


def _run(point: Combination, trial: Trial, limits: Limits) -> PlannedRun:
    config = config_of(point.tree)
    try:
        identity = run_id(resolved(config))
    except ValueError as error:  # a number that has no identity, such as NaN
        raise ConfigError([fault_of_message(str(error), point.tree, ())]) from None
    return PlannedRun(identity, config, point.varied, trial.parameters(config, point.tree), limits)


def _in_file_order(fault: Fault) -> tuple[int, int, int]:
    """By line and column; what stands in no line (overrides) comes last."""
    _, *numbers = fault.where.rsplit(":", 2)
    if fault.where.startswith("override ") or len(numbers) != 2 or not all(part.isdecimal() for part in numbers):
        return (1, 0, 0)
    return (0, int(numbers[0]), int(numbers[1]))

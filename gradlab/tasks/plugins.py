"""Tasks of other packages: those that name a class in the entry point group `gradlab.tasks`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, get_origin

from gradlab.tasks.base import Task

GROUP = "gradlab.tasks"


def plugin_tasks(taken: Iterable[type[Task]]) -> tuple[type[Task], ...]:
    """The tasks that installed packages declare, by the names of their entry points.

    In the `pyproject.toml` of a package: `[project.entry-points."gradlab.tasks"]`, `mine = "my_package.module:Mine"`.
    What is named must be a subclass of `gradlab.tasks.Task` with a `name` of its own. One that cannot be used is left
    out with a warning that says why, so that it does not stop the studies of others.
    """
    names = {_name(task): task.__name__ for task in taken}
    found: list[type[Task]] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            task = _loaded(entry)
            if _name(task) in names:
                raise ValueError(f"expected a name of its own, got {_name(task)!r}, which is {names[_name(task)]}'s")
        except Exception as error:  # whatever the package raises when it is imported
            warnings.warn(
                f"the task {entry.name} = {entry.value!r} of the entry points {GROUP} is left out: "
                f"{type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
            continue
        names[_name(task)] = task.__name__
        found.append(task)
    return tuple(found)


def _loaded(entry: EntryPoint) -> type[Task]:
    task = entry.load()
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise TypeError(f"expected a subclass of gradlab.tasks.Task, got {task!r}")
    if get_origin(task.model_fields["name"].annotation) is not Literal or not _name(task):
        raise TypeError(f"expected in {task.__name__} a field like name: Literal['mine'] = 'mine', got none")
    if missing := sorted(getattr(task, "__abstractmethods__", ())):
        raise TypeError(f"expected {task.__name__} to have {', '.join(missing)}")
    return task


def _name(task: type[Task]) -> str:
    default = task.model_fields["name"].default
    return default if isinstance(default, str) else ""

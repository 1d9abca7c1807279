"""The problems that a net can be given; a further task is one file here and one member of `AnyTask`."""

from typing import Annotated, get_args

from pydantic import Field

from gradlab.tasks.adding import Adding
from gradlab.tasks.base import Baseline, Batch, Task
from gradlab.tasks.digits import Digits

AnyTask = Annotated[Adding | Digits, Field(discriminator="name")]
"""Any task, told apart by its `name`: the type of `task:` in a study file."""

TASKS: tuple[type[Task], ...] = get_args(get_args(AnyTask)[0])
"""The classes behind `AnyTask`, in the same order."""

__all__ = ["TASKS", "Adding", "AnyTask", "Baseline", "Batch", "Digits", "Task"]

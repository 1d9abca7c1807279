"""A first study file, with a comment at every line, for the task that a user names."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gradlab.errors import GradlabError
from gradlab.models import ModelSettings
from gradlab.recording.settings import RecordSettings
from gradlab.study.faults import nearest
from gradlab.study.yaml_nodes import Dumper
from gradlab.tasks import TASKS, Task
from gradlab.training import TrainingSettings

_WIDTH = 110
_HEAD = """\
# {title}. `gradlab check {file}` shows the runs and what they cost; `gradlab run {file}` does them.
# Every key, and what it may be, is in the schema: `gradlab schema --out study.schema.json`.

# What do you want to know?
question: How far back does the gradient reach, and does clipping change it?

# What must the data say, if you are right? Sentences, or comparisons that `gradlab run` decides with its spread
# over seeds: held, failed or undecided.
claims:
  - claim: At the first training step the gradient of the LSTM reaches less than 20 steps.
    that: {{quantity: reach, at: {{step: first}}, where: {{model.cell: lstm}}, seeds: max}}
    is: less than
    number: 20
  - claim: Clipping brings the LSTM a lower held-out loss.
    that: {{quantity: final_score_loss, where: {{model.cell: lstm, training.clip.name: norm}}}}
    is: less than
    other: {{quantity: final_score_loss, where: {{model.cell: lstm, training.clip.name: none}}}}
"""
_TAIL = """\
# What varies; every combination is one run. Also: zip, variants, include, exclude, only.
grid:
  model.cell: [rnn, lstm]
  training.clip: [null, 1.0] # none, and the norm of the gradient held to 1
  seed: [0, 1, 2] # at least three, or no claim can be decided

# Bounds of a run: seconds, memory in MB, retries after an error.
limits: {{retries: 1}}

# `--scale full` puts these settings over those above.
scales:
  full:
    training: {{steps: 20000}}
"""


def first_study(file: str, task: str = "adding") -> str:
    """The text of a study file that `read_study` accepts.

    Args:
        file: how the file will be called, for the commands in its comments.
        task: name of a task.

    Raises:
        GradlabError: for an unknown task, or one that cannot be had without settings of one's own.
    """
    known = {str(one.model_fields["name"].default): one for one in TASKS}
    if task not in known:
        hint = nearest(task, known)
        raise GradlabError(
            f"expected one of the tasks {', '.join(known)}, got {task!r}"
            + (f"; did you mean {hint!r}?" if hint else "")
        )
    settings = known[task]
    needed = [name for name, field in settings.model_fields.items() if field.is_required()]
    if needed:
        raise GradlabError(
            f"the task {task!r} has no meaning without {', '.join(needed)}; start from another task and change it"
        )
    parts = [
        _HEAD.format(title=settings.title, file=file),
        _section("task", settings, {"name": task, **_defaults(settings)}),
        _section("model", ModelSettings, {"hidden": 32, "layers": 1}),
        _section("training", TrainingSettings, {
            "steps": 300, "batch": 32, "optimiser": {"name": "adam", "rate": 0.01}, "evaluate_every": 100,
        }),
        _section("record", RecordSettings, {"every": 20, "preset": "standard"}),
        _TAIL.format(),
    ]  # fmt: skip
    return "\n".join(parts)


def _defaults(task: type[Task]) -> dict[str, Any]:
    """Every setting of a task but its name."""
    plain = task.model_validate({}).model_dump(mode="json")
    return {name: value for name, value in plain.items() if name != "name"}


def _section(key: str, settings: type[BaseModel], values: dict[str, Any]) -> str:
    """A group of settings, what each one means above it."""
    lines = [f"{key}:"]
    for name, value in values.items():
        lines += [f"  # {line}" for line in textwrap.wrap(_meaning(settings.model_fields[name]), _WIDTH)]
        plain = yaml.dump(value, Dumper=Dumper, default_flow_style=True, width=1000).removesuffix("...\n").strip()
        lines.append(f"  {name}: {plain}")
    return "\n".join(lines) + "\n"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())

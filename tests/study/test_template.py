"""The file that `gradlab new` writes is a study that can be run, for every task that needs nothing of its own."""

from pathlib import Path

import pytest

from gradlab.errors import GradlabError
from gradlab.study.plan import read_study
from gradlab.study.template import first_study
from gradlab.tasks import TASKS

NAMES = [str(task.model_fields["name"].default) for task in TASKS]
READY = [
    str(task.model_fields["name"].default)
    for task in TASKS
    if not any(field.is_required() for field in task.model_fields.values())
]


@pytest.mark.parametrize("task", READY)
def test_it_is_accepted(tmp_path: Path, task: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(first_study("mine.yaml", task), encoding="utf-8")
    study = read_study(path)
    assert {run.config.task.name for run in study.runs} == {task}
    assert len(study.runs) == 12
    assert len(study.header.claimed.checked) == 2
    full = read_study(path, scale="full")
    assert {run.config.training.steps for run in full.runs} == {20000}


def test_every_setting_of_the_task_has_its_comment(tmp_path: Path) -> None:
    lines = first_study("mine.yaml", "adding").splitlines()
    place = lines.index("  steps: 100")
    assert lines[place - 1] == "  # Time steps T of a sequence."


@pytest.mark.parametrize("task", [*(name for name in NAMES if name not in READY), "addin"])
def test_a_task_that_cannot_be_had_is_told(task: str) -> None:
    with pytest.raises(GradlabError, match=r"without|did you mean 'adding'"):
        first_study("mine.yaml", task)

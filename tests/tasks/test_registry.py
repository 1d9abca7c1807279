"""The list of tasks, the union of a study file and the cases of the contract suite name the same tasks."""

import subprocess
import sys
from pathlib import Path

from gradlab.tasks import TASKS
from tests.tasks.cases import CASES


def test_every_task_is_in_the_contract_suite() -> None:
    assert {type(case.task) for case in CASES} == set(TASKS)


def test_names_are_unique() -> None:
    names = [task.model_fields["name"].default for task in TASKS]
    assert len(set(names)) == len(names) == len(TASKS)


FRESH = """
import torch
from gradlab.models import ModelSettings, build
from tests.tasks.cases import CASES
from tests.tasks.sequences import tensors
for case in CASES:
    with torch.device("meta"):
        build(ModelSettings(hidden=3), case.task, 0)
    batch = case.task.batch(2, torch.Generator())
    assert not any(tensor.is_meta for tensor in tensors(batch)), case
"""


def test_trying_a_model_without_memory_first_leaves_no_empty_data_behind() -> None:
    """In a fresh process, where nothing has been made yet but what the list of cases needs."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr

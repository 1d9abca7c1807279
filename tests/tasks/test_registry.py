"""The list of tasks, the union of a study file and the cases of the contract suite name the same tasks."""

from gradlab.tasks import TASKS
from tests.tasks.cases import CASES


def test_every_task_is_in_the_contract_suite() -> None:
    assert {type(case.task) for case in CASES} == set(TASKS)


def test_names_are_unique() -> None:
    names = [task.model_fields["name"].default for task in TASKS]
    assert len(set(names)) == len(names) == len(TASKS)

"""Tasks of other packages, found by their entry points in a process of their own."""

import subprocess
import sys
from pathlib import Path

MODULE = '''
"""Somebody's tasks."""
from typing import ClassVar, Literal
from gradlab.tasks import Adding, Task

class Longer(Adding):
    name: Literal["longer"] = "longer"
    title: ClassVar[str] = "Somebody's adding"
    steps: int = 12

class Again(Adding):
    """Has the name of another task."""

class Unfinished(Task):
    name: Literal["unfinished"] = "unfinished"

class Nameless(Longer):
    name: str = "nameless"

def function(): ...
'''
ENTRIES = """[gradlab.tasks]
again = somebody:Again
function = somebody:function
gone = somebody:Gone
longer = somebody:Longer
missing = nobody:Thing
nameless = somebody:Nameless
unfinished = somebody:Unfinished
"""
CODE = """
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from gradlab.study.config import RunConfig, read_config, write_config
from gradlab.tasks import TASKS
print(*sorted(task.model_fields["name"].default for task in TASKS))
config = read_config("task: {name: longer, form: le2015}")
assert read_config(write_config(config)) == config and type(config.task).__module__ == "somebody"
print(config.task.batch(2, __import__("torch").Generator()).inputs.shape)
for one in told:
    if "entry points" in str(one.message):
        print(one.message)
"""


def test_installed_tasks_are_found_and_broken_ones_told(tmp_path: Path) -> None:
    (tmp_path / "somebody.py").write_text(MODULE)
    info = tmp_path / "somebody-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{CODE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names, shape, *told = done.stdout.splitlines()
    assert "longer" in names.split() and "unfinished" not in names and "nameless" not in names
    assert names.split().count("adding") == 1
    assert shape == "torch.Size([12, 2, 2])"
    by_entry = {line.split(" = ")[0].removeprefix("the task "): line for line in told}
    assert set(by_entry) == {"again", "function", "gone", "missing", "nameless", "unfinished"}
    assert "a name of its own, got 'adding', which is Adding's" in by_entry["again"]
    assert "expected a subclass of gradlab.tasks.Task" in by_entry["function"]
    assert "has no attribute 'Gone'" in by_entry["gone"]
    assert "No module named 'nobody'" in by_entry["missing"]
    assert "a field like name: Literal['mine']" in by_entry["nameless"]
    assert "expected Unfinished to have batch, chance, demanded_lag" in by_entry["unfinished"]

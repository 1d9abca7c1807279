"""The read side never loads torch; the test is shown to be able to fail."""

import subprocess
import sys

import pytest

USE = """
from gradlab.store import RunWriter, Store, repair
from gradlab.reports import load, summary, export, reach
import tempfile
folder = tempfile.mkdtemp()
with RunWriter(folder + "/r") as writer:
    writer.write("steps", {"step": [0], "loss": [1.0]})
load(folder), load(folder, "steps"), summary(folder, ""), repair(Store(folder))
for to in ("csv", "parquet", "md", "xlsx"):
    export(folder, "", to, folder + "/out")
"""


def exit_of(statement):
    code = f"import sys\n{statement}\nsys.exit(any(name.partition('.')[0] == 'torch' for name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("statement", ["import gradlab.store", "import gradlab.reports", USE])
def test_no_torch(statement):
    done = exit_of(statement)
    assert done.returncode == 0, done.stderr


def test_this_test_can_fail():
    assert exit_of("import torch").returncode == 1


def test_importing_the_store_loads_neither_pandas_nor_pyarrow():
    code = (
        "import sys; from gradlab.store import RunWriter, Store; sys.exit(bool({'pandas', 'pyarrow'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

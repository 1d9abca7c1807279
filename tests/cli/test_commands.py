"""The other commands: help stays light, check shows the grid, studies are listed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gradlab as package
from gradlab.study.catalogue import shipped
from gradlab.study.listener import Silence
from gradlab.study.plan import read_study
from gradlab.study.remaining import register
from gradlab.study.runners import Inline
from tests.cli.command import STUDY, gradlab

LIGHT = """
import sys
sys.argv = ["gradlab", {arguments}]
from gradlab.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = [name for name in {heavy} if name in sys.modules]
assert not heavy, heavy
"""

HEAVY = ["torch", "pandas", "streamlit", "pyarrow", "plotly", "sklearn"]


def light(arguments: str, heavy: list[str]) -> subprocess.CompletedProcess[str]:
    program = LIGHT.format(arguments=arguments, heavy=heavy)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", ["'--help'", "'run', '--help'", "'--version'", "'studies'"])
def test_light_commands_import_nothing_heavy(arguments: str) -> None:
    done = light(arguments, HEAVY)
    assert done.returncode == 0, done.stderr


def test_the_test_of_lightness_can_fail() -> None:
    assert light("'--help'", ["typer"]).returncode != 0


def test_importing_gradlab_is_light() -> None:
    program = f"import gradlab, sys; dir(gradlab); assert not {{*{HEAVY}}} & {{*sys.modules}}"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_every_public_name_of_gradlab_is_there() -> None:
    assert {name for name in package.__all__ if getattr(package, name, None) is None} == set()


def test_version(tmp_path: Path) -> None:
    assert gradlab("--version", cwd=tmp_path).stdout == f"gradlab {package.__version__}\n"


def test_studies_lists_every_shipped_study_with_its_question(tmp_path: Path) -> None:
    done = gradlab("studies", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted(shipped())
    assert "How far back does the gradient reach" in done.stdout


def test_check_shows_the_grid_and_what_it_costs(tmp_path: Path) -> None:
    done = gradlab("check", STUDY, "limits.seconds=60", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "claim: It does." in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if "rnn" in line or "lstm" in line]
    assert [" ".join(row[1:5]) for row in rows] == ["rnn 0 20 12", "rnn 1 20 12", "lstm 0 20 12", "lstm 1 20 12"]
    assert {row[5] for row in rows} == {"37", "133"}
    assert "4 runs, about" in done.stdout
    assert "of memory for one" in done.stdout
    assert "limits of a run: seconds 60\n" in done.stdout
    assert not (tmp_path / "runs").exists(), "checking leaves nothing behind"


def test_a_shipped_study_is_checked_by_its_name(tmp_path: Path) -> None:
    done = gradlab("check", "vanishing", "--quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "27 runs" in done.stdout


def test_a_new_study_can_be_checked_at_once_and_is_never_written_over(tmp_path: Path) -> None:
    made = gradlab("new", "mine", "--task", "temporal_order", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[0] == "mine.yaml"
    checked = gradlab("check", "mine.yaml", "--quick", "--scale", "full", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "12 runs" in checked.stdout
    assert "20,000" in checked.stdout
    (tmp_path / "mine.yaml").write_text("my work")
    again = gradlab("new", "mine", cwd=tmp_path)
    assert again.returncode == 2
    assert (tmp_path / "mine.yaml").read_text() == "my work"


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    printed = gradlab("schema", cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)["properties"]["question"]["type"] == "string"
    assert gradlab("schema", "--out", "here.json", cwd=tmp_path).stdout == "here.json\n"
    assert (tmp_path / "here.json").read_text(encoding="utf-8") == printed.stdout


def test_two_studies_on_one_page_with_their_figures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {STUDY}\ngrid: {{seed: [0]}}\n", encoding="utf-8")
        study = read_study(tmp_path / f"{name}.yaml", ["training.steps=2"])
        register(study, str(tmp_path / "runs"))
        Inline()(study.runs, name, str(tmp_path / "runs"), Silence())
    made = gradlab("report", "one", "two", "--to", "html", "--compare", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / made.stdout.strip()).read_text(encoding="utf-8")
    assert text.count('gradlab.show("figure-') >= 3 * 3, "a line a study, and those of each"
    assert "one and two" in text
    wrong = gradlab("report", "one", "two", "--to", "csv", "--compare", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--compare: expected --to html or tex" in wrong.stderr

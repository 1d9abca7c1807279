"""`gradlab diagnose`: a study, a run, as text and as JSON, and what is said about names that are not there."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gradlab.cli.main import app
from tests.cli.command import gradlab
from tests.cli.looking import ILL, WELL, finished


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where both runs are."""
    finished(tmp_path)
    return tmp_path


def said(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(app, ["diagnose", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_study(store: Path) -> None:
    text = said("looked")
    assert text.startswith("2 runs: 1 with a problem, 1 without.")
    assert f"VANISHING in 1 of 2 runs (1 strong):\n  {ILL} (cell=rnn)" in text
    assert text == said("looked", "--store", str(store / "runs"))


def test_a_run_by_the_beginning_of_its_id(store: Path) -> None:
    assert said("aaaa").startswith(f"Run {ILL} (cell=rnn): 1 problem found.")
    assert said(f"looked/{WELL}").startswith(f"Run {WELL} (cell=lstm): Nothing is wrong, as far as this was recorded.")


def test_json_is_for_programs(store: Path) -> None:
    read = json.loads(said("looked", "--to", "json"))
    assert read["runs"] == [ILL, WELL] and [one["name"] for one in read["findings"]] == ["vanishing"]
    assert read["findings"][0]["advice"]["keys"] == {"model.initialiser": {"name": "orthogonal"}}


def test_an_unknown_name_is_one_message(store: Path) -> None:
    done = gradlab("diagnose", "lookd", cwd=store)
    assert done.returncode == 2 and not done.stdout
    assert "no run 'lookd' among 2" in done.stderr and "no study of that name (there is looked)" in done.stderr
    assert "Traceback" not in done.stderr

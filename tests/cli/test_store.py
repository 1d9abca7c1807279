"""`gradlab store`: what is there, what is damaged, what is mended, removed and brought together."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gradlab.cli.main import app
from gradlab.store import RunWriter, Store
from tests.store.rows import steps


def asked(*arguments, code=0):
    result = CliRunner().invoke(app, ["store", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def runs(tmp_path):
    address = tmp_path / "runs"
    Store(address).write_study("mine", expected={"kept": {"seed": 0}, "broken": {"seed": 1}})
    for run, status in (("kept", "finished"), ("broken", "failed"), ("older", "finished")):
        writer = RunWriter(address / "mine" / run)
        writer.write("steps", steps(0, 5))
        writer.close(status)
    return address


def part(runs: Path, run: str) -> Path:
    (found,) = (runs / "mine" / run / "steps").glob("*.parquet")
    return found


def test_ls(runs):
    lines = asked("ls", "--store", runs).stdout.splitlines()
    assert [line.split()[:3] for line in lines[2:]] == [
        ["mine", "kept", "finished"], ["mine", "broken", "failed"], ["mine", "older", "finished"]
    ]  # fmt: skip
    assert "0 runs" in asked("ls", "--store", runs / "nowhere").stderr


def test_a_damaged_part_is_named_and_moved_aside(runs):
    assert asked("verify", "--store", runs).stdout == ""
    damaged = part(runs, "kept")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert str(damaged) in asked("verify", "--store", runs, code=1).stdout
    assert "damaged" in asked("repair", "--store", runs).stdout
    assert asked("verify", "--store", runs).stdout == ""
    assert Store(runs).run("broken").read("steps").num_rows == 5


def test_prune_lists_before_it_removes(runs):
    assert asked("prune", "--store", runs).stdout.split() == ["older"]
    assert asked("prune", "--store", runs, "--status", "failed").stdout.split() == ["broken"]
    assert len(Store(runs).runs()) == 3
    assert asked("prune", "--store", runs, "--study", "mine", "--remove").stdout.split() == ["older"]
    assert {run.id for run in Store(runs).runs()} == {"kept", "broken"}
    assert "nobodys" in asked("prune", "--store", runs, "--study", "nobodys", code=2).output


def test_merge(runs, tmp_path):
    target = tmp_path / "all"
    assert set(asked("merge", runs, "--store", target).stdout.split()) == {"kept", "broken", "older"}
    assert asked("merge", runs, "--store", target).stdout == ""
    assert Store(target).run("kept").read("steps").num_rows == 5
    assert "nothing was copied" in asked("merge", tmp_path / "nowhere", "--store", target, code=2).output

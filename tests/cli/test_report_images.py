"""`gradlab report STUDY --to svg`: a file a figure, of what the study has recorded."""

from pathlib import Path

import plotly.graph_objects as go
import pytest
from typer.testing import CliRunner

from gradlab.cli.main import app
from gradlab.store import Store
from tests.figures.frames import steps_columns

HOSTILE = "../<b>=1"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    filled = Store(tmp_path / "runs")
    filled.write_study(HOSTILE, axes=["model.cell"])
    for seed, cell in enumerate(("rnn", "lstm")):
        with filled.writer(cell, HOSTILE, config={"model": {"cell": cell}, "seed": 0}) as writer:
            writer.write("steps", steps_columns(20, seed))
    return tmp_path / "runs"


def test_every_figure_is_a_file_in_the_folder(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in an image is tried in tests/figures; here the words of the figure stand for it."""

    def words(figure: go.Figure, kind: str, **size: object) -> bytes:
        return f"{kind} {figure.to_json()}".encode()

    monkeypatch.setattr("gradlab.figures.images.image_bytes", words)
    folder = tmp_path / "out" / "images"
    done = CliRunner().invoke(app, ["report", HOSTILE, "--to", "svg", "--store", str(store), "--folder", str(folder)])
    assert done.exit_code == 0, done.output
    named = [Path(line) for line in done.stdout.splitlines()]
    assert sorted(named) == sorted(folder.iterdir()) and len(named) >= 3
    assert any(path.name.endswith("-learning_curves.svg") for path in named)
    assert all(path.read_text().startswith("svg") and "lstm" in path.read_text() for path in named)
    assert not [path for path in tmp_path.rglob("*.svg") if path.parent != folder]


def test_what_is_missing_is_told(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.figures.images.browser", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    asked = ["report", HOSTILE, "--to", "png", "--store", str(store), "--folder", str(tmp_path / "out")]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code != 0
    assert "images need a browser" in str(done.exception) + done.output

"""The user's own files: what is read, how it is split, and which mistakes are told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gradlab.models import ModelSettings
from gradlab.tasks import Forecast, Labelling, Padded, Task
from gradlab.tasks.time_series import table, windows
from tests.tasks.learning import learn
from tests.tasks.series import FILE, frame


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def numbered(tmp_path: Path) -> str:
    """Two series that count rows: a from 0, b from 1000."""
    rows = pd.DataFrame({"which": ["a"] * 100 + ["b"] * 60, "n": [*range(100), *range(1000, 1060)]})
    rows.to_csv(tmp_path / "n.csv", index=False)
    return str(tmp_path / "n.csv")


def test_windows_stay_in_their_series_and_their_part(numbered: str) -> None:
    found = windows(table(numbered), "which", 10, 10, 0.3, 1)
    assert found.train.tolist() == [*range(61), *range(100, 133)]
    assert found.test.tolist() == [70, 80, 90, 142]
    rows, lengths = found.choose(5000, source(), "train")
    assert lengths is None
    assert torch.equal(rows.diff(dim=0), torch.ones(9, 5000, dtype=torch.int64))
    assert set(rows[0].tolist()) == set(found.train.tolist())
    assert set(found.choose(4, source(), "test")[0][0].tolist()) == {70, 80, 90, 142}


def test_whole_series_are_aligned_at_their_ends(numbered: str) -> None:
    task = Forecast(path=numbered, series="which", steps=None, ahead=3, held_out=0.3)
    training = np.array([*range(70), *range(1000, 1042)])
    for split, parts in (("train", (range(70), range(1000, 1042))), ("test", (range(70, 100), range(1042, 1060)))):
        batch = task.batch(6, source(), split)
        assert isinstance(batch.inputs, Padded)
        found = set()
        for place, length in enumerate(batch.inputs.lengths.tolist()):
            inputs, targets = (
                (values[len(values) - length :, place, 0] * training.std() + training.mean()).round().long().tolist()
                for values in (batch.inputs.values, batch.targets)
            )
            assert inputs in [list(part)[:-3] for part in parts] and targets == [value + 3 for value in inputs]
            found.add(inputs[0])
        assert found == {part[0] for part in parts}
    assert task.length == 67
    batch = task.batch(2, source(), "test")
    real = batch.targets[batch.inputs.real()].double()
    assert task.chance.loss == pytest.approx(float(real.var(correction=0)), rel=1e-6)


def test_forecasts_are_later_rows_in_standard_units(numbered: str) -> None:
    task = Forecast(path=numbered, series="which", steps=8, ahead=3, held_out=0.3)
    training = np.array([*range(70), *range(1000, 1042)])
    for split in ("train", "test"):
        batch = task.batch(4, source(), split)
        values = {name: getattr(batch, name) * training.std() + training.mean() for name in ("inputs", "targets")}
        assert (values["targets"] - values["inputs"] - 3).abs().max() < 1e-3


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_csv_and_parquet_are_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"series{suffix}"
    frame().to_csv(path, index=False) if suffix == ".csv" else frame().to_parquet(path)
    task, reference = (Forecast(path=str(each), series="sensor") for each in (path, FILE))
    assert task.input_size == 3  # level, drift, open
    torch.testing.assert_close(task.batch(5, source()).inputs, reference.batch(5, source()).inputs)
    assert task.describe()["file_sha256"] != "" and task.chance.loss == pytest.approx(reference.chance.loss, rel=1e-6)


def test_labels_are_those_of_the_rows() -> None:
    task = Labelling(path=str(FILE), label="phase", series="sensor", read=("level",), steps=30)
    assert task.labels == ("falling", "high", "rising")
    levels = frame()["level"].to_numpy()
    phases = frame()["phase"].to_numpy()
    batch = task.batch(3, source(), "test")
    unit = (levels - levels.mean()) / levels.std()
    for sequence in range(3):
        shown = batch.inputs[:, sequence, 0].numpy()
        fits = [np.corrcoef(unit[row : row + 30], shown)[0, 1] for row in range(len(unit) - 30)]
        best = int(np.argmax(fits))
        assert fits[best] > 1 - 1e-6
        assert [task.labels[label] for label in batch.targets[:, sequence]] == list(phases[best : best + 30])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda f: f, {"read": ("leval",)}, "column of the file .*level.* got 'leval'"),
        (lambda f: f, {"read": ("time",)}, "expected numbers in the column 'time'"),
        (
            lambda f: f.assign(level=f["level"].where(f.index != 7)),
            {},
            "'level', got none in 1 rows, the first at row 7",
        ),
        (lambda f: f.sample(frac=1, random_state=0), {}, "rows of each 'sensor' next to each other"),
        (lambda f: f, {"steps": 5000}, "part for train has at least 5001 rows"),
        (lambda f: f, {"steps": 400, "held_out": 0.05}, "part for test has at least 401 rows"),
        (
            lambda f: f[f.index > 897],
            {"steps": None, "ahead": 2},
            "both parts have at least 3 rows, got one of 2 and 0",
        ),
        (lambda f: f[["sensor", "time"]], {}, "at least one column of numbers"),
        (lambda f: f.assign(level=1.0), {"forecast": ("level",)}, "something that changes"),
    ],
)
def test_mistakes_in_a_forecast_are_told(tmp_path: Path, change, settings: dict, message: str) -> None:
    change(frame()).to_csv(tmp_path / "x.csv", index=False)
    task = Forecast.model_validate({"path": str(tmp_path / "x.csv"), "series": "sensor", **settings})
    with pytest.raises(ValueError, match=message):
        task.batch(1, source())


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Forecast(path="x.txt"), "ends in .csv or .parquet, got 'x.txt'"),
        (Labelling(path=str(FILE), label="level"), "a few different labels in the column 'level'"),
        (Labelling(path=str(FILE), label="phase", read=("sensor",)), "numbers in the column 'sensor'"),
    ],
)
def test_other_mistakes_are_told(task: Task, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task.batch(1, source())


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Forecast(path="nowhere.csv").batch(1, source())


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"x\.parquet: expected a table"):
        Forecast(path=str(tmp_path / "x.parquet")).batch(1, source())


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    frame().to_csv(path, index=False)
    task = Forecast(path=str(path), series="sensor", read=("level",))
    before = task.describe()["file_sha256"], task.chance
    changed = frame()
    changed["level"] **= 3
    changed.to_csv(path, index=False)
    assert task.describe()["file_sha256"] != before[0] and task.chance != before[1]


@pytest.mark.slow
def test_both_are_learned() -> None:
    settings = ModelSettings(cell="gru", hidden=32)
    wave = Forecast(path=str(FILE), series="sensor", read=("level",), ahead=5)
    _, _, skill = learn(wave, settings, steps=300, rate=0.01)
    assert skill > 0.9
    phase = Labelling(path=str(FILE), label="phase", series="sensor", read=("level",))
    _, _, share = learn(phase, settings, steps=400, rate=0.01)
    assert share > 0.9

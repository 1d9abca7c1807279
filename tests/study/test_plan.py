"""Reading a study whole: the grid, overrides, and every mistake at its place."""

from pathlib import Path

import pytest

from gradlab.errors import ConfigError, Fault
from gradlab.study.plan import read_study

GOOD = """
question: how far?
claims: [far enough]
task: {name: digits, order: row}
training: {steps: 5}
grid:
  model.cell: [rnn, lstm]
  training.clip: [null, 1.0]
  seed: [0, 1]
"""

FIVE_MISTAKES = """\
question: how far does it reach?
task:
  name: digts
model:
  hiden: 32
training:
  steps: -5
grid:
  model.cell: [rnn, lstmm]
  training.clip:
    - null
    - {name: norm, threshold: -1}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "study.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def faults(path: Path, *overrides: str) -> dict[str, Fault]:
    """The faults of a study by line:column, or by override."""
    with pytest.raises(ConfigError) as caught:
        read_study(path, overrides)
    return {fault.where.removeprefix(f"{path}:"): fault for fault in caught.value.faults}


def test_five_mistakes_are_listed_at_once_each_with_its_line(write) -> None:
    found = faults(write(FIVE_MISTAKES))
    assert {where: (fault.key, fault.suggestion) for where, fault in found.items()} == {
        "3:9": ("task.name", "digits"),
        "5:3": ("model.hiden", "hidden"),
        "7:10": ("training.steps", ""),
        "9:21": ("model.cell", "lstm"),
        "12:31": ("training.clip.threshold", ""),
    }
    assert list(found) == ["3:9", "5:3", "7:10", "9:21", "12:31"], "in the order of the file"
    assert found["7:10"].expected == "a number greater than 0"
    assert found["7:10"].found == "-5"


def test_the_grid_is_the_product_of_its_axes(write) -> None:
    study = read_study(write(GOOD))
    assert study.name == "study"
    assert study.header.claims == ("far enough",)
    assert study.axes == {"model.cell": ["rnn", "lstm"], "training.clip": [None, 1.0], "seed": [0, 1]}
    assert [tuple(run.varied.values()) for run in study.runs] == [
        (cell, clip, seed) for cell in ("rnn", "lstm") for clip in (None, 1.0) for seed in (0, 1)
    ]
    for run in study.runs:
        assert run.config.model.cell == run.varied["model.cell"]
        assert run.config.seed == run.varied["seed"]
        assert run.config.training.clip.name == ("none" if run.varied["training.clip"] is None else "norm")
    assert len(set(study.expected)) == 8


def test_ids_are_of_the_resolved_config(write) -> None:
    explicit = GOOD.replace("{steps: 5}", "{steps: 5, batch: 32, optimiser: adam}").replace("1.0]", "1]")
    short, long = read_study(write(GOOD)), read_study(write(explicit))
    assert list(short.expected) == list(long.expected)
    other = read_study(write(GOOD), ["training.batch=33"])
    assert not set(other.expected) & set(short.expected)


def test_equal_runs_of_a_grid_are_one_run(write) -> None:
    twice = "[null, {name: none}, 1, 1.0, {name: norm, threshold: 1}]"
    assert len(read_study(write(GOOD.replace("[null, 1.0]", twice))).runs) == 8


def test_parameters_are_those_of_the_net(write) -> None:
    study = read_study(write(GOOD), ["model.hidden=3", "model.cell=rnn"])
    assert {run.parameters for run in study.runs} == {8 * 3 + 3 * 3 + 2 * 3 + 3 * 10 + 10}


def test_a_study_without_a_grid_is_one_run(write) -> None:
    study = read_study(write("question: one?\ntask: {name: adding}\n"))
    assert len(study.runs) == 1
    assert study.axes == {}


OVERRIDES = [
    ("model.hidden=12", lambda study: {run.config.model.hidden for run in study.runs} == {12}),
    ("model.cell=gru", lambda study: len(study.runs) == 4 and "model.cell" not in study.axes),
    ("model={cell: gru}", lambda study: len(study.runs) == 4 and "model.cell" not in study.axes),
    ("grid.seed=[3, 4, 5]", lambda study: study.axes["seed"] == [3, 4, 5] and len(study.runs) == 12),
    ("grid.model.hidden=[3, 4]", lambda study: len(study.runs) == 16),
    ("training.optimiser.rate=1e-2", lambda study: study.runs[0].config.training.optimiser.rate == 0.01),
    ("training.clip=null", lambda study: {run.config.training.clip.name for run in study.runs} == {"none"}),
    ("question=why = how?", lambda study: study.header.question == "why = how?"),
]


@pytest.mark.parametrize(("override", "holds"), OVERRIDES, ids=[override for override, _ in OVERRIDES])
def test_overrides_win_over_the_file_and_its_grid(write, override, holds) -> None:
    text = GOOD.replace("{steps: 5}", "{steps: 5, optimiser: {name: sgd}}")
    assert holds(read_study(write(text), [override]))


BAD_OVERRIDES = {
    "model.hiden=3": ("model.hiden", "hidden"),
    "model.hidden=wide": ("model.hidden", ""),
    "model.hidden": ("model.hidden", ""),
    "=3": ("override", ""),
    "model..hidden=3": ("model..hidden", ""),
    "training.clip.threshold=3": ("training.clip.threshold", ""),
    "grid.seed=3": ("grid.seed", ""),
    "task.order=[": ("syntax", ""),
    "sed=1": ("sed", "seed"),
    "seed.x=1": ("seed.x", ""),
}


@pytest.mark.parametrize("override", BAD_OVERRIDES)
def test_a_bad_override_is_named(write, override: str) -> None:
    found = faults(write(GOOD), override)
    key, suggestion = BAD_OVERRIDES[override]
    assert (found[f"override {override}"].key, found[f"override {override}"].suggestion) == (key, suggestion)


ADDING = "question: why\ntask: {name: adding}\n"

BAD_STUDIES = {
    "": ("1:1", "file"),
    "- a list": ("1:1", "file"),
    "question: why\n": ("1:1", "task"),
    "question: 3\ntask: {name: adding}": ("1:11", "question"),
    "task: {name: adding}": ("1:1", "question"),
    "question: why\nclaims: all\ntask: {name: adding}": ("2:9", "claims"),
    "question: why\nclaims: [3]\ntask: {name: adding}": ("2:10", "claims.0"),
    "question: why\ntask: adding": ("2:7", "task"),
    "question: why\ntask: {order: row}": ("2:1", "task.name"),
    ADDING + "grid: 3": ("3:1", "grid"),
    ADDING + "grid: {seed: 3}": ("3:14", "grid.seed"),
    ADDING + "grid: {seed: []}": ("3:14", "grid.seed"),
    ADDING + "grid: {.seed: [1]}": ("3:8", "grid..seed"),
    ADDING + "grid: {model: [{}], model.hidden: [3]}": (
        "3:21",
        "grid.model.hidden",
    ),
    ADDING + "grid: {seed.x: [3]}\nseed: 1": ("3:8", "seed.x"),
    ADDING + "grid: {model.hidden: ['3']}": ("3:23", "model.hidden"),
    ADDING + "model: {hidden: true}": ("3:17", "model.hidden"),
    ADDING + "seed: -1": ("3:7", "seed"),
    ADDING + "model: {cell: lstm, nonlinearity: relu}": (
        "3:35",
        "model.nonlinearity",
    ),
    ADDING + "training: null": ("3:11", "training"),
    ADDING + "record: {at: [1, x]}": ("3:18", "record.at.1"),
    ADDING + "record: {at: [1], evry: 1}": ("3:19", "record.evry"),
    ADDING + "model: {hidden: 10000000000000000000}": ("3:1", "model"),
}


@pytest.mark.parametrize(("text", "fault"), BAD_STUDIES.items())
def test_a_mistake_is_told_where_it_stands(write, text: str, fault: tuple[str, str]) -> None:
    found = faults(write(text))
    assert [(where, each.key) for where, each in found.items()] == [fault]


def test_a_grid_beyond_all_bounds_is_refused_before_it_is_made(write) -> None:
    values = list(range(1, 101))
    axes = "".join(f"  {key}: {values}\n" for key in ("seed", "model.hidden", "training.batch", "training.steps"))
    found = faults(write(ADDING + "grid:\n" + axes))
    assert found["3:1"].found == "100,000,000"


@pytest.mark.parametrize("name", ["absent.yaml", "a folder", "no\0name", "*" * 5000])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "a folder").mkdir()
    with pytest.raises(ConfigError):
        read_study(tmp_path / name)


def test_a_binary_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_bytes(bytes(range(256)))
    with pytest.raises(ConfigError, match="UTF-8"):
        read_study(tmp_path / "study.yaml")

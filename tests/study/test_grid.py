"""What a grid can say beyond the product of its axes; `extends` and scales; every mistake at its place."""

from pathlib import Path

import pytest

from gradlab.errors import ConfigError
from gradlab.study.catalogue import shipped
from gradlab.study.plan import read_study

HEAD = "question: why?\ntask: {name: adding}\ngrid: "


@pytest.fixture
def points(tmp_path: Path):
    def points(grid: str, *overrides: str) -> list[dict]:
        path = tmp_path / "study.yaml"
        path.write_text(HEAD + grid + "\n", encoding="utf-8")
        return [run.varied for run in read_study(path, overrides).runs]

    return points


def test_zipped_axes_move_together_and_are_multiplied_with_the_others(points) -> None:
    found = points("{seed: [0, 1], zip: {model.hidden: [8, 16], training.batch: [4, 2]}}")
    assert found == [
        {"seed": seed, "model.hidden": hidden, "training.batch": batch}
        for seed in (0, 1)
        for hidden, batch in ((8, 4), (16, 2))
    ]


def test_variants_set_several_settings_under_a_name(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    variants = "{small: {model.hidden: 4}, wide: {model.hidden: 64, training.clip: 1.0}}"
    path.write_text(HEAD + f"{{variants: {variants}, seed: [0, 1]}}\n")
    study = read_study(path)
    assert study.axes == {"seed": [0, 1], "variant": ["small", "wide"]}
    assert study.keys == ("seed", "model.hidden", "training.clip")
    assert [(run.varied["variant"], run.config.model.hidden, run.config.seed) for run in study.runs] == [
        (name, hidden, seed) for seed in (0, 1) for name, hidden in (("small", 4), ("wide", 64))
    ]


def test_include_adds_a_grid_and_exclude_takes_points_away(points) -> None:
    grid = (
        "{model.cell: [rnn, lstm], seed: [0, 1], include: {model.cell: [gru], seed: [5, 6]},"
        " exclude: [{model.cell: rnn, seed: [1, 2]}, {model.cell: gru, seed: 6}]}"
    )
    assert [tuple(point.values()) for point in points(grid)] == [("rnn", 0), ("lstm", 0), ("lstm", 1), ("gru", 5)]


def test_a_condition_may_be_on_a_setting_that_all_runs_share(points) -> None:
    grid = "{seed: [0, 1], exclude: {task.name: adding, seed: 1}}"
    assert points(grid) == [{"seed": 0}]
    assert points(grid.replace("adding", "digits")) == [{"seed": 0}, {"seed": 1}]


@pytest.mark.parametrize(
    "grid",
    [
        "{seed: [0, 1], zip: {model.hidden: [8, 16], training.batch: [4, 2]}}",
        "{seed: [0, 1], variants: {a: {model.hidden: 4, training.batch: 3}, b: {model.hidden: 8, training.batch: 5}}}",
    ],
)
def test_an_override_wins_wherever_the_grid_sets_the_key(tmp_path: Path, grid: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD + grid + "\n")
    assert {run.config.model.hidden for run in read_study(path, ["model.hidden=12"]).runs} == {12}


def test_only_keeps_the_points_at_which_a_comparison_holds(points) -> None:
    grid = "{model.hidden: [4, 8], training.batch: [4, 8], only: ['training.batch <= model.hidden', seed<1]}"
    head = "seed: 0\n"
    assert [tuple(point.values()) for point in points(grid + "\n" + head)] == [(4, 4), (8, 4), (8, 8)]
    assert points(grid.replace("training.batch <= model.hidden", "model.hidden == training.batch") + "\n" + head) == [
        {"model.hidden": size, "training.batch": size} for size in (4, 8)
    ]


def test_a_condition_may_be_on_a_default(points) -> None:
    grid = "{model.hidden: [4, 64, 128], only: [model.hidden < task.steps]}"
    assert [point["model.hidden"] for point in points(grid)] == [4, 64]
    assert points("{seed: [0, 1], exclude: {model.cell: lstm, seed: 1}}") == [{"seed": 0}]


def test_what_is_left_out_may_be_wrong(points) -> None:
    grid = "{model.layers: [1, 2], model.dropout: [0.0, 0.5], exclude: {model.layers: 1, model.dropout: 0.5}}"
    assert [tuple(point.values()) for point in points(grid)] == [(1, 0.0), (2, 0.0), (2, 0.5)]


def test_a_zipped_axis_that_is_overridden_leaves_the_others(points) -> None:
    grid = "{zip: {seed: [0, 1], model.hidden: [8, 16]}}"
    assert points(grid, "model.hidden=3") == [{"seed": 0}, {"seed": 1}]
    assert points("{zip: {model.hidden: [8, 16]}}", "model.hidden=3") == [{}]


BAD = {
    "{seed: [0], only: [seed]}": ("seed]", "grid.only.0"),
    "{seed: [0], only: [seed < true]}": ("seed < true", "grid.only.0"),
    "{seed: [0], only: [sed < 3]}": ("sed <", "grid.sed"),
    "{model.cell: [rnn], only: [model.cell < 3]}": ("model.cell <", "grid.only"),
    "{seed: [0], exclude: {model.cel: rnn}}": ("model.cel", "grid.model.cel"),
    "{seed: [0], exclude: {seed: 0}}": (None, "grid"),
    "{include: {include: {seed: [1]}}}": ("include: {seed", "grid.include.0.include"),
    "{model.hidden: [3], variants: {a: {model.hidden: 4}}}": ("model.hidden: 4", "grid.variants.a.model.hidden"),
    "{zip: {seed: [0, 1], model.hidden: [8]}}": ("{seed", "grid.zip"),
    "{zip: 3}": ("3", "grid.zip"),
    "{zip: {seed: 3}}": ("3", "grid.zip.seed"),
    "{seed: [0], zip: {seed: [1]}}": ("seed", "grid.seed"),
    "{include: [{seed: 3}]}": ("3", "grid.include.0.seed"),
    "{exclude: [4]}": ("4", "grid.exclude"),
    "{variants: [a]}": ("[a]", "grid.variants"),
    "{variants: {a: 3}}": ("3", "grid.variants.a"),
    "{variants: {a: {model.hiden: 3}}}": ("model.hiden", "model.hiden"),
    "{zip: {model.cell: [rnn, lstmm], seed: [1, 2]}}": ("lstmm", "model.cell"),
}


@pytest.mark.parametrize(("grid", "fault"), BAD.items())
def test_a_mistake_in_a_grid_is_told_where_it_stands(points, grid: str, fault: tuple[str | None, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        points(grid)
    marker, key = fault
    found = [(one.where.rsplit("study.yaml:", 1)[-1], one.key) for one in caught.value.faults]
    column = 1 if marker is None else 7 + grid.index(marker)
    assert (f"3:{column}", key) in found, caught.value


BASE = """question: why?
task: {name: adding, steps: 50}
model: {cell: gru, hidden: 8}
training: {optimiser: {name: sgd, momentum: 0.5}}
grid: {seed: [0, 1]}
scales:
  full: {task: {steps: 500}, grid: {seed: [0, 1, 2]}}
"""


def test_a_study_extends_another_one(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    child = tmp_path / "child.yaml"
    child.write_text("extends: base.yaml\nmodel: {hidden: 16}\ntraining: {optimiser: {name: adam}}\n")
    study = read_study(child)
    assert study.name == "child"
    assert study.header.question == "why?"
    assert [run.config.seed for run in study.runs] == [0, 1]
    config = study.runs[0].config
    assert (config.model.cell, config.model.hidden, config.task.length) == ("gru", 16, 50)
    assert config.training.optimiser.name == "adam"


def test_a_study_extends_a_shipped_one_by_name(tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("extends: digits\nclaims: []\nmodel: {hidden: 3}\ngrid: {seed: [7]}\n")
    study, shipped_study = read_study(child), read_study(shipped()["digits"])
    assert study.header.question == shipped_study.header.question
    assert {run.config.seed for run in study.runs} == {7}
    assert len(study.runs) * 4 == len(shipped_study.runs)


def test_studies_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("extends: two.yaml\n")
    (tmp_path / "two.yaml").write_text("extends: ./one.yaml\n")
    with pytest.raises(ConfigError, match="another study, found itself"):
        read_study(tmp_path / "one.yaml")


def test_a_scale_changes_what_it_names_and_is_a_study_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "base.yaml"
    path.write_text(BASE)
    small, full = read_study(path), read_study(path, scale="full")
    assert (small.name, full.name) == ("base", "base-full")
    assert (small.runs[0].config.task.length, full.runs[0].config.task.length) == (50, 500)
    assert (len(small.runs), len(full.runs)) == (2, 3)
    assert full.runs[0].config.model == small.runs[0].config.model


WRONG_FILES = {
    "extends: absent.yaml\n": "file",
    "extends: 3\n": "extends",
    "extends: study.yaml\n": "extends",
    "question: why?\ntask: {name: adding}\nscales: {full: 3}\n": "scales.full",
    "question: why?\ntask: {name: adding}\nscales: 3\n": "scales",
    'extends: "a\\0b"\n': "extends",
    "extends: vanishin\n": "extends",
    "question: why?\ntask: {name: adding}\nscales: {full: {extends: digits}}\n": "scales.full.extends",
}


@pytest.mark.parametrize(("text", "key"), WRONG_FILES.items())
def test_a_mistake_in_extends_or_scales_is_a_fault(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_study(path)
    assert key in [fault.key for fault in caught.value.faults]


def test_an_unknown_scale_is_told_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "base.yaml"
    path.write_text(BASE)
    with pytest.raises(ConfigError, match="did you mean 'full'"):
        read_study(path, scale="ful")

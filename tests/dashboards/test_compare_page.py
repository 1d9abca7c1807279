"""The page Compare: runs of several studies, lines, panels, and where their settings differ."""

from pathlib import Path

import pytest

from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, grid, notices, page_named
from tests.figures.frames import steps_columns

COMPARE = page_named("compare")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies, two cells, three seeds; the final loss is 1, 2 (cell) plus a hundredth of the seed."""
    path = tmp_path_factory.mktemp("compare") / "store"
    store = Store(path)
    for study, width in (("narrow", 16), ("wide, indeed", 64)):
        store.write_study(study, axes=("model.cell", "seed"))
        for number, cell in enumerate(("lstm", "rnn")):
            for seed in range(3):
                config = {"model": {"cell": cell, "hidden": width}, "seed": seed}
                with store.writer(f"{cell}{width}{seed}", study, config=config) as writer:
                    writer.write("steps", steps_columns(40, seed))
                    writer.annotate(final_loss=1.0 + number + 0.01 * seed)
    return path


def test_groups_are_ranked_with_their_spread(open_page: Open, outcomes: Path) -> None:
    app = open_page(outcomes, COMPARE, studies="narrow", by="model.cell")
    assert answer(app) == (
        "lstm ends with the best loss, 1.01 (3 runs), and rnn with the worst, 2.01 (3 runs); their spreads do not "
        "touch."
    )
    assert grid(app, "group") == {"lstm": ["3", "1.01", "1", "1.02"], "rnn": ["3", "2.01", "2", "2.02"]}


def test_studies_stand_side_by_side_with_shared_axes(open_page: Open, outcomes: Path) -> None:
    both = "narrow,wide%2C indeed"
    app = open_page(outcomes, COMPARE, studies=both, by="model.cell", across="study", quantity="grad_norm")
    written = app.query_params["studies"]
    assert set((written if isinstance(written, str) else written[0]).split(",")) == set(both.split(","))
    layout = charts(app)[0]["layout"]
    assert layout["xaxis2"]["matches"] == "x" and layout["yaxis2"]["matches"] == "y"
    assert {note["text"] for note in layout["annotations"]} == {"narrow", "wide, indeed"}
    assert grid(app, "setting") == {
        "model.cell": ["lstm", "rnn"],
        "model.hidden": ["16, 64", "16, 64"],
    }


def test_nothing_chosen_and_nothing_recorded(open_page: Open, outcomes: Path) -> None:
    assert "nothing to compare" in notices(open_page(outcomes, COMPARE, studies="none"))
    app = open_page(outcomes, COMPARE, quantity="score_loss")
    assert "held-out loss was not recorded" in notices(app)


def test_single_runs_stand_beside_each_other(open_page: Open, outcomes: Path) -> None:
    """At first the best and the worst; the names say in what they differ, and no more."""
    app = open_page(outcomes, COMPARE, studies="narrow", of="runs")
    assert answer(app) == "lstm · seed 0 ends with the best loss, 1, and rnn · seed 2 with the worst, 2.02."
    assert grid(app, "setting") == {"model.cell": ["lstm", "rnn"], "seed": ["0", "2"]}
    assert grid(app, "run")["lstm · seed 0"][:2] == ["finished", "1"]
    layout = charts(app)[0]["layout"]
    assert layout["xaxis2"]["matches"] == "x" and layout["yaxis2"]["matches"] == "y"


def test_chosen_runs_live_in_the_address(open_page: Open, outcomes: Path) -> None:
    both = "narrow/lstm160,narrow/lstm161"
    app = open_page(outcomes, COMPARE, studies="narrow", of="runs", runs=both, panels="one")
    assert answer(app) == "seed 0 ends with the best loss, 1, and seed 1 with the worst, 1.01."
    assert {trace.get("name") for trace in charts(app)[0]["data"]} >= {"seed 0", "seed 1"}
    app.multiselect[0].set_value(["narrow/lstm160"]).run()
    assert app.query_params["runs"] in ("narrow/lstm160", ["narrow/lstm160"])
    assert answer(app).startswith("lstm160 ends with 1")


def test_no_more_runs_than_can_be_told_apart(open_page: Open, outcomes: Path) -> None:
    everything = ",".join(f"narrow/{cell}16{seed}" for cell in ("lstm", "rnn") for seed in range(3))
    everything += "," + ",".join(f"wide%2C indeed/{cell}64{seed}" for cell in ("lstm", "rnn") for seed in range(3))
    app = open_page(outcomes, COMPARE, studies="narrow,wide%2C indeed", of="runs", runs=everything)
    assert not app.exception
    assert len(grid(app, "run")) == 8


def test_runs_outside_any_study_are_chosen_as_any_other(open_page: Open, tmp_path: Path) -> None:
    """They are what a store of watched nets holds, and the name of their study is empty."""
    store = Store(tmp_path / "store")
    for run in ("mine", "yours"):
        with store.writer(run) as writer:
            writer.write("steps", steps_columns(40, 0))
            writer.annotate(final_loss=1.0)
    app = open_page(tmp_path / "store", COMPARE)
    assert answer(app).startswith("The loss at the end is 1")
    assert len(charts(app)) == 1 and not notices(app)
    store.write_study("other", axes=("seed",))
    with store.writer("ours", "other", config={"seed": 0}) as writer:
        writer.write("steps", steps_columns(40, 0))
        writer.annotate(final_loss=2.0)
    app = open_page(tmp_path / "store", COMPARE, studies="()")
    assert answer(app).startswith("The loss at the end is 1")
    app = open_page(tmp_path / "store", COMPARE, studies="other,()", by="study")
    assert answer(app).startswith("no study ends with the best loss, 1 (2 runs), and other with the worst, 2 (1 run)")
    assert {trace.get("name") for trace in charts(app)[0]["data"]} >= {"no study", "other"}


def test_at_first_the_figure_shows_what_the_groups_are_ranked_by(open_page: Open, outcomes: Path) -> None:
    """The score where runs have one, else the loss."""
    full = open_page("full", COMPARE, studies="digits")
    assert "accuracy" in answer(full) and charts(full)[0]["layout"]["yaxis"]["title"]["text"] == "score"
    assert charts(open_page(outcomes, COMPARE))[0]["layout"]["yaxis"]["title"]["text"].startswith("loss")

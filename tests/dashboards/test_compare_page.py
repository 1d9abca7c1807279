"""The page Compare: runs of several studies, lines, panels, and where their settings differ."""

from pathlib import Path

import pytest

from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, notices, page_named
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
        "The best loss at the end has lstm with 1.01 (3 runs), the worst rnn with 2.01 (3 runs); "
        "their spreads do not touch."
    )
    finals = next(table.value for table in app.dataframe if "10 %" in table.value.columns)
    assert finals["median"].tolist() == [1.01, 2.01]


def test_studies_stand_side_by_side_with_shared_axes(open_page: Open, outcomes: Path) -> None:
    both = "narrow,wide%2C indeed"
    app = open_page(outcomes, COMPARE, studies=both, by="model.cell", across="study", quantity="grad_norm")
    written = app.query_params["studies"]
    assert set((written if isinstance(written, str) else written[0]).split(",")) == set(both.split(","))
    layout = charts(app)[0]["layout"]
    assert layout["xaxis2"]["matches"] == "x" and layout["yaxis2"]["matches"] == "y"
    assert {note["text"] for note in layout["annotations"]} == {"narrow", "wide, indeed"}
    differences = next(table.value for table in app.dataframe if "setting" in table.value.columns)
    assert differences.set_index("setting").loc["model.hidden"].tolist() == ["16, 64", "16, 64"]
    assert differences.set_index("setting").loc["model.cell"].tolist() == ["lstm", "rnn"]


def test_nothing_chosen_and_nothing_recorded(open_page: Open, outcomes: Path) -> None:
    assert "nothing to compare" in notices(open_page(outcomes, COMPARE, studies="none"))
    app = open_page(outcomes, COMPARE, quantity="score_loss")
    assert "held-out loss was not recorded" in notices(app)

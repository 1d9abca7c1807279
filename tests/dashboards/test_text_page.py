"""The pages Text and samples, and Truncation: their sentences come from the data; what a net says stays text."""

from pathlib import Path

import numpy as np
import pytest

from gradlab.store import Store
from tests.dashboards.reading import Open, answer, charts, notices, page_named, texts
from tests.figures.frames import steps_columns

TEXT, TRUNCATION = page_named("text"), page_named("truncation")


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run whose held-out loss is 2 bits, and which says three things, the last of them nothing."""
    path = tmp_path_factory.mktemp("text") / "store"
    with Store(path).writer("r", "letters", config={"task": {"name": "characters"}}) as writer:
        columns = steps_columns(60, 0)
        columns["score_loss"] = np.where(columns["step"] % 20 == 0, 2 * np.log(2), np.nan)
        writer.write("steps", columns)
        said = np.array(["aaa", "<b>the</b> **cat** $x$\nsat", None], dtype=object)
        writer.write("samples", {
            "step": np.array([0, 40, 59]), "example": np.zeros(3, dtype=int), "said": said,
            "prompt": np.array(["So ", "So ", "So "], dtype=object), "wanted": np.array([None] * 3, dtype=object),
        })  # fmt: skip
        writer.annotate(score_name="bits per character", uniform_bits=6.0, unigram_bits=4.2, bigram_bits=3.4)
    return path


def test_bits_against_what_needs_no_net(open_page: Open, speaking: Path) -> None:
    app = open_page(speaking, TEXT)
    assert answer(app) == (
        "The net needs 2 bits per character of held-out text; for comparison: guessing evenly 6, single characters "
        "4.2 and pairs of characters 3.4."
    )
    assert len(charts(app)) == 1
    assert "said nothing" in notices(app), "the last sample is of weights that were no longer finite"


def test_sample_is_shown_as_text(open_page: Open, speaking: Path) -> None:
    app = open_page(speaking, TEXT, at="40")
    assert [code.value for code in app.code] == ["So aaa", "So <b>the</b> **cat** $x$\nsat"]
    assert not any("<b>the" in text for text in texts(app))


def test_study_that_does_not_speak(open_page: Open) -> None:
    assert answer(open_page("full", TEXT, study="digits")) == "The nets of this study do not speak."


def test_window_that_keeps_the_bias_small(open_page: Open) -> None:
    """0.7^10 = 0.03, 0.97^50 = 0.22, 0.93^50 = 0.03; the next window of each after the last that is too biased."""
    app = open_page("full", TRUNCATION, study="digits", by="model.cell")
    assert "below 10 % from a window of" in answer(app).replace("\u00a0", " ")
    assert "10 steps with rnn" in answer(app) and "50 steps with gru" in answer(app)
    assert "64 steps with lstm" in answer(app)
    assert "e<sup>λ₁K</sup>" in str(charts(app)[0]["data"])
    assert "bias_every" in open_page("nonfinite", TRUNCATION).code[0].value

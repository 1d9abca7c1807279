"""A study from the page in a real browser: checked, started, watched live, stopped, exported, and the file opened."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pytest

from gradlab.store import Store
from tests.dashboards.test_browser import View, server, view  # noqa: F401

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

STUDY = """\
question: Does it train while one looks at it?
task: {name: adding, steps: 20}
model: {cell: rnn, hidden: 8}
training: {steps: 200000, batch: 4, evaluate_every: null}
record: {every: 50, preset: light}
grid:
  seed: [0]
"""


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Stores of this file alone: the test writes to them."""
    folder = tmp_path_factory.mktemp("written")
    return lambda name: folder / name


def press(page: "Page", label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def test_study_is_started_watched_stopped_and_exported(
    view: Callable[..., View],  # noqa: F811
    server: Callable[[str], str],  # noqa: F811
    store_path: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    here = view()
    base = server("empty")
    here.open(f"{base}/new-study")
    here.page.get_by_label("Name").fill("watched")
    here.page.get_by_label("Study file").fill(STUDY)
    here.page.get_by_label("Study file").press("Control+Enter")
    here.settle()
    press(here.page, "Check")
    here.page.get_by_text("has been checked and can be started").wait_for(timeout=120_000)
    press(here.page, "Start")
    here.page.get_by_text("watched: running").wait_for(timeout=60_000)

    watching = view()
    store = Store(store_path("empty"))
    for _ in range(120):
        if any(run.status == "running" and "steps" in run.tables() for run in store.runs()):
            break
        here.page.wait_for_timeout(500)
    watching.open(f"{base}/run?study=watched")
    answer = watching.page.locator(".gradlab-answer")
    first = answer.inner_text()
    assert "is training after" in first
    watching.page.wait_for_function(
        "before => document.querySelector('.gradlab-answer').innerText != before", arg=first, timeout=60_000
    )
    assert "is training after" in answer.inner_text(), "it has grown under the reader's eyes"

    press(here.page, "Stop")
    here.page.get_by_text("watched: stopped").wait_for(timeout=60_000)
    watching.page.get_by_text("was stopped early").wait_for(timeout=60_000)

    here.open(f"{base}/export?study=watched")
    with here.page.expect_download() as waiting:
        here.page.get_by_role("button", name="Parquet", exact=True).nth(1).click()
    frame = pd.read_parquet(waiting.value.path())
    assert len(frame) > 10 and frame["loss"].notna().all()
    with here.page.expect_download() as waiting:
        press(here.page, "The report as one page")
    kept = tmp_path / "report.html"
    waiting.value.save_as(kept)
    here.page.goto(kept.as_uri())
    assert "Does it train while one looks at it?" in here.page.inner_text("body")
    colours: dict[Literal["light", "dark"], str] = {"light": "rgb(31, 36, 48)", "dark": "rgb(240, 242, 246)"}
    for scheme, text in colours.items():
        here.page.emulate_media(color_scheme=scheme)
        drawn = "colour => getComputedStyle(document.querySelector('.xtitle')).fill === colour"
        here.page.wait_for_function(drawn, arg=text, timeout=10_000)
    for each in (here, watching):
        each.check()

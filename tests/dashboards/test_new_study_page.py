"""The page New study: nothing is started that was not checked, and nothing but settings is run."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.components import started
from tests.dashboards.reading import Open, answer, notices, page_named

NEW = page_named("new-study")


def button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if each.label == label)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-o", ".hidden", "x" * 80, "a\x00", "a;b", "ä"])
def test_name_that_leads_elsewhere_is_refused(name: str) -> None:
    assert not started.is_name(name)
    with pytest.raises(ValueError, match="letters, digits"):
        started.check(name, "question: x", quick=True)


def test_mistakes_are_told_and_what_looks_like_code_is_none() -> None:
    """A YAML tag that would make an object in a careless reader."""
    text = "question: !!python/object/apply:os.system ['touch owned']\nmodel: {cell: rnm}\n"
    can_run, said = started.check("mine", text, quick=True)
    assert not can_run
    assert "mine.yaml:1" in said or "mine.yaml" in said
    assert "Traceback" not in said


def test_only_what_was_checked_can_be_started(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def check(name: str, text: str, *, quick: bool) -> tuple[bool, str]:
        asked.append((name, quick))
        return "steps" in text, "3 runs, about 2 min"

    monkeypatch.setattr(started, "check", check)
    app = open_page("empty", NEW)
    assert button(app, "Start").disabled
    button(app, "Check").click().run()
    assert len(asked) == 1 and asked[0][0].startswith("my-") and asked[0][1]
    assert "has been checked" in answer(app)
    assert any("3 runs, about 2 min" in code.value for code in app.code)
    assert not button(app, "Start").disabled
    app.text_area[0].set_value("question: another").run()
    assert button(app, "Start").disabled, "the text is another one now"
    app.text_input[0].set_value("../elsewhere").run()
    assert "another name" in notices(app)
    assert button(app, "Check").disabled

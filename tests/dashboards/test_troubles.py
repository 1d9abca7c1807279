"""The cards on the page Overview: how many runs are ill, which ones, since when, and what could not be judged."""

import dataclasses
from typing import TYPE_CHECKING, Any, get_args

import pytest

from dashboards.components import findings, judging
from dashboards.components.findings import Verdict, judged, known_verdict, verdict_of
from dashboards.components.troubles import CARDS, Trouble, judged_in_words, troubles
from dashboards.pages import PAGES
from gradlab.diagnosis import FINDINGS, Advice, Finding, Where, diagnose
from gradlab.diagnosis.finding import Subject
from gradlab.store import Store
from tests.dashboards.reading import Open, page_named, texts
from tests.diagnosis.synthetic import well

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

OVERVIEW = page_named("overview")


def finding(
    about: Subject = "vanishing", name: str = "vanishing", since: int | None = None, **about_it: Any
) -> Finding:
    certainty, help_text = about_it.get("certainty", "likely"), about_it.get("advice", "Take an LSTM.")
    where = Where(layer=about_it.get("layer"), since=since)
    return Finding(name, "It is so", certainty, (), Advice(help_text), where, about=about)


def ill(*found: Finding) -> Verdict:
    return Verdict("ill", found)


WELL = Verdict("well")
GROUPS = {"a": "rnn", "b": "rnn", "c": "lstm", "d": "lstm"}


def card(verdicts: dict[str, Verdict], about: str = "vanishing", of: int | None = None) -> Trouble:
    return next(trouble for each, trouble in troubles(verdicts, GROUPS, of) if each.about == about)


def test_counts_runs_and_names_their_groups() -> None:
    told = card({"a": ill(finding(since=40)), "b": ill(finding(since=90)), "c": WELL, "d": ill(finding(since=50))})
    assert told.headline == "3 of 4 runs"
    assert told.where == "rnn (2 of 2) and lstm (1 of 2)"
    assert told.since == "since training steps 40 to 90"
    assert told.help == "Take an LSTM."
    assert told.kinds == "", "the title of the card says it"


def test_a_run_is_counted_once_and_other_cards_stay_free() -> None:
    both = ill(finding(name="forget_bias", since=0), finding(since=7))
    assert card({"a": both}).headline == "yes"
    assert card({"a": both, "c": WELL}).kinds == "forget bias, vanishing"
    assert card({"a": both, "c": WELL}).since == "from the first training step on"
    assert card({"a": both, "c": WELL}, "exploding").headline == "none of 2 runs"
    titles = [each.about for each, _ in troubles({"a": both, "c": WELL}, GROUPS)]
    assert titles == ["vanishing", "exploding", "clipping"], "others only where there is something to say"


def test_the_surest_advice_of_the_commonest_name_is_given() -> None:
    rare = finding(name="dead_relus", certainty="strong", advice="Rare.")
    found = {
        "a": ill(finding(certainty="weak", advice="Weak.")),
        "b": ill(finding(certainty="strong", advice="Strong.")),
        "c": ill(rare),
    }
    assert card(found).help == "Strong."


def test_layer_is_told_where_it_is_the_same_and_not_the_only_one() -> None:
    assert card({"a": ill(finding(layer=1)), "c": WELL}).where == "rnn (1 of 1), layer 1"
    assert card({"a": ill(finding(layer=1)), "b": ill(finding(layer=0))}).where == ""


def test_what_could_not_be_judged_is_not_called_fine() -> None:
    blind = Verdict("well", (), frozenset({"vanishing"}))
    nothing = Verdict("not judged", (), None)
    assert card({"a": blind, "b": nothing}).headline == "not judged"
    assert card({"a": blind, "b": WELL}).headline == "none of 1 judged runs"
    assert card({"a": blind, "b": nothing}, "exploding").headline == "none of 1 judged runs"
    assert card({"a": WELL}, of=3).headline == "none of 1 judged runs"


def test_verdict_of_a_diagnosis() -> None:
    frames = well()
    found = verdict_of(diagnose(frames))
    assert found.words == "well" and found.is_well and found.has_judged("vanishing")
    del frames["timesteps"]
    assert not verdict_of(diagnose(frames)).has_judged("vanishing")
    assert not verdict_of(None).is_well


def test_words_on_how_far_judging_is() -> None:
    found = {"a": WELL, "b": ill(finding()), "c": Verdict("not judged", (), None)}
    assert judged_in_words(found, 3, 0) == "Of 3 runs 1 is well, 1 has a problem and 1 cannot be judged."
    assert judged_in_words({"a": WELL}, 9, 8) == "1 of 9 runs is judged: 1 is well and none has a problem; " + (
        "the others follow."
    )
    assert judged_in_words({"a": WELL}, 9, 0).endswith("8 are left.")
    assert judged_in_words({"a": WELL}, 1, 0) == ""


def test_every_rule_has_a_card_and_every_card_a_page() -> None:
    assert {card.about for card in CARDS} == set(get_args(Subject)) >= {rule.about for rule in FINDINGS}
    assert {card.page for card in CARDS} <= {page.address for page in PAGES}
    assert {card.rule for card in CARDS} <= {rule.name for rule in FINDINGS}


def cards_of(app: "AppTest") -> str:
    return next(text for text in texts(app) if "gradlab-cards" in text)


def test_page_tells_what_was_judged(open_page: Open, store_path: Any) -> None:
    findings._verdicts.clear()
    app = open_page("full", OVERVIEW, study="digits", by="model.cell")
    assert cards_of(app).count("not judged") == 3, "the first look is not for judging"
    store = Store(store_path("full"))
    for run in store.runs("digits"):
        judged(store, run)
    told = cards_of(app.run())
    assert "rnn (4 of 4)" in told and "from the first training step on" in told and "What would help: " in told
    assert 'href="vanishing?study=digits&amp;by=model.cell"' in told
    assert "are well" in " ".join(texts(app))


def test_long_runs_wait_for_a_click(open_page: Open, store_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "UNASKED", 10)
    findings._verdicts.clear()
    app = open_page("full", OVERVIEW, study="digits")
    store = Store(store_path("full"))
    runs = store.runs("digits")
    app.session_state["long runs"] = {run.id for run in runs}
    app = app.run()
    button = next(each for each in app.button if each.label.startswith("Judge"))
    assert button.label == "Judge 12 long runs"
    app = button.click().run()
    assert not [each for each in app.button if each.label.startswith("Judge")], "they are judged by themselves now"
    assert all(known_verdict(run) is None for run in runs), "and not before the page is there"


def test_some_are_judged_at_a_time(store_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADLAB_STORE", str(store_path("full")))
    monkeypatch.setattr(judging, "BUDGET", -1.0)
    findings._verdicts.clear()
    store = Store(store_path("full"))
    runs = store.runs("digits")
    for count in range(1, 4):
        judging._judge_some(store, "digits", runs)
        assert sum(known_verdict(run) is not None for run in runs) == count


def test_run_that_has_ended_since_is_judged_anew(store_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADLAB_STORE", str(store_path("half_written")))
    findings._verdicts.clear()
    store = Store(store_path("half_written"))
    run = next(run for run in store.runs() if run.status == "running")
    assert known_verdict(run) is None
    first = judged(store, run)
    assert known_verdict(run) is first
    ended = dataclasses.replace(run, status="finished")
    assert known_verdict(ended) is None, "what was said while it trained may no longer hold"

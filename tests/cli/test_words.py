"""How the command line writes settings, durations and sizes."""

import pytest

from gradlab.cli.words import duration, settings, short_names, size


def test_settings_are_named_as_shortly_as_they_are_clear() -> None:
    assert settings({"model.cell": "rnn", "seed": 3}) == "cell=rnn seed=3"
    assert short_names(["task.steps", "training.steps", "seed"]) == {
        "task.steps": "task.steps",
        "training.steps": "training.steps",
        "seed": "seed",
    }
    assert settings({"training.clip": {"name": "norm", "threshold": 0.5}}) == "clip=norm(threshold=0.5)"
    assert settings({"training.clip": None, "task.permuted": True}) == "clip=null permuted=true"
    assert settings({}) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (125, "2 min"), (7199, "2 h 0 min"), (7260, "2 h 1 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("amount", "words"), [(12, "12 B"), (1234, "1.23 kB"), (5.67e6, "5.67 MB"), (2e9, "2 GB"), (3e12, "3 TB")]
)
def test_sizes(amount: float, words: str) -> None:
    assert size(amount) == words

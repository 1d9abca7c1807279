"""Groups of runs have names that a person can read, and different settings never share one."""

from types import SimpleNamespace

import pytest

from gradlab.reports import grouping


def labels(*settings, axes=()):
    runs = [SimpleNamespace(settings=each) for each in settings]
    return list(grouping(runs, axes).groups)


@pytest.mark.parametrize(
    "settings, axes, expected",
    [
        ([{"a": 1, "seed": 1}, {"a": 1, "seed": 2}], ["seed"], ["all runs"]),
        ([{"a": 1, "task.seed": 1}, {"a": 2, "task.seed": 2}], [], ["a 1", "a 2"]),
        ([{"a": 1, "b": 1}, {"a": 2, "b": 2}], ["b"], ["b 1", "b 2"]),
        ([{"m.lr": 0.1, "n.lr": 1}, {"m.lr": 0.2, "n.lr": 2}], [], ["m.lr 0.1, n.lr 1", "m.lr 0.2, n.lr 2"]),
        ([{"clip": None}, {"clip.name": "norm", "clip.max": 1.0}], ["clip"], ["clip none", "clip norm, max 1"]),
        ([{"x.n_h": 1, "f": True}, {"x.n_h": 2, "f": False}], [], ["n h 1, f yes", "n h 2, f no"]),
        ([{"cell": "rnn"}, {"cell": "rnn", "act": "relu"}], [], ["all runs", "act relu"]),
        ([], ["a"], []),
    ],
)  # fmt: skip
def test_labels(settings, axes, expected):
    assert labels(*settings, axes=axes) == expected

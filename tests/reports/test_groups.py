"""Groups of runs have names that a person can read, and different settings never share one."""

from types import SimpleNamespace

import pytest

from gradlab.reports import grouping, load
from gradlab.reports.choose import chosen
from gradlab.reports.contents import comparison
from gradlab.store import Store

FLOSSING_4 = '{"exponents": 4, "name": "flossing", "window": 40}'
FLOSSING_8 = '{"exponents": 8, "name": "flossing", "window": 40}'
PLAIN = '{"name": "flossing", "window": 40}'
OMEGA = '{"name": "pascanu", "weight": 2.0}'


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
        ([{"r": (FLOSSING_4,)}, {"r": ()}], ["r"], ["r flossing", "no r"]),
        ([{"r": (FLOSSING_4,)}, {"r": (FLOSSING_8, OMEGA)}], [], ["r flossing (exponents 4)",
                                                                "r flossing (exponents 8) + pascanu"]),
        ([{"r": (OMEGA, PLAIN)}, {"r": (PLAIN,)}], [], ["r pascanu + flossing", "r flossing"]),
        ([{"r": (FLOSSING_4,)}, {"r": (PLAIN,)}], [], ["r flossing (exponents 4)", "r flossing (exponents none)"]),
        ([{"windows": (1, 2)}, {"windows": ()}, {"windows": None}], [], ["windows 1 + 2", "no windows",
                                                                        "windows none"]),
    ],
)  # fmt: skip
def test_labels(settings, axes, expected):
    assert labels(*settings, axes=axes) == expected


A, B = {"variant": "plain", "r": ()}, {"variant": "flossed", "r": (FLOSSING_4,)}


@pytest.mark.parametrize(
    "settings, expected, keys",
    [
        ([A, B, {**A, "seed": 1}], ["plain", "flossed"], ("variant",)),
        ([{**A, "cell": "rnn"}, {**B, "cell": "rnn"}, {**B, "cell": "gru"}],
         ["plain, cell rnn", "flossed, cell rnn", "flossed, cell gru"], ("variant", "cell")),
        ([A, {**A, "seed": 1}], ["all runs"], ()),
        ([A, {**A, "h": 2}], ["all runs", "h 2"], ("h",)),
        ([A, B, {"r": ()}], ["plain", "flossed", "no r"], ("variant", "r")),
        ([A, {**B, "r": ()}, B], ["plain, no r", "flossed, no r", "flossed, r flossing"], ("variant", "r")),
    ],
)  # fmt: skip
def test_what_a_variant_fixes_is_said_by_its_name(settings, expected, keys):
    found = grouping([SimpleNamespace(settings=each) for each in settings])
    assert (list(found.groups), found.keys) == (expected, keys)


def test_a_study_names_its_variants_and_its_runs_keep_the_name(tmp_path):
    store = Store(tmp_path)
    for name in ("listed", "renamed", "earlier", "none"):
        with store.writer(name, "s", config={"h": len(name)}) as writer:
            writer.annotate(varied={"seed": 0} if name == "none" else {"variant": "old", "seed": 0})
    store.write_study("s", expected=["listed", "renamed"], facts={"variants": {"listed": "old", "renamed": "new"}})
    found = {run.id: (run.variant, run.settings.get("variant")) for run in store.runs("s")}
    assert found == {
        "listed": ("old", "old"), "renamed": ("new", "new"), "earlier": ("old", "old"), "none": ("", None)
    }  # fmt: skip
    assert all("variant" not in run.config for run in store.runs("s"))
    assert list(load(store, "runs", study="s")["variant"].fillna("")) == ["old", "new", "old", ""]
    assert [run.id for run in chosen(store, "s", None, {"variant": ["new"]})] == ["renamed"]


def test_two_studies_stand_side_by_side_by_settings_where_one_has_no_variants(tmp_path):
    store = Store(tmp_path)
    for study, variants in (("named", ["a", "b"]), ("plain", ["", ""])):
        for h, variant in zip((4, 8), variants, strict=True):
            with store.writer(f"{study}{h}", study, config={"h": h}) as writer:
                writer.annotate(final_score=float(h), varied={"variant": variant} if variant else {})
        store.write_study(study, axes=["h"], expected=[f"{study}{h}" for h in (4, 8)])
    rows = comparison(store, "named", "plain").rows
    assert [row[:3] for row in rows] == [("h 4", "4", "4"), ("h 8", "8", "8")]

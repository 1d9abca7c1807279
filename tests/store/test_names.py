"""Names of studies, runs and artifacts can be anything and never leave their folder."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.store import RunWriter, Store
from gradlab.store.names import decode_name, encode_name
from tests.store.rows import steps

HOSTILE = [
    "..", ".", "a/b", "../../etc", "/etc/passwd", "a\\b", "<script>alert(1)</script>", "=1+1", "a\nb", "nul\x00",
    "%2E%2E", "~root", "C:\\x", "lstm vs. rnn?", " führend ", "数字", "🙂", "study.json", "memory://x", "*", "$HOME",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_stored_and_read_back(address, name, tmp_path):
    store = Store(address)
    store.write_study(name, question=name, expected=["r"])
    with store.writer(name, name) as writer:
        writer.write("steps", steps(0))
    (study,), (run,) = store.studies(), store.runs()
    assert (study.name, study.question, run.study, run.id) == (name, name, name, name)
    assert store.runs(name)[0].read("steps").num_rows == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"runs"}


@settings(deadline=None)
@given(st.text(min_size=1, max_size=15))
def test_encoding_is_one_path_component_and_reversible(name):
    try:
        component = encode_name(name)
    except ValueError:
        assert len(name) > 10
        return
    assert not set(component) & set('/\\:*?"<>|\0\n') and component not in (".", "..")
    assert encode_name(decode_name(component)) == component


@pytest.mark.parametrize("name", ["", "x" * 201, "<" * 70])
def test_unusable_names_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match="1 to 200 bytes"):
        Store(tmp_path).write_study(name)


def test_a_stranger_in_the_store_is_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "text.txt").write_text("mine")
    (tmp_path / "facts").write_text("mine")
    with RunWriter(tmp_path / "r"):
        pass
    store = Store(tmp_path)
    assert [run.id for run in store.runs()] == ["r"] and store.studies() == [] and store.problems() == []

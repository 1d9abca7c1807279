"""Reading YAML: the scalars of YAML 1.2, places, and every kind of text that is no study file."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gradlab.errors import ConfigError
from gradlab.study.yaml_nodes import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, Dumper, read_yaml

SCALARS = [
    ("1e-3", 1e-3),
    ("1e3", 1000.0),
    ("-2.5E+2", -250.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("12", 12),
    ("-0", 0),
    ("0x1F", 31),
    ("0o17", 15),
    ("017", 17),
    (".inf", math.inf),
    ("-.Inf", -math.inf),
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("2020-01-01", "2020-01-01"),
    ("1_000", "1_000"),
    ("12:30", "12:30"),
    ("'1'", "1"),
    ('"null"', "null"),
    ("nano", "nano"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    read = read_yaml(f"key: {text}", "file").plain()["key"]
    assert (type(read), read) == (type(value), value)


def test_every_value_and_key_knows_its_place() -> None:
    tree = read_yaml("a: 1\nb:\n  c: [x, {d: 2}]\n", "f.yaml")
    assert tree.entries()["a"].node.where == "f.yaml:1:4"
    below = tree.entries()["b"].node.entries()["c"]
    assert below.where == "f.yaml:3:3"
    assert [item.where for item in below.node.value] == ["f.yaml:3:7", "f.yaml:3:10"]


BAD = {
    "tab": ("a:\n\t- b", "file:2:1"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "file:3:1"),
    "number as key": ("1: a", "file:1:1"),
    "list as key": ("? [a]\n: 1", "file:1:3"),
    "python tag": ("a: !!python/object:os.system x", "file:1:4"),
    "tag on a list": ("a: !!set [x]", "file:1:4"),
    "wrong tag": ("a: !!int x", "file:1:4"),
    "unknown alias": ("a: *b", "file:1:4"),
    "alias of itself": ("a: &a [*a]", "file:1:4"),
    "two documents": ("a: 1\n---\nb: 1", "file:2:1"),
    "unclosed": ("a: [1", "file:1:6"),
    "control character": ("a: \x01", "file"),
    "lone surrogate": ('a: "\\ud800"', "file:1:4"),
    "deep nesting": ("a: " + "[" * 5000, f"file:1:{MAX_DEPTH + 3}"),
    "huge number": ("a: " + "9" * 5000, "file:1:4"),
    "huge hexadecimal number": ("a: 0x" + "f" * 5000, "file:1:4"),
    "too long": ("# " + "x" * MAX_CHARACTERS, "file"),
}


@pytest.mark.parametrize(("text", "where"), BAD.values(), ids=BAD.keys())
def test_what_is_no_study_is_a_fault_at_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "file")
    assert caught.value.faults[0].where == where


def test_aliases_of_aliases_are_bounded() -> None:
    lines = ["a0: &a0 [" + "x," * 10 + "]"]
    lines += [f"a{i}: &a{i} [{f'*a{i - 1},' * 10}]" for i in range(1, 9)]
    with pytest.raises(ConfigError, match=f"{MAX_NODES:,}"):
        read_yaml("\n".join(lines), "file")


def test_chains_of_nested_aliases_are_bounded() -> None:
    lines = ["a0: &a0 []"] + [f"a{i}: &a{i} [[[[*a{i - 1}]]]]" for i in range(1, 2000)]
    with pytest.raises(ConfigError, match="levels deep"):
        read_yaml("\n".join(lines), "file")


def test_several_faults_of_structure_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml("a: 1\na: 2\n1: 3\nb: !x y\n", "file")
    assert [fault.where for fault in caught.value.faults] == ["file:2:1", "file:3:1", "file:4:4"]


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff")),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text("abc_.-", min_size=1), below, max_size=4),
    max_leaves=12,
)


@given(plain_values)
def test_what_is_written_is_read_back(value: object) -> None:
    text = yaml.dump({"key": value}, Dumper=Dumper, allow_unicode=True)
    assert read_yaml(text, "file").plain() == {"key": value}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text, "file").plain()
    except ConfigError as error:
        assert error.faults

"""Configs survive writing and reading; whatever a file holds, the reader raises nothing but its own error."""

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradlab.errors import ConfigError
from gradlab.study.config import RunConfig, config_of, read_config, write_config
from gradlab.study.faults import faults_of
from gradlab.study.plan import read_study
from gradlab.study.yaml_nodes import Dumper, read_yaml

tasks = st.one_of(
    st.fixed_dictionaries(
        {"name": st.just("digits")},
        optional={
            "order": st.sampled_from(["row", "pixel"]),
            "size": st.sampled_from([8, 16]),
            "permuted": st.booleans(),
        },
    ),
    st.fixed_dictionaries({"name": st.just("adding")}, optional={"steps": st.integers(10, 500)}),
)
models = st.fixed_dictionaries(
    {"cell": st.sampled_from(["rnn", "lstm", "gru"])},
    optional={
        "hidden": st.integers(1, 10**9),
        "embedding": st.none() | st.integers(1, 10**6),
        "initialiser": st.sampled_from(["default", "orthogonal", {"name": "identity"}]),
    },
)
rates = st.floats(1e-300, 1e300)
trainings = st.fixed_dictionaries(
    {},
    optional={
        "steps": st.integers(1, 10**12),
        "clip": st.none() | rates | st.builds(lambda rate: {"name": "norm", "threshold": rate}, rates),
        "optimiser": st.sampled_from(["adam", {"name": "sgd", "momentum": 0.5}, {"name": "adam", "decay": [0, 0]}])
        | st.builds(lambda rate: {"name": "rmsprop", "rate": rate}, rates),
        "evaluate_every": st.none() | st.integers(1, 100),
    },
)
records = st.fixed_dictionaries(
    {},
    optional={
        "every": st.none() | st.just("log") | st.integers(1, 99),
        "at": st.none() | st.lists(st.integers(0, 99)),
    },
)
configs = st.fixed_dictionaries(
    {"task": tasks},
    optional={"model": models, "training": trainings, "record": records, "seed": st.integers(0, 2**63 - 1)},
)


@given(configs)
def test_a_valid_config_survives_writing_and_reading(values: dict[str, Any]) -> None:
    config = config_of(read_yaml(yaml.dump(values, Dumper=Dumper), "file"))
    text = write_config(config)
    assert read_config(text) == config
    assert write_config(read_config(text)) == text


WORDS = """
question claims grid zip include exclude variants extends scales claim that is number quantity where
task model training record seed name digits adding cell rnn hidden clip norm threshold
optimiser steps at every model.cell training.clip seed.x initialiser order pixel
"""
names = st.sampled_from(WORDS.split()) | st.text(string.printable, max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | names
values = st.recursive(scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4))
studies = st.dictionaries(names, values, max_size=8).map(lambda study: yaml.dump(study, Dumper=Dumper))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(st.binary() | (st.text() | studies).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_the_reader_raises_nothing_but_its_own_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    try:
        read_study(path)
    except ConfigError as error:
        assert error.faults
        assert all(fault.where and fault.key and fault.expected and fault.found for fault in error.faults)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(model=values, training=values, record=values, seed=values, grid=values)
def test_wrong_values_in_the_right_places_are_faults(tmp_path: Path, **parts: Any) -> None:
    path = tmp_path / "study.yaml"
    study = {"question": "why?", "task": {"name": "adding"}, **parts}
    path.write_text(yaml.dump(study, Dumper=Dumper), encoding="utf-8")
    try:
        read_study(path)
    except ConfigError as error:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        for fault in error.faults:
            line = int(fault.where.removeprefix(f"{path}:").split(":")[0])
            assert 1 <= line <= lines


@given(st.lists(names, max_size=3), values)
def test_overrides_raise_nothing_but_their_own_error(key: list[str], value: Any) -> None:
    path = Path(__file__).parent / "adding.yaml"
    text = ".".join(key) + "=" + yaml.dump(value, Dumper=Dumper)
    try:
        read_study(path, [text])
    except ConfigError as error:
        assert error.faults


def test_one_fault_for_all_the_branches_of_a_union() -> None:
    tree = read_yaml("task: {name: adding}\nrecord: {every: -3}\n", "file")
    with pytest.raises(ConfigError) as caught:
        config_of(tree)
    [fault] = caught.value.faults
    assert fault.expected == "a number greater than 0 or 'log'"


def test_every_fault_of_pydantic_is_kept() -> None:
    """No grouping may swallow a mistake: one bad value per field gives one fault per field."""
    fields = RunConfig.model_fields
    tree = read_yaml("\n".join(f"{name}: !!str x" for name in fields), "file")
    with pytest.raises(ConfigError) as caught:
        config_of(tree)
    assert [fault.key for fault in caught.value.faults] == list(fields)
    assert faults_of.__doc__

"""The schema for editors says of a file what the reader says, as far as a schema can."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gradlab.errors import ConfigError
from gradlab.study.catalogue import shipped
from gradlab.study.json_schema import study_schema
from gradlab.study.plan import read_study
from gradlab.study.yaml_nodes import read_yaml

VALIDATOR = jsonschema.Draft202012Validator(study_schema())


def plain(path: Path) -> Any:
    return read_yaml(path.read_text(encoding="utf-8"), "file").plain()


def test_it_is_a_schema_and_json() -> None:
    schema = study_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("name", shipped())
def test_shipped_studies_meet_it(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(plain(shipped()[name]))] == []


HEAD = "question: why?\ntask: {name: adding}\n"
RIGHT = [
    HEAD + "training: {clip: null, optimiser: adam, regularisers: [pascanu]}\n",
    HEAD + "training: {clip: 1.0, optimiser: {name: sgd, momentum: 0.5}}\nmodel: {initialiser: orthogonal}\n",
    HEAD + "grid: {seed: [0, 1], zip: {model.hidden: [3, 4], training.batch: [5, 6]}, only: model.hidden < 9}\n",
    HEAD + "grid: {variants: {a: {seed: 1}, b: {seed: 2}}, include: [{seed: [3]}], exclude: {seed: 3}}\n",
    HEAD + "scales: {full: {training: {steps: 9}}}\nlimits: {seconds: 60, retries: 1}\n",
    HEAD + "claims: [it does, {claim: so, that: {quantity: final_score}, is: more than, number: 0.5}]\n",
    "extends: digits\nclaims: []\nmodel: {hidden: 3}\n",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_reader_takes_it_takes(tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    read_study(tmp_path / "study.yaml")
    assert [error.message for error in VALIDATOR.iter_errors(plain(tmp_path / "study.yaml"))] == []


WRONG = [
    "task: {name: adding}\n",
    "question: why?\ntask: {name: adding, stepz: 3}\n",
    HEAD + "modle: {}\n",
    HEAD + "model: {hidden: 0}\n",
    HEAD + "model: {cell: lstmm}\n",
    HEAD + "training: {optimiser: {name: adm}}\n",
    HEAD + "grid: {seed: 3}\n",
    HEAD + "grid: {zip: 3}\n",
    HEAD + "claims: [{claim: so, that: {quantity: final_score}, is: better than, number: 0.5}]\n",
    HEAD + "limits: {seconds: -1}\n",
    HEAD + "scales: {full: 3}\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_it_refuses_the_reader_refuses(tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(ConfigError):
        read_study(tmp_path / "study.yaml")
    assert list(VALIDATOR.iter_errors(plain(tmp_path / "study.yaml")))


def test_every_setting_is_explained() -> None:
    schema = study_schema()
    unexplained = [
        f"{name}.{key}"
        for name, definition in schema["$defs"].items()
        for key, value in definition.get("properties", {}).items()
        if name != "Grid" and "description" not in value and value.get("const") is None
    ]
    assert unexplained == []

"""Finding study files, by path and by name."""

from pathlib import Path

import pytest

from gradlab.errors import ConfigError
from gradlab.study import catalogue
from gradlab.study.header import read_header


def test_shipped_studies_are_found_by_name() -> None:
    assert catalogue.find("digits") == catalogue.shipped()["digits"]
    assert "digits" in catalogue.shipped()


def test_every_shipped_study_has_a_question_and_claims() -> None:
    for path in catalogue.shipped().values():
        header = read_header(path)
        assert header.question.endswith("?")
        assert header.claims


def test_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert catalogue.find("mine.yaml") == Path("mine.yaml")
    assert catalogue.find("studies/mine") == Path("studies/mine")
    Path("mine").write_text("question: mine?")
    assert catalogue.find("mine") == Path("mine")


@pytest.mark.parametrize("name", ["digts", "", "no\0name"])
def test_an_unknown_name_is_a_fault_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="digits"):
        catalogue.find(name)


def test_an_installed_package_brings_its_own_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gradlab"
    shipped = package / "_shipped" / "studies"
    shipped.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (shipped / "mine.yaml").write_text("question: mine?")
    monkeypatch.setattr(catalogue.gradlab, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(catalogue.importlib.resources, "files", lambda name: tmp_path / name)
    assert list(catalogue.shipped()) == ["mine"]

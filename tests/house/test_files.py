"""Rules for every file: how long, how it begins, what it may be called, and what it must not hold."""

import ast
import re

import pytest

from tests.house.repository import ROOT, files, python_files, text

LINES = 500
BYTES = 200_000
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
# each pattern is written so that it does not find itself
FORBIDDEN = {
    "a path of some machine": r"(?<![\w.<{$)])/(?:work|root|home|Users|opt|mnt)/\w",
    "the host of a package registry": r"pypi\.org|python[h]osted|download\.py[t]orch|anaconda\.or[g]",
    "the address of a package index": r"(?:extra-)?index[-]url|find[-]links|trusted[-]host",
}


def found_in(content: str) -> list[str]:
    """What a text holds that it must not."""
    return [f"{what}: {hit.group()}" for what, form in FORBIDDEN.items() if (hit := re.search(form, content))]


def test_the_files_were_found():
    names = {str(path) for path in files()}
    assert {"Makefile", "gradlab/__init__.py", "dashboards/app.py", "tests/house/test_files.py"} <= names


@pytest.mark.parametrize("path", files(), ids=str)
def test_short_and_speaks_of_gradlab_alone(path):
    assert (ROOT / path).stat().st_size <= BYTES, f"{path}: expected at most {BYTES} bytes"
    content = text(path)
    if content is None:
        assert path.suffix in (".png", ".npz"), f"{path}: expected text"
        return
    lines = content.count("\n")
    assert lines <= LINES, f"{path}: expected at most {LINES} lines, found {lines}; split it"
    assert not found_in(content), path


@pytest.mark.parametrize(
    "bad",
    [
        "see /" + "home/me/data",
        "cd '/" + "work/main'",
        "https://" + "pypi." + "org/simple",
        "pip install --extra-index" + "-url x",
    ],
)
def test_what_is_forbidden_would_be_found(bad):
    assert found_in(bad)


@pytest.mark.parametrize("good", ["runs/mine", "https://arxiv.org/abs/1211.5063", "$HOME/work/x", "a/home/b"])
def test_what_is_allowed_is_not(good):
    assert not found_in(good)


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_python_file_is_about_one_thing_and_says_which(path):
    assert path.stem not in DRAWERS and not DRAWERS & set(path.parts), f"{path}: name what is in it"
    content = text(path)
    assert content is not None
    if not content.strip():
        assert path.name == "__init__.py", f"{path} is empty"
        return
    says = ast.get_docstring(ast.parse(content))
    assert says, f"{path}: expected one sentence at the top that says what lives here, found none"
    first = says.split("\n\n")[0]
    assert first.endswith((".", "?")), f"{path}: expected a sentence, found {first!r}"


def test_no_import_reaches_the_rest_through_the_lazy_root():
    # import-linter is told to let `gradlab -> gradlab.*` be, so this way round the layers is closed here
    for path in python_files():
        if path.parts[0] not in ("gradlab", "dashboards") or str(path) == "gradlab/__init__.py":
            continue
        for node in ast.walk(ast.parse(text(path) or "")):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gradlab":
                assert node.attr.startswith("__"), f"{path}:{node.lineno}: import gradlab.{node.attr} by its own name"

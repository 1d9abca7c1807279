"""The README is short, and every line of code in it works."""

import re
import shlex
import subprocess
import sys

import pytest
import typer
from typer.exceptions import TyperException

from gradlab.cli.main import app
from gradlab.errors import GradlabError
from gradlab.study.catalogue import find
from tests.house.repository import ROOT

WORDS = 450
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
SHELL = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if line.strip()]


def check_shell(line: str) -> None:
    """Raise when make or gradlab would not understand a line; nothing is run."""
    program, *arguments = shlex.split(line, comments=True)
    if program == "make":
        planned = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True)
        assert planned.returncode == 0, planned.stderr
        return
    assert program == "gradlab", f"expected make or gradlab, found {program}"
    group = typer.main.get_command(app)
    with group.make_context("gradlab", list(arguments)) as context:
        name, command, rest = group.resolve_command(context, arguments)
        with command.make_context(name, list(rest), parent=context) as parsed:
            asked = parsed.params
    if name in ("run", "check"):
        from gradlab.study.plan import read_study

        assert read_study(find(asked["study"]), asked["overrides"] or ()).runs


def test_short():
    assert len(README.split()) <= WORDS


def test_every_block_says_its_language():
    assert {language for language, _ in BLOCKS} == {"python", "sh"}
    assert len(BLOCKS) == README.count("```") / 2


@pytest.mark.parametrize("code", PYTHON)
def test_python(code, tmp_path):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"write_html\(\"(.+?)\"\)", code):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("line", SHELL)
def test_shell(line):
    check_shell(line)


@pytest.mark.parametrize(
    "line", ["make demos", "gradlab look", "gradlab report digits --to docx", "gradlab run digits model.hiden=64"]
)
def test_a_line_that_does_not_work_would_be_seen(line):
    with pytest.raises((AssertionError, GradlabError, TyperException)):
        check_shell(line)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"\]\(([^)#]+)\)|`((?:\.ci|gradlab|studies|tests)/[\w./]*)`", README)))
)
def test_what_it_points_to_is_there(path):
    (target,) = filter(None, path)
    assert target.startswith("https://") or (ROOT / target).exists()


def test_the_number_of_nets_in_the_demo():
    from gradlab.study.plan import read_study

    (number,) = re.findall(r"train (\d+) small nets", README)
    assert len(read_study(find("digits"), ()).runs) == int(number)

"""What a clone is set up with: pins for everything that is needed, make targets, and scripts that bash can read."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"([\w.-]+)==([\w.]+)")
PINS = {
    canonicalize_name(match[1]): Version(match[2])
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if (match := PIN.fullmatch(line))
}


def needed(requirements: list[str], seen: set[tuple[str, str]]) -> Iterator[str]:
    """Names of everything that some requirements come to on this Python, through their own requirements."""
    for requirement in map(Requirement, requirements):
        for extra in {"", *requirement.extras}:
            name = canonicalize_name(requirement.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            yield name
            further = map(Requirement, distribution(name).requires or [])
            marked = [each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})]
            yield from needed([str(each) for each in marked], seen)


def test_every_line_of_the_constraints_is_a_pin_or_a_comment():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or PIN.fullmatch(line), f"expected name==version, found {line!r}"


@pytest.mark.parametrize("extra", ["", *PROJECT["optional-dependencies"]])
def test_everything_needed_is_pinned(extra):
    asked = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    names = set(needed(asked, set()))
    assert len(names) >= len(asked)
    # torch pins what it needs for a GPU by itself, for each of its builds
    own = {name for name in names if name.startswith(("nvidia-", "cuda-")) or name == "triton"}
    assert not names - own - set(PINS)


@pytest.mark.parametrize("text", sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"]))
def test_the_pin_is_a_version_that_is_allowed(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_tests_run_with_what_is_pinned():
    assert Version(distribution("torch").version).public == str(PINS["torch"])


TARGETS = ("demo", "test", "test-slow", "check", "format", "bench", "gallery", "picture", "clean")


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_its_targets(target):
    planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert planned.returncode == 0 and planned.stdout, planned.stderr


def test_the_demo_ends_before_the_dashboard_when_told_so():
    def planned(serve: str) -> str:
        return subprocess.run(["make", "-n", "demo", f"SERVE={serve}"], cwd=ROOT, capture_output=True, text=True).stdout

    assert "gradlab dashboard" in planned("1")
    assert "gradlab run digits" in planned("0") and "gradlab dashboard" not in planned("0")


@pytest.mark.parametrize("script", [".ci/run", ".ci/chromium"])
def test_bash_can_read_the_scripts(script):
    read = subprocess.run(["bash", "-n", str(ROOT / script)], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert (ROOT / script).stat().st_mode & 0o111, "expected to be executable"

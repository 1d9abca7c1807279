"""The files of the repository, as git sees them, and what is in them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or would be, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(sorted({Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}))


def python_files() -> list[Path]:
    """Those in Python."""
    return [path for path in files() if path.suffix == ".py"]


def text(path: Path) -> str | None:
    """What a file says, or None where it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None

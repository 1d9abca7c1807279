"""Where the text of a character model comes from, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from gradlab.tasks.kept import kept

TextName = Literal["topics", "shakespeare", "file"]

SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text as a row of tokens."""

    symbols: str
    """Every character that occurs, once, in the order of Unicode: a token is a place in it."""
    tokens: Tensor
    """`character`, int64."""
    sha256: str
    """Of the text in UTF-8."""

    def encode(self, text: str) -> Tensor:
        """Tokens `character` of some text; ValueError for a character that the whole text does not have."""
        unknown = sorted(set(text) - set(self.symbols))
        if unknown:
            raise ValueError(f"expected characters of the text ({self.symbols!r}), got {''.join(unknown)!r}")
        return torch.tensor([self.symbols.index(character) for character in text], dtype=torch.int64)

    def decode(self, tokens: Tensor) -> str:
        """The text of some tokens `character`."""
        return "".join(self.symbols[token] for token in tokens.tolist())


def text(name: TextName, path: str | None) -> Text:
    """The text of that name; tensors are shared, treat them as read-only.

    Args:
        name: `topics` (the documentation of Python's language that ships with Python), `shakespeare` (Karpathy's
            selection) or `file`.
        path: the file; of `shakespeare` a copy that is there already, so that nothing is fetched.

    Raises ValueError for a text that is not what it should be, OSError for one that cannot be read or fetched.
    """
    if name == "topics":
        return _encoded(_topics())
    file = Path(path) if path is not None else _fetched()
    found = file.stat()
    return _read(file, name == "shakespeare", (found.st_size, found.st_mtime_ns))


@kept
def _read(file: Path, is_shakespeare: bool, version: tuple[int, int]) -> Text:
    data = file.read_bytes()
    if is_shakespeare and (digest := sha256(data).hexdigest()) != SHAKESPEARE_SHA256:
        raise ValueError(f"{file}: expected the text with SHA-256 {SHAKESPEARE_SHA256}, got {digest}")
    if not data:
        raise ValueError(f"{file}: expected a text, got an empty file")
    try:
        return _encoded(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected text in UTF-8, got {error}") from error


@kept
def _topics() -> str:
    """All topics in the order of their names; a paragraph that comes again is left out.

    Topics overlap: without this, one held-out window in eight would have been read in training.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ValueError(
            "expected pydoc_data.topics in Python's standard library, found none in this installation; "
            "choose text: file, with a path"
        ) from error
    paragraphs: dict[str, str] = {}
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            paragraphs.setdefault(" ".join(paragraph.split()), paragraph.rstrip())
    return "\n\n".join(paragraph for paragraph in paragraphs.values() if paragraph.strip()) + "\n"


def _fetched() -> Path:
    """Tiny Shakespeare in the user's cache; fetched once."""
    try:
        import pooch
    except ImportError as error:
        raise ValueError(
            "expected pooch to fetch the text with, found it not installed; "
            "install gradlab-dynamics[texts], or give the path of a copy"
        ) from error
    try:
        return Path(
            pooch.retrieve(
                SHAKESPEARE_URL,
                known_hash=f"sha256:{SHAKESPEARE_SHA256}",
                fname="tinyshakespeare.txt",
                path=pooch.os_cache("gradlab"),
            )
        )
    except OSError as error:
        raise OSError(f"{SHAKESPEARE_URL}: cannot be fetched ({error}); give the path of a copy") from error


@kept
def _encoded(content: str) -> Text:
    symbols = "".join(sorted(set(content)))
    places = {symbol: place for place, symbol in enumerate(symbols)}
    tokens = torch.tensor([places[character] for character in content], dtype=torch.int64)
    return Text(symbols, tokens, sha256(content.encode()).hexdigest())

"""Names that people choose, made safe as the name of one file or folder, and back."""

import unicodedata
from difflib import get_close_matches
from urllib.parse import unquote

_PLAIN = frozenset("-_.+=, ()")
_TAKEN = frozenset({"study.json", "config.json", "facts.json", "lock.json"})
"""Names of the store's own documents: their dots are encoded."""
_LONGEST = 200
"""Bytes; file systems allow 255, and a suffix must still fit."""


def encode_name(name: str) -> str:
    """The name as one path component: letters and digits of any script stay, the rest is percent-encoded.

    `..`, slashes, control characters and markup can therefore never leave their folder. Different names give
    different components, except that Unicode's composed and decomposed spellings count as the same name.

    Raises:
        ValueError: for an empty name, or one that is longer than 200 bytes when encoded.
    """
    name = unicodedata.normalize("NFC", name)
    edges = range(len(name)) if name in _TAKEN else (0, len(name) - 1)
    encoded = "".join(
        letter
        if letter.isalnum() or (letter in _PLAIN and not (letter in ". " and place in edges))
        else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))
        for place, letter in enumerate(name)
    )
    if not encoded or len(encoded.encode()) > _LONGEST:
        raise ValueError(f"expected a name of 1 to {_LONGEST} bytes, got {name[:80]!r} ({len(encoded)} when encoded)")
    return encoded


def decode_name(component: str) -> str:
    """The name that `encode_name` was given."""
    return unquote(component, errors="surrogatepass")


def nearest(name: str, known: list[str]) -> str:
    """The known name that is most like this one, as the end of an error message; empty when none is."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""

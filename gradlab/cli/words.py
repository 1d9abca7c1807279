"""Settings, numbers, durations and sizes as the command line writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradlab.study.tree import shown


def settings(varied: Mapping[str, Any]) -> str:
    """The values that tell runs apart, as `cell=lstm clip=1.0 seed=0`."""
    names = short_names(varied)
    return " ".join(f"{names[key]}={value_word(value)}" for key, value in varied.items())


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """The last words of dotted keys, as many as are needed to tell the keys apart."""
    parts = {key: key.split(".") for key in keys}
    names = {}
    for key, words in parts.items():
        endings = (words[-size:] for size in range(1, len(words) + 1))
        clear = (end for end in endings if sum(other[-len(end) :] == end for other in parts.values()) == 1)
        names[key] = ".".join(next(clear, words))
    return names


def value_word(value: Any) -> str:
    """A setting's value in one word; a named group of settings by its name and what it sets."""
    if isinstance(value, Mapping):
        rest = ",".join(f"{key}={value_word(item)}" for key, item in value.items() if key != "name")
        name = str(value.get("name", ""))
        return f"{name}({rest})" if rest else name
    return value if isinstance(value, str) else shown(value)


def number(value: float) -> str:
    """Three digits that say something, always about as wide."""
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def size(amount: float) -> str:
    """Bytes, in the unit that suits."""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"

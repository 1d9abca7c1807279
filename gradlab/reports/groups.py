"""Runs grouped by what their study varies, the seed aside, with a name for each group."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradlab.store.run import RunInfo

_ABSENT = object()
VARIANT = "variant"
"""Among the settings of a run: how its study calls the group of settings that it takes."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which settings tell the groups apart, and the runs of each group, in the order of the grid."""

    keys: tuple[str, ...]
    """Dotted settings that vary and are no seed; `variant` stands for those that a variant fixes."""
    groups: dict[str, list[RunInfo]]
    """Label to runs, such as `cell lstm, clipping none`; one group `all runs` when nothing varies."""


def grouping(runs: Sequence[RunInfo], axes: Sequence[str] = (), *, by_variant: bool = True) -> Grouping:
    """Group runs by the axes of their study; without axes, by every setting that varies.

    Args:
        runs: of one study or several.
        axes: dotted settings; one may be a whole group of settings, such as `training.clipping`: then the settings
            below it count.
        by_variant: let the name that a study gives to a group of settings stand for them: what every run of a variant
            has in common is not said again.
    """
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.settings) if not is_seed(key)]
    if axes:
        keys = [key for axis in axes for key in keys if key == axis or key.startswith(f"{axis}.")]
    keys = [key for key in keys if key != VARIANT]
    varying = [key for key in keys if len(_values(runs, key)) > 1]
    variants = _variants(runs) if by_variant else {}
    told = [
        key for key in varying if variants and all(len(_values(members, key)) == 1 for members in variants.values())
    ]
    names = Names(varying, runs)
    groups: dict[str, list[RunInfo]] = {}
    for run in runs:
        variant = run.settings.get(VARIANT) if variants else None
        # A key that this run has not is said by another: `clipping: null` against `clipping.name: norm`.
        said = [key for key in varying if key in run.settings and not (variant and key in told)]
        parts = [*filter(None, [variant]), *(names.said(key, run.settings[key]) for key in said)]
        groups.setdefault(", ".join(parts) or "all runs", []).append(run)
    all_have_one = sum(map(len, variants.values())) == len(runs)
    apart = [key for key in varying if not (all_have_one and key in told)]
    return Grouping((VARIANT, *apart) if variants else tuple(apart), groups)


def _variants(runs: Sequence[RunInfo]) -> dict[str, list[RunInfo]]:
    """The runs of each variant; empty where there are not at least two names."""
    found: dict[str, list[RunInfo]] = {}
    for run in runs:
        if run.settings.get(VARIANT):
            found.setdefault(str(run.settings[VARIANT]), []).append(run)
    return found if len(found) > 1 else {}


def _values(runs: Sequence[RunInfo], key: str) -> set[str]:
    return {repr(run.settings.get(key, _ABSENT)) for run in runs}


class Names:
    """How settings are called, as shortly as tells them apart.

    Args:
        keys: the dotted keys that will be named.
        runs: with all their values.
    """

    def __init__(self, keys: Sequence[str], runs: Sequence[RunInfo]) -> None:
        self._words = {key: _word(key, keys) for key in keys}
        self._fields = {
            key: _fields_that_differ(run.settings[key] for run in runs if key in run.settings) for key in keys
        }

    def said(self, key: str, value: Any) -> str:
        """A setting and its value, such as `cell lstm` or `regularisers flossing (exponents 4)`."""
        parts = settings_listed(value)
        if value == ():
            return f"no {self._words[key]}"
        if not parts:
            return f"{self._words[key]} {value_text(value)}"
        return f"{self._words[key]} {' + '.join(_listed(part, self._fields[key][part['name']]) for part in parts)}"


def _listed(part: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Named settings, with those of their fields that have to be said."""
    said = [f"{field.replace('_', ' ')} {value_text(part.get(field))}" for field in fields]
    return f"{part['name']} ({', '.join(said)})" if said else str(part["name"])


def settings_listed(value: Any) -> list[dict[str, Any]] | None:
    """The named settings in a list of them, such as `training.regularisers`; None for any other value.

    A store keeps those in a list as JSON text (`gradlab.store.flatten`).
    """
    if not isinstance(value, tuple):
        return None
    parts = [_named(item) for item in value]
    return None if any(part is None for part in parts) else [part for part in parts if part is not None]


def _named(item: Any) -> dict[str, Any] | None:
    if not (isinstance(item, str) and item.startswith("{")):
        return None
    try:
        found = json.loads(item)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("name"), str) else None


def _fields_that_differ(values: Iterable[Any]) -> dict[str, list[str]]:
    """By name of settings in lists, the fields in which two of that name differ."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for value in values:
        for part in settings_listed(value) or ():
            parts.setdefault(part["name"], []).append(part)
    found = {}
    for name, ones in parts.items():
        fields = dict.fromkeys(field for one in ones for field in one)
        found[name] = [field for field in fields if len({repr(one.get(field, _ABSENT)) for one in ones}) > 1]
    return found


def is_seed(key: str) -> bool:
    """Whether a setting only repeats a run with other random numbers."""
    return key.rpartition(".")[2] == "seed"


def value_text(value: Any) -> str:
    """A setting's value for people: `none` for null, short numbers, named settings in a list with all their fields."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        parts = settings_listed(value) or []
        named = [_listed(part, [field for field in part if field != "name"]) for part in parts]
        return " + ".join(named or map(value_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _word(key: str, keys: Sequence[str]) -> str:
    """The last word of a dotted key, or the one before it where the last is `name` or would not be unique."""
    parts = key.split(".")
    if parts[-1] == "name" and len(parts) > 1:
        return parts[-2]
    same = [other for other in keys if other.rpartition(".")[2] == parts[-1]]
    return ".".join(parts[-2:]) if len(same) > 1 else parts[-1].replace("_", " ")

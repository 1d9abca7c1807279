"""The JSON schema of a study file, for editors: completion, explanations, and mistakes underlined while one types."""

from __future__ import annotations

from typing import Any

from gradlab.study.claims import Claim
from gradlab.study.config import RunConfig
from gradlab.study.limits import Limits

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VALUES = {"type": "array", "minItems": 1, "description": "The values that the setting takes."}
_SETTINGS = {"type": "object", "description": "Settings by dotted key."}


def study_schema() -> dict[str, Any]:
    """The schema, as plain values; what only the whole can tell (`gradlab check` does) it does not say.

    In a file that extends another one, settings may be parts of what is complete only together, and are not looked
    into.
    """
    run, claim, limits = (_schema(model) for model in (RunConfig, Claim, Limits))
    definitions: dict[str, Any] = {}
    for schema in (run, claim, limits):
        definitions |= schema.pop("$defs", {})
    definitions |= {"Claim": claim, "Grid": _grid(), "Limits": limits}
    settings = run["properties"]
    words = {
        "question": {"type": "string", "minLength": 1, "description": "What the study answers."},
        "claims": {
            "type": "array",
            "description": "What the data must bear out: sentences, and comparisons that the data decide.",
            "items": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Claim"}]},
        },
        "grid": {"$ref": "#/$defs/Grid"},
        "limits": {"$ref": "#/$defs/Limits"},
        "scales": {
            "type": "object",
            "description": "What other scales change, such as full: the sizes of a paper.",
            "additionalProperties": {"type": "object"},
        },
        "extends": {
            "type": "string",
            "description": "A study file, from this file's folder, or a shipped study: this one changes parts of it.",
        },
    }
    described = {key: {"description": value.get("description", "")} for key, value in settings.items()}
    return {
        "$schema": DIALECT,
        "title": "A study of gradlab",
        "type": "object",
        "properties": {**words, **described},
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "else": {"required": ["question"], "properties": settings},
        "$defs": definitions,
    }


def _schema(model: type[RunConfig] | type[Claim] | type[Limits]) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema.pop("title", None)
    return schema


def _grid() -> dict[str, Any]:
    """Axes by dotted key, and the words that are none."""
    zipped = {"type": "object", "additionalProperties": _VALUES}
    below = {"$ref": "#/$defs/Grid"}
    condition = {"type": "object", "description": "A point that has all of these values is left out."}
    return {
        "type": ["object", "null"],
        "description": "What varies: lists of values by dotted key, of which all combinations are run.",
        "additionalProperties": _VALUES,
        "properties": {
            "zip": {"description": "Lists that move together.", **_one_or_more(zipped)},
            "variants": {
                "type": "object",
                "minProperties": 1,
                "description": "Named groups of settings; each run takes one.",
                "additionalProperties": _SETTINGS,
            },
            "include": {"description": "Further grids.", **_one_or_more(below)},
            "exclude": {"description": "Points to be left out.", **_one_or_more(condition)},
            "only": {
                "description": "Comparisons that a point must meet, such as model.hidden < task.steps.",
                **_one_or_more({"type": "string"}),
            },
        },
    }


def _one_or_more(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}

"""What a study file claims: sentences, and comparisons of numbers that the data decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from gradlab.errors import Fault
from gradlab.quantities import AXES, RUNS, TABLES
from gradlab.settings import Settings
from gradlab.study.faults import faults_of, nearest
from gradlab.study.theories import Theory, prediction
from gradlab.study.tree import Node, with_tuples

Scalar = str | int | float | bool | None
Finite = Annotated[float, Field(allow_inf_nan=False)]

DERIVED = ("reach", "remaining_gradient", "growth")
"""Numbers that `gradlab.reports` makes of a whole sequence, one for each recorded pass."""

FACTS = (
    *(quantity.name for quantity in RUNS.quantities if quantity.kind in ("real", "count")),
    *("final_score_loss", "skipped_updates", "parameters", "chance_score", "chance_loss", "demanded_lag"),
)
"""Numbers that a run has one of."""


class Measure(Settings):
    """One number, reduced from the recorded numbers of a group of runs."""

    quantity: str
    """`reach`, `remaining_gradient`, `growth` (nats a step back), a fact such as `final_score`, or a column such as
    `timesteps.grad_h`."""
    where: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    """Which runs: settings by dotted key, or `variant`, each with its value or a list of values; all runs without
    it."""
    at: dict[str, int | str] = Field(default_factory=dict)
    """Which rows of a table: axis to value, or to `first`, `last` or `all`. Without `step`, the last one."""
    over: Literal["median", "mean", "min", "max", "sum"] = "median"
    """How the rows that remain of one run become one number."""
    at_least: Finite | None = None
    """Count a run as 1 when its number is at least this, and as 0 otherwise: the share of solved runs."""
    at_most: Finite | None = None
    """Count a run as 1 when its number is at most this, and as 0 otherwise."""
    seeds: Literal["median", "mean", "min", "max"] | None = None
    """How the runs become one number; null takes the median, and for a share the mean."""

    @model_validator(mode="after")
    def _exists(self) -> Measure:
        table, dot, column = self.quantity.rpartition(".")
        known = _quantities()
        if self.quantity not in known:
            hint = nearest(self.quantity, known)
            hint = f" (did you mean {hint!r}?)" if hint else ""
            raise ValueError(
                f"quantity: expected reach, a fact such as final_score, or table.column, got {self.quantity!r}{hint}"
            )
        axes = TABLES[table].axes if dot else TABLES["timesteps"].axes[:-1] if column in DERIVED else ()
        for axis, value in self.at.items():
            if axis not in axes:
                raise ValueError(f"at: expected an axis of {self.quantity} ({', '.join(axes) or 'none'}), got {axis!r}")
            if isinstance(value, str) and AXES[axis].kind != "text" and value not in ("first", "last", "all"):
                raise ValueError(f"at: expected first, last, all or a number for {axis}, got {value!r}")
        if self.at_least is not None and self.at_most is not None:
            raise ValueError("at_most: expected one of at_least and at_most, got both")
        return self


class Claim(Settings):
    """A comparison that holds or fails: `that` number `is` at least, for instance, another one."""

    claim: Annotated[str, Field(min_length=1)]
    """The sentence."""
    that: Measure
    """The number that the claim is about."""
    compared: Annotated[Literal["more than", "at least", "less than", "at most", "equal to"], Field(alias="is")]
    """How it compares."""
    number: Finite | None = None
    """With a constant."""
    other: Measure | None = None
    """With another number of the same study."""
    theory: Theory | None = None
    """With what theory predicts."""
    times: Finite = 1.0
    """The right side is multiplied by this."""
    plus: Finite = 0.0
    """And this is added to it."""
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """`equal to` only: how far the two sides may lie apart, as a share of the right side."""

    @model_validator(mode="after")
    def _one_right_side(self) -> Claim:
        given = [name for name in ("number", "other", "theory") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of number, other and theory, got {' and '.join(given) or 'none'}")
        if (self.compared == "equal to") != (self.tolerance is not None):
            got = f"{self.tolerance} for {self.compared!r}"
            raise ValueError(f"tolerance: expected a share for 'equal to', and null otherwise, got {got}")
        return self


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a study, as its file has them."""

    sentences: tuple[str, ...]
    """All of them, in words."""
    checked: dict[int, tuple[Claim, Node]]
    """Those that the data decide, by their place among the sentences, with where they stand."""

    def document(self) -> dict[str, Any]:
        """The checked claims as the store keeps them: plain values; theory has become a number."""
        return {str(place): _document(claim) for place, (claim, _) in self.checked.items()}


def claims_of(node: Node) -> tuple[Claims, list[Fault]]:
    """Read the `claims` of a study file: a list of sentences and comparisons; and the mistakes in it."""
    if not isinstance(node.value, tuple):
        return Claims((), {}), [Fault(node.where, "claims", "a list of claims", node.shown())]
    sentences: list[str] = []
    checked: dict[int, tuple[Claim, Node]] = {}
    faults: list[Fault] = []
    for place, item in enumerate(node.value):
        if isinstance(item.value, str) and item.value.strip():
            sentences.append(_one_line(item.value))
        elif item.entries():
            try:
                claim = Claim.model_validate(with_tuples(item.plain()), strict=True)
                checked[len(sentences)] = claim, item
                sentences.append(_one_line(claim.claim))
            except ValidationError as error:
                found = faults_of(error, item, Claim)
                faults += [replace(one, key=_below(f"claims.{place}", one.key)) for one in found]
        else:
            faults.append(Fault(item.where, f"claims.{place}", "a sentence, or a claim to be checked", item.shown()))
    return Claims(tuple(sentences), checked), faults


def unmatched(claims: Claims, settings: list[dict[str, Any]], *, values: bool) -> list[Fault]:
    """Conditions of claims that no run of the study meets.

    Args:
        claims: what is claimed.
        settings: of every run, by dotted key.
        values: whether a value that no run has is a mistake; it is none where overrides have taken it away.
    """
    keys = sorted({key for run in settings for key in run})
    faults = []
    for place, (claim, node) in claims.checked.items():
        for side in ("that", "other"):
            measure = getattr(claim, side)
            for key, condition in (measure.where if measure is not None else {}).items():
                found = node.entries()[side].node.entries()["where"].node.entries()[key]
                name = f"claims.{place}.{side}.where.{key}"
                if key not in keys:
                    expected = "a setting of a run, such as model.cell"
                    faults.append(Fault(found.where, name, expected, f"{key!r}", nearest(key, keys)))
                    continue
                wanted = condition if isinstance(condition, tuple) else (condition,)
                there = [run[key] for run in settings if key in run]
                for value in wanted if values else ():
                    if value not in there:
                        known = list(dict.fromkeys(map(str, there)))
                        expected = f"a value that a run has: {', '.join(known[:8])}"
                        faults.append(Fault(found.node.where, name, expected, repr(value), nearest(value, known)))
    return faults


def _document(claim: Claim) -> dict[str, Any]:
    plain = claim.model_dump(mode="json", by_alias=True)
    return plain | {"predicted": None if claim.theory is None else prediction(claim.theory)}


def _quantities() -> list[str]:
    numbers = ((table.name, one) for table in TABLES.values() if table is not RUNS for one in table.quantities)
    return [*DERIVED, *FACTS, *(f"{table}.{one.name}" for table, one in numbers if one.kind != "text")]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _below(above: str, key: str) -> str:
    return above if key == "file" else f"{above}.{key}"

"""The errors that gradlab raises for its users; everything else is a `ValueError` at the place of the mistake."""

from dataclasses import dataclass


class GradlabError(Exception):
    """Base of all errors of gradlab, so that one `except` catches them."""


class UnsupportedError(GradlabError):
    """Something that gradlab cannot record truthfully; says what was met, where, and what to do instead."""


class InstrumentError(GradlabError):
    """The instrument contradicts autograd: a replay or a closure check is above its tolerance."""


class ExplosionError(GradlabError, FloatingPointError):
    """A loss, gradient or state was NaN or infinite, and the recorder was asked to stop there."""


class StoreError(GradlabError):
    """A run or a table that cannot be read or written; says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a study file: where it stands, what was expected, what was found."""

    where: str
    """File, line and column, as `file:line:column`, or the override or key it came from."""
    key: str
    """Dotted path of the setting."""
    expected: str
    found: str
    suggestion: str = ""
    """The nearest known name, where there is one."""

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{self.where}: {self.key}: expected {self.expected}, found {self.found}{hint}"


class ConfigError(GradlabError):
    """All the mistakes of a study file at once.

    Attributes:
        faults: every mistake, in the order in which they stand in the file.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        count = f"{len(faults)} mistake" + ("s" if len(faults) != 1 else "")
        super().__init__("\n".join([count + ":"] + [f"  {fault}" for fault in faults]))

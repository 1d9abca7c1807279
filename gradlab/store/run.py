"""One run as a reader sees it: identity, status, settings, facts, tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gradlab.store import artifacts, documents
from gradlab.store.folder import Folder
from gradlab.store.identity import flatten
from gradlab.store.parts import Problem, all_parts
from gradlab.store.schema import STORED_TABLES, declared_table
from gradlab.store.table import read_table
from gradlab.store.where import LAST, Where
from gradlab.store.writer import CONFIG, FACTS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class RunInfo:
    """A run in a store, as it was when it was listed; its tables are read when asked for."""

    id: str
    study: str
    """Name of its study; empty for a run that stands by itself."""
    path: str
    """Its folder's address, which `RunWriter` takes."""
    status: str
    """finished, stopped, failed, running, or lost: it says running, but its writer is dead."""
    facts: Mapping[str, Any] = field(repr=False)
    folder: Folder = field(repr=False)
    report: Callable[[Problem], None] = field(repr=False)
    """Told of everything that cannot be read."""
    known_config: Mapping[str, Any] | None = field(default=None, repr=False)
    """The config as the study's document has it, which saves reading the run's own."""
    variant: str = ""
    """How its study calls the group of settings that it takes; no part of its config."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved settings, nested; empty when none were given or the file is damaged."""
        if self.known_config:
            return dict(self.known_config)
        try:
            return documents.decode(self.folder.read(CONFIG))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self.report(Problem(f"{self.path}/{CONFIG}", f"cannot be read: {error}"))
            return {}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The config as dotted keys, such as `model.cell`, and the `variant` where its study names one.

        Keys that it does not have are those of the fact `seen`: what a recorder saw of a net that it was not told of.
        """
        named = {"variant": self.variant} if self.variant else {}
        seen = self.facts.get("seen")
        return {**(seen if isinstance(seen, Mapping) else {}), **named, **flatten(self.config)}

    def tables(self) -> tuple[str, ...]:
        """Names of the tables of which something has been recorded, in the catalogue's order."""
        folders = {entry.name for entry in self.folder.entries() if entry.is_folder}
        return tuple(table for table in STORED_TABLES if table in folders and all_parts(self.folder, table))

    def read(self, table: str, columns: Sequence[str] | None = None, where: Where | None = None) -> pa.Table:
        """Columns of a table as Arrow: what was not measured is null, NaN and ±inf are values.

        Damaged parts are left out and named in `Store.problems`; a table that the run does not have is empty. `LAST`
        as the condition on the first axis gives the rows at the end that share its value there, as far as they meet
        the other conditions.

        Raises:
            ValueError: for an unknown table or column, or LAST where it has no meaning.
        """
        declared = declared_table(table)
        unknown = [name for name in [*(columns or ()), *(where or ())] if name not in declared.columns]
        if unknown:
            raise ValueError(f"table {table!r}: expected columns among {declared.columns}, got {unknown}")
        misplaced = [
            name for name, condition in (where or {}).items() if condition is LAST and name != declared.axes[0]
        ]
        if misplaced:
            raise ValueError(
                f"table {table!r}: expected LAST for its axis {declared.axes[0]!r}, got it for {misplaced}"
            )
        found, problems = read_table(self.folder, table, columns, where)
        for problem in problems:
            self.report(problem)
        return found

    def artifacts(self) -> list[str]:
        """Names of the artifacts, sorted."""
        return artifacts.names(self.folder)

    def read_artifact(self, name: str) -> bytes:
        """An artifact's bytes; raises StoreError naming those there are when it is not among them."""
        return artifacts.read(self.folder, name)

    @property
    def fingerprint(self) -> str:
        """Changes when the run has grown or its facts have changed; asks the folder anew each time."""
        digest = hashlib.sha256(self.status.encode())
        try:
            digest.update(self.folder.read(FACTS))
        except OSError:
            digest.update(b"?")
        for table in self.tables():
            for part in all_parts(self.folder, table):
                digest.update(part.key.encode())
        return digest.hexdigest()[:16]

    def remove(self) -> None:
        """Remove the run from the store, for good. Raises OSError."""
        self.folder.remove_all()

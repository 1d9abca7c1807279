"""`Store`: the studies and runs at an address, listed, found, and read while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gradlab.errors import StoreError
from gradlab.store import documents
from gradlab.store.faults import told
from gradlab.store.folder import Folder, open_folder
from gradlab.store.lock import read_holder
from gradlab.store.names import decode_name, encode_name, nearest
from gradlab.store.parts import Problem
from gradlab.store.run import RunInfo
from gradlab.store.study import STUDY, StudyInfo, parse_study, write_study
from gradlab.store.writer import FACTS, RunWriter


class Store:
    """All runs at an address: a folder, or whatever fsspec can open; made when something is written.

    Every call looks anew, so a store that others write to is seen as it is. What cannot be read is left out
    and named by `problems`.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        self._folder = open_folder(address)
        self._problems: dict[str, Problem] = {}

    def __repr__(self) -> str:
        return f"Store({self.address!r})"

    @property
    def address(self) -> str:
        """Where the store is."""
        return self._folder.address

    @property
    def folder(self) -> Folder:
        """The folder behind it, for upkeep."""
        return self._folder

    def studies(self) -> list[StudyInfo]:
        """All studies, by name; none for a store that is missing or empty."""
        with told("list the studies", self.address):
            folders = [entry.name for entry in self._folder.entries() if entry.is_folder]
            found = self._folder.read_many(f"{name}/{STUDY}" for name in folders)
            studies = [self._study(name, found[f"{name}/{STUDY}"]) for name in folders]
        return sorted((study for study in studies if study is not None), key=lambda study: study.name)

    def everything(self) -> tuple[list[StudyInfo], list[RunInfo]]:
        """What `studies` and `runs` give, by one look: of a large store it takes time."""
        with told("list the runs", self.address):
            studies = self.studies()
            return studies, [*self._runs(None), *(run for info in studies for run in self._runs(info))]

    def runs(self, study: str | None = None) -> list[RunInfo]:
        """The runs of one study, or all; `""` for those that belong to none.

        In the order of their study's grid, and those that it does not expect behind them by id.

        Raises:
            StoreError: when there is no such study.
        """
        with told("list the runs", self.address):
            if study is None:
                return self.everything()[1]
            if not study:
                return self._runs(None)
            return self._runs(self.study(study))

    def study(self, name: str) -> StudyInfo:
        """The study of that name; raises StoreError with the nearest known name when there is none."""
        known = {study.name: study for study in self.studies()}
        if name not in known:
            names = list(known)
            raise StoreError(
                f"{self.address}: no study {name!r}; it has {', '.join(names) or 'none'}{nearest(name, names)}"
            )
        return known[name]

    def run(self, run_id: str) -> RunInfo:
        """The run of that id, of a unique beginning of it, or of `study/id`.

        Raises:
            StoreError: when there is none, or more than one.
        """
        study, slash, name = run_id.rpartition("/")
        runs = self.runs(study if slash else None)
        found = [run for run in runs if run.id == name] or [run for run in runs if name and run.id.startswith(name)]
        if len(found) == 1:
            return found[0]
        if not found:
            hint = nearest(name, [run.id for run in runs])
            raise StoreError(f"{self.address}: no run {run_id!r} among {len(runs)}{hint}")
        names = ", ".join(f"{run.study}/{run.id}" if run.study else run.id for run in found[:5])
        raise StoreError(f"{self.address}: {len(found)} runs are called {run_id!r}: {names}; give more of the name")

    def write_study(
        self,
        name: str,
        *,
        question: str = "",
        claims: Iterable[str] = (),
        axes: Iterable[str] = (),
        expected: Mapping[str, Mapping[str, Any]] | Iterable[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> StudyInfo:
        """Write a study's document, or a new one in its place; the time of the first is kept.

        Args:
            name: any name; it is encoded where a folder could not bear it.
            question: what the study asks.
            claims: statements that the data must bear out.
            axes: dotted keys of the settings that vary.
            expected: ids of the runs of the grid, with their resolved configs.
            facts: anything else that belongs to the study, as JSON values.

        Raises:
            StoreError: when it cannot be written.
            ValueError: for an unusable name, or facts that JSON cannot hold.
        """
        component = encode_name(name)
        folder = self._folder.sub(component)
        configs = {run: dict(config) for run, config in expected.items()} if isinstance(expected, Mapping) else {}
        study = StudyInfo(
            name,
            folder.address,
            question,
            tuple(claims),
            tuple(axes),
            datetime.now(UTC).isoformat(timespec="seconds"),
            tuple(expected),
            dict(facts or {}),
            configs,
        )
        with told("write the study", folder.address):
            folder.make()
            earlier = self._study(component, folder.read_many([STUDY])[STUDY])
            if earlier is not None and earlier.created:
                study = replace(study, created=earlier.created)
            write_study(folder, study)
        return study

    def run_address(self, run_id: str, study: str = "") -> str:
        """Where a run stands, or will stand."""
        parts = [encode_name(name) for name in (study, run_id) if name]
        return "/".join([self.address.rstrip("/"), *parts])

    def writer(self, run_id: str, study: str = "", **options: Any) -> RunWriter:
        """A writer for a run of this store; options and errors are those of `RunWriter`."""
        return RunWriter(self.run_address(run_id, study), **options)

    def problems(self, deep: bool = False) -> list[Problem]:
        """Everything that cannot be read, with its path: documents, and parts that are cut off or missing.

        Also what earlier reading through this object has met.

        Args:
            deep: read every page of every part, which finds flipped bits too.
        """
        from gradlab.store.upkeep import run_problems

        for run in self.runs():
            _ = run.config
            for problem in run_problems(run, deep):
                self.report(problem)
        return self.met()

    def met(self) -> list[Problem]:
        """What reading through this object has met so far and could not read."""
        return list(self._problems.values())

    def report(self, problem: Problem) -> None:
        """Remember something that could not be read."""
        self._problems[problem.path] = problem

    def _study(self, component: str, data: bytes | OSError) -> StudyInfo | None:
        """The study in a folder; None when the folder is none: a run, or something that is not ours."""
        path = f"{self.address}/{component}"
        if isinstance(data, bytes):
            try:
                return parse_study(data, path)
            except ValueError as error:
                self.report(Problem(f"{path}/{STUDY}", f"damaged: {error}"))
                return StudyInfo(decode_name(component), path)
        if not isinstance(data, FileNotFoundError | NotADirectoryError):
            self.report(Problem(f"{path}/{STUDY}", f"cannot be read: {data}"))
            return StudyInfo(decode_name(component), path)
        entries = self._folder.entries(component)
        if any(entry.name == FACTS for entry in entries):
            return None
        documents_of_runs = (f"{component}/{entry.name}/{FACTS}" for entry in entries if entry.is_folder)
        holds_runs = any(isinstance(found, bytes) for found in self._folder.read_many(documents_of_runs).values())
        return StudyInfo(decode_name(component), path) if holds_runs else None

    def _runs(self, study: StudyInfo | None) -> list[RunInfo]:
        base = self._folder if study is None else self._folder.sub(study.path.rsplit("/", 1)[-1])
        names = sorted(entry.name for entry in base.entries() if entry.is_folder)
        found = base.read_many(f"{name}/{FACTS}" for name in names)
        runs = []
        if study is None and (data := self._folder.read_many([FACTS])[FACTS]) and isinstance(data, bytes):
            runs.append(self._run(base, base.address.rsplit("/", 1)[-1], None, data))
        for name in names:
            data = found[f"{name}/{FACTS}"]
            if isinstance(data, FileNotFoundError | NotADirectoryError):
                continue
            runs.append(self._run(base.sub(name), decode_name(name), study, data))
        order = {run: place for place, run in enumerate(study.expected)} if study else {}
        return sorted(runs, key=lambda run: (order.get(run.id, len(order)), run.id))

    def _run(self, folder: Folder, name: str, study: StudyInfo | None, data: bytes | OSError) -> RunInfo:
        try:
            if isinstance(data, OSError):
                raise data
            facts = documents.decode(data)
        except (OSError, ValueError) as error:
            self.report(Problem(f"{folder.address}/{FACTS}", f"cannot be read: {error}"))
            facts = {}
        status = str(facts.get("status", "lost"))
        if status == "running":
            holder = read_holder(folder)
            status = "running" if holder is not None and holder.is_alive else "lost"
        config = study.expected_configs.get(name) if study else None
        variant = _variant(study, name, facts)
        return RunInfo(
            name, study.name if study else "", folder.address, status, facts, folder, self.report, config, variant
        )


def _variant(study: StudyInfo | None, run: str, facts: Mapping[str, Any]) -> str:
    """How the study's document calls the settings of a run; of one that it does not list, how it did at the start."""
    if study is None:
        return ""
    listed, varied = study.facts.get("variants"), facts.get("varied")
    for named, key in ((listed, run), (varied, "variant")):
        if isinstance(named, Mapping) and isinstance(named.get(key), str):
            return str(named[key])
    return ""

"""Forks: a run that shares another one's past up to a training step, and then goes on with other settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import yaml

from gradlab import training
from gradlab.errors import ConfigError, StoreError
from gradlab.store import RunInfo, Store, flatten, run_id
from gradlab.study.build import build_model
from gradlab.study.config import RunConfig, config_of, read_config, resolved
from gradlab.study.overrides import overridden
from gradlab.study.plan import PlannedRun
from gradlab.study.yaml_nodes import Dumper, read_yaml
from gradlab.training import Checkpoint, TrainingSettings, train


def fork(store: str, name: str, at: int, overrides: Iterable[str] = ()) -> tuple[PlannedRun, str]:
    """Put a run into the store that stands where another one stood after `at` steps, ready to be executed.

    The parent's rows up to there are copied. Its weights and random states are those of its checkpoint at that
    step, or are made again from an earlier one: a run is a function of its config and seed. Parent and fork
    stay linked by the fork's facts `parent` and `forked_at`. Forking twice the same way gives the same run.

    Args:
        store: where the parent is and the fork will be, in a study of its own.
        name: of the parent, as `Store.run` takes it.
        at: after how many training steps the ways part.
        overrides: what is different from then on, as `key=value`.

    Returns:
        The fork, and the study that it stands in.

    Raises:
        StoreError: when there is no such parent, or it never came that far.
        ConfigError: for mistakes in the overrides, all at once.
        CheckpointError: when model or task are made different so that the weights no longer fit.
    """
    parent = Store(store).run(name)
    _check(parent, at)
    text = yaml.dump(dict(parent.config), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    past, future = read_config(text, parent.path), _changed(text, overrides, parent.path)
    whole_name = f"{parent.study}/{parent.id}" if parent.study else parent.id
    identity = run_id({**resolved(future), "parent": whole_name, "forked_at": at})
    before, after = flatten(resolved(past)), flatten(resolved(future))
    varied = {key: value for key, value in after.items() if before.get(key, object()) != value}
    planned = PlannedRun(identity, future, {"forked_at": at, **varied}, int(parent.facts.get("parameters", 0)))
    study = fork_study(parent)
    _register(store, study, parent, planned)
    if planned.id not in {run.id for run in Store(store).runs(study) if run.status != "running"}:
        _prepare(store, study, parent, whole_name, planned, at, past)
    return planned, study


def fork_study(parent: RunInfo) -> str:
    """The study in which the forks of a study's runs stand: its own claims are not about them."""
    return parent.study if parent.study.endswith("-forks") else f"{parent.study or 'runs'}-forks"


def _check(parent: RunInfo, at: int) -> None:
    """Raise StoreError when the parent has no past of that length."""
    steps = parent.read("steps", ["step"])["step"].to_pylist()
    done = 1 + max(steps, default=-1)
    if not parent.config:
        raise StoreError(f"{parent.path}: expected a run of a study, got one without a config; it cannot be forked")
    if not 0 < at <= done:
        raise StoreError(f"{parent.path}: expected a step from 1 to {done} to fork at, got {at}")


def _changed(text: str, overrides: Iterable[str], source: str) -> RunConfig:
    tree, faults = overridden(read_yaml(text, source), overrides)
    if faults:
        raise ConfigError(faults)
    return config_of(tree)


def _register(store: str, study: str, parent: RunInfo, planned: PlannedRun) -> None:
    """Let the study of the forks expect this one too."""
    known = {info.name: info for info in Store(store).studies()}
    configs = dict(known[study].expected_configs) if study in known else {}
    axes = dict.fromkeys([*(known[study].axes if study in known else ()), *planned.varied])
    Store(store).write_study(
        study,
        question=f"What would have become of runs of {parent.study or 'this store'} if they had gone on otherwise?",
        axes=[axis for axis in axes if axis != "forked_at"],
        expected={**configs, planned.id: resolved(planned.config)},
    )


def _prepare(
    store: str, study: str, parent: RunInfo, whole_name: str, planned: PlannedRun, at: int, past: RunConfig
) -> None:
    """Write the fork's folder: the parent's rows, the checkpoint, and where it comes from."""
    checkpoint = _checkpoint(parent, past, at)
    training.load_weights(build_model(planned.config), checkpoint.weights)  # before anything is written
    writer = Store(store).writer(planned.id, study, config=resolved(planned.config))
    try:
        writer.annotate(parent=whole_name, forked_at=at, study=study, varied=planned.varied)
        for table in parent.tables():
            rows = parent.read(table, where={"step": slice(None, at)})
            if rows.num_rows:
                # Objects, in which None is "not measured" and NaN is a value.
                writer.write(table, {key: np.array(rows[key].to_pylist(), dtype=object) for key in rows.column_names})
        writer.flush()
        checkpoint.write(writer.write_artifact)
    except BaseException:
        writer.close("failed")
        Store(store).run(f"{study}/{planned.id}").remove()
        raise
    writer.close("stopped")


def _checkpoint(parent: RunInfo, config: RunConfig, at: int) -> Checkpoint:
    """The parent's state after `at` steps: kept, or made again from the nearest state before it."""
    kept = None
    if training.CHECKPOINT in parent.artifacts():
        kept = Checkpoint.from_bytes(parent.read_artifact(training.CHECKPOINT))
    if kept is not None and kept.step == at:
        return kept
    made: list[Checkpoint] = []
    train(
        build_model(config), config.task, _without_looking(config.training), seed=config.seed, until=at,
        recorder=_Forgetful(), keep=made.append,
        resume_from=kept if kept is not None and kept.step < at else None,
    )  # fmt: skip
    if not made or made[-1].step != at:
        raise StoreError(f"{parent.path}: the run could not be brought to step {at} again; it fails before")
    return made[-1]


def _without_looking(settings: TrainingSettings) -> TrainingSettings:
    """The same training without checkpoints on its way, and without what is measured at single steps."""
    measure = settings.measure.model_copy(update={"bias_every": None, "cliff_at": ()})
    return settings.model_copy(update={"checkpoint_every": None, "measure": measure})


class _Forgetful:
    """An observer that keeps nothing; clippers that only look on have their memory because it takes rows."""

    def write(self, table: str, columns: Any) -> None:
        """They are among the parent's."""

    def step(self, loss: Any, *, learning_rate: float | None = None) -> None:
        """Nothing."""

    def clipped(self, report: Any) -> None:
        """Nothing."""

    def evaluated(self, *, score: float, loss: float) -> None:
        """Nothing."""

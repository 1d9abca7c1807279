"""The `parameters` table: norms of gradients and weights, the update, and the spectrum of recurrent matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.instrument import Layout
from gradlab.recording.sink import Sink


class ParameterLog:
    """Measures at `step()`, waits for the optimiser to learn how far the weights moved, and then writes."""

    def __init__(self, model: nn.Module, layouts: dict[str, Layout], sink: Sink) -> None:
        self._parameters = dict(model.named_parameters())
        self._sink = sink
        self._blocks = dict(_recurrent_blocks(layouts))
        self._step: int | None = None
        self._rows: list[dict[str, Any]] = []
        self._before: dict[str, Tensor] = {}

    @torch.no_grad()
    def measure(self, step: int, closure: dict[str, float], unscale: float, spectra: bool) -> None:
        """Take norms of everything now, before the optimiser acts; `unscale` undoes a gradient scaler.

        Spectra of weights cost far more than norms and change slowly: they are taken where `spectra` says so.
        """
        self.write()
        self._step = step
        for name, parameter in self._parameters.items():
            row: dict[str, Any] = {"parameter": name, "weight_norm": _norm(parameter)}
            if parameter.grad is not None:
                row["grad_norm"] = _norm(parameter.grad) * unscale
            if name in closure:
                row["closure_error"] = closure[name]
            self._rows.append(row)
            self._before[name] = parameter.detach().clone()
            if spectra and name in self._blocks:
                self._rows += self._spectra(row, parameter, self._blocks[name], unscale)

    def _spectra(
        self, whole: dict[str, Any], parameter: Tensor, gates: tuple[str, ...], unscale: float
    ) -> Iterator[dict[str, Any]]:
        """Spectral norm and radius: of the matrix itself for a plain RNN, by gate for the others."""
        blocks = parameter.detach().double().chunk(len(gates) or 1)
        gradients: Any = [None] * len(blocks) if parameter.grad is None else parameter.grad.chunk(len(blocks))
        whole["spectral_norm"] = _spectral_norm(parameter.detach().double())
        if not gates:
            whole["spectral_radius"] = _spectral_radius(blocks[0])
            return
        for gate, block, gradient in zip(gates, blocks, gradients, strict=True):
            row = {
                "parameter": f"{whole['parameter']}[{gate}]",
                "weight_norm": _norm(block),
                "spectral_norm": _spectral_norm(block),
                "spectral_radius": _spectral_radius(block),
            }
            if gradient is not None:
                row["grad_norm"] = _norm(gradient) * unscale
            yield row

    @torch.no_grad()
    def stepped(self) -> None:
        """The optimiser has acted: measure how far it moved each parameter, and write."""
        if self._step is None:
            return
        norms = {row["parameter"]: row["weight_norm"] for row in self._rows}
        for row in self._rows:
            before = self._before.get(row["parameter"])
            if before is not None and norms[row["parameter"]] > 0:
                moved = _norm(self._parameters[row["parameter"]].detach() - before)
                row["update_ratio"] = moved / norms[row["parameter"]]
        self.write()

    def write(self) -> None:
        """Write what was measured; without an optimiser step in between there is no update to report."""
        if self._step is None:
            return
        names = (
            "grad_norm",
            "weight_norm",
            "update_ratio",
            "spectral_norm",
            "spectral_radius",
            "closure_error",
        )
        columns: dict[str, np.ndarray] = {
            "step": np.full(len(self._rows), self._step, dtype=np.int64),
            "parameter": np.array([row["parameter"] for row in self._rows], dtype=object),
        }
        for name in names:
            values = [row.get(name) for row in self._rows]
            mask = [value is None for value in values]
            columns[name] = np.ma.array([0.0 if v is None else v for v in values], mask=mask, dtype=np.float64)
        self._step, self._rows, self._before = None, [], {}
        self._sink.write("parameters", columns)


def _recurrent_blocks(layouts: dict[str, Layout]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Full names of all recurrent matrices with the gates that they are stacked of."""
    for module, layout in layouts.items():
        prefix = "" if module == "model" else module + "."
        for layer in range(layout.layers):
            for direction in range(layout.directions):
                matrix = layout.names(layer, direction).get("weight_hh")
                if matrix is not None:
                    yield prefix + matrix, layout.recurrence.recurrent_blocks


def _norm(tensor: Tensor) -> float:
    values = tensor.coalesce().values() if tensor.is_sparse else tensor
    return float(torch.linalg.vector_norm(values, dtype=torch.float64))


def _spectral_norm(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix, 2)) if bool(matrix.isfinite().all()) else float("nan")


def _spectral_radius(matrix: Tensor) -> float | None:
    """None for a matrix that is not square (a projected state), NaN for one that is not finite."""
    if matrix.shape[0] != matrix.shape[1]:
        return None
    return float(torch.linalg.eigvals(matrix).abs().max()) if bool(matrix.isfinite().all()) else float("nan")

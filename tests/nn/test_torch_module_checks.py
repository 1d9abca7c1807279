"""torch's own checks of its recurrent modules and cells, with gradlab's classes in their place."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

import gradlab

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what torch's own test helpers import is none of our concern
    from torch.testing._internal.common_modules import ModuleErrorEnum, ModuleInfo, module_db
    from torch.testing._internal.common_utils import freeze_rng_state

OURS = {
    nn.RNN: gradlab.nn.RNN, nn.LSTM: gradlab.nn.LSTM, nn.GRU: gradlab.nn.GRU,
    nn.RNNCell: gradlab.nn.RNNCell, nn.LSTMCell: gradlab.nn.LSTMCell, nn.GRUCell: gradlab.nn.GRUCell,
}  # fmt: skip
INFOS = [info for info in module_db if info.module_cls in OURS]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

DTYPES = (torch.float32, torch.float64)

every_module = pytest.mark.parametrize("info", INFOS, ids=lambda info: info.module_cls.__name__)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_mode = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


def test_all_six_are_in_torchs_table() -> None:
    assert {info.module_cls for info in INFOS} == set(OURS)


def samples(info: ModuleInfo, dtype: torch.dtype, training: bool, requires_grad: bool = False) -> Iterator[Any]:
    """torch's sample inputs for one module."""
    torch.manual_seed(0)
    found = list(
        info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training)
    )
    assert found
    yield from found


def build(info: ModuleInfo, sample: Any, dtype: torch.dtype, training: bool) -> tuple[nn.Module, nn.Module]:
    """gradlab's module for a sample, and torch's with the same weights."""
    given = sample.constructor_input
    ours = OURS[info.module_cls](*given.args, **given.kwargs).to(dtype).train(training)
    theirs = info.module_cls(*given.args, **given.kwargs).to(dtype).train(training)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def equal(ours: Any, theirs: Any) -> None:
    ours, theirs = tree_leaves(ours), tree_leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


@every_mode
@every_dtype
@every_module
def test_forward(info: ModuleInfo, dtype: torch.dtype, training: bool) -> None:
    for sample in samples(info, dtype, training):
        ours, theirs = build(info, sample, dtype, training)
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
        outputs = ours(*args, **kwargs)
        equal(outputs, theirs(*args, **kwargs))
        if sample.reference_fn is not None:
            torch.testing.assert_close(outputs, sample.reference_fn(ours, *args, **kwargs))


@every_dtype
@every_module
def test_factory_arguments(info: ModuleInfo, dtype: torch.dtype) -> None:
    for sample in samples(info, dtype, True):
        given = sample.constructor_input
        module = OURS[info.module_cls](*given.args, **given.kwargs, device="cpu", dtype=dtype)
        assert all(p.dtype == dtype and p.device.type == "cpu" for p in module.parameters())
        with torch.device("meta"):
            module = OURS[info.module_cls](*given.args, **given.kwargs)
        assert all(p.device.type == "meta" for p in module.parameters())
        module.to_empty(device="cpu")
        assert all(p.device.type == "cpu" for p in module.parameters())


@every_module
def test_repr_is_torchs(info: ModuleInfo) -> None:
    for sample in samples(info, torch.float64, True):
        ours, theirs = build(info, sample, torch.float64, True)
        assert repr(ours) == repr(theirs)
        assert repr(nn.Sequential(ours)) == repr(nn.Sequential(theirs))


@every_mode
@every_module
def test_pickle_and_copies_after_backward(info: ModuleInfo, training: bool) -> None:
    for sample in samples(info, torch.float64, training):
        ours, _ = build(info, sample, torch.float64, training)
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
        outputs = ours(*args, **kwargs)
        sum(leaf.sum() for leaf in tree_leaves(outputs) if leaf.is_floating_point()).backward()
        assert ours.recording.closure_error < 1e-10
        saved = io.BytesIO()
        torch.save(ours, saved)
        saved.seek(0)
        twins = [
            pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), copy.copy(ours),
            torch.load(saved, weights_only=False),
        ]  # fmt: skip
        for twin in twins:
            assert type(twin) is type(ours)
            assert twin.__dict__.keys() == ours.__dict__.keys() - {"_gradlab_step"}
            with pytest.raises(ValueError, match="no forward pass"):
                _ = twin.recording
            equal(twin(*args, **kwargs), ours(*args, **kwargs))
            assert twin.state_dict().keys() == ours.state_dict().keys()


@every_dtype
@every_module
def test_checkpoints_go_there_and_back(info: ModuleInfo, dtype: torch.dtype) -> None:
    for sample in samples(info, dtype, True):
        _, theirs = build(info, sample, dtype, True)
        saved = io.BytesIO()
        torch.save(theirs.state_dict(), saved)
        saved.seek(0)
        given = sample.constructor_input
        fresh = OURS[info.module_cls](*given.args, **given.kwargs).to(dtype)
        fresh.load_state_dict(torch.load(saved, weights_only=True))
        back = info.module_cls(*given.args, **given.kwargs).to(dtype)
        back.load_state_dict(fresh.state_dict())
        for (name, a), (other, b) in zip(theirs.state_dict().items(), back.state_dict().items(), strict=True):
            assert name == other
            assert torch.equal(a, b)
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
        equal(fresh(*args, **kwargs), theirs(*args, **kwargs))


@every_mode
@every_module
def test_non_contiguous_inputs(info: ModuleInfo, training: bool) -> None:
    def spread(value: Tensor) -> Tensor:
        return torch.repeat_interleave(value.detach(), 2, dim=-1)[..., ::2]

    for sample in samples(info, torch.float64, training, requires_grad=True):
        ours, _ = build(info, sample, torch.float64, training)
        inputs = (sample.forward_input.args, sample.forward_input.kwargs)
        results = []
        for change in (lambda value: value.detach().clone(), spread):
            args, kwargs = tree_map_only(Tensor, change, inputs)
            outputs = [leaf for leaf in tree_leaves(ours(*args, **kwargs)) if leaf.is_floating_point()]
            ours.zero_grad()
            sum(leaf.sum() for leaf in outputs).backward()
            results.append([*outputs, *(p.grad for p in ours.parameters()), ours.recording.layer().grad_h])
        for first, second in zip(*results, strict=True):
            torch.testing.assert_close(first, second)


def checked(info: ModuleInfo, training: bool, check: Any) -> None:
    """Numerical against analytical derivatives, by inputs and parameters, in the fast mode that torch's tests use."""
    for sample in samples(info, torch.float64, training, requires_grad=True):
        module, _ = build(info, sample, torch.float64, training)
        given = (sample.forward_input.args, sample.forward_input.kwargs, tuple(module.parameters()))
        flat, spec = tree_flatten(given)

        def run(*values: Any, module: nn.Module = module, spec: Any = spec) -> list[Tensor]:
            args, kwargs, _ = tree_unflatten(values, spec)
            with freeze_rng_state():
                return [leaf for leaf in tree_leaves(module(*args, **kwargs)) if leaf.is_floating_point()]

        assert check(run, tuple(flat), nondet_tol=info.gradcheck_nondet_tol, fast_mode=True)


@every_mode
@every_module
def test_gradcheck(info: ModuleInfo, training: bool) -> None:
    checked(info, training, torch.autograd.gradcheck)


# torch has many samples of these two
@pytest.mark.parametrize(
    "info",
    [pytest.param(info, marks=[pytest.mark.slow] * (info.module_cls in (nn.RNN, nn.LSTM))) for info in INFOS],
    ids=lambda info: info.module_cls.__name__,
)
def test_gradgradcheck(info: ModuleInfo) -> None:
    assert info.supports_gradgrad
    checked(info, True, torch.autograd.gradgradcheck)


@every_dtype
@every_module
def test_wrong_inputs_raise_torchs_errors(info: ModuleInfo, dtype: torch.dtype) -> None:
    errors = info.module_error_inputs_func(info, device="cpu", dtype=dtype, requires_grad=False, training=True)
    assert errors
    for wrong in errors:
        given = wrong.module_error_input.constructor_input
        if wrong.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(wrong.error_type, match=wrong.error_regex):
                OURS[info.module_cls](*given.args, **given.kwargs)
            continue
        module = OURS[info.module_cls](*given.args, **given.kwargs)
        args, kwargs = wrong.module_error_input.forward_input.args, wrong.module_error_input.forward_input.kwargs
        with pytest.raises(wrong.error_type, match=wrong.error_regex):
            module(*args, **kwargs)
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


@every_module
def test_train_and_eval_agree_without_dropout(info: ModuleInfo) -> None:
    for sample in samples(info, torch.float64, True):
        ours, _ = build(info, sample, torch.float64, True)
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
        equal(ours(*args, **kwargs), ours.eval()(*args, **kwargs))

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmcv.cnn import build_norm_layer

from mmconvnextv2 import GRN, compat

_IMPORT = 'import torch, torchvision.transforms'


def _run(code):
    return subprocess.run([sys.executable, '-c', code],
                          capture_output=True,
                          text=True)


def test_torchvision_without_operators_imports_and_still_cannot_call_them():
    broken = _run(_IMPORT)
    if broken.returncode == 0:
        pytest.skip('torchvision has its operators here')
    assert 'torchvision::nms does not exist' in broken.stderr
    bridged = _run(f'import mmconvnextv2; {_IMPORT}; '
                   'torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), '
                   '0.5)')
    assert 'does not exist' not in bridged.stderr
    assert 'torchvision::nms' in bridged.stderr.splitlines()[-1] or (
        "Couldn't load custom C++ ops" in bridged.stderr)


@pytest.fixture
def libraries(monkeypatch, tmp_path):
    """Schemas declared by the bridge, in a world with a torchvision."""
    declared = []

    class Library:

        def __init__(self, *args):
            declared.append(args)

        def define(self, schema):
            declared.append(schema)

    monkeypatch.delitem(sys.modules, 'torchvision', raising=False)
    monkeypatch.setattr(compat, '_torchvision_library', None)
    monkeypatch.setattr(torch.library, 'Library', Library)
    (tmp_path / '_C.so').touch()
    spec = SimpleNamespace(origin=str(tmp_path / '__init__.py'))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    return declared


def _load_library(error):

    def load(path):
        assert Path(path).name == '_C.so'
        if error is not None:
            raise error

    return load


def test_schemas_are_declared_once_if_the_operators_cannot_load(
        monkeypatch, libraries):
    monkeypatch.setattr(torch.ops, 'load_library',
                        _load_library(OSError('libcudart.so')))
    assert compat.declare_missing_torchvision_ops() is True
    signature = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
    assert libraries == [('torchvision', 'DEF'), f'nms{signature}',
                         f'qnms{signature}']
    assert compat.declare_missing_torchvision_ops() is False
    assert len(libraries) == 3


def test_working_operators_are_left_alone(monkeypatch, libraries):
    monkeypatch.setattr(torch.ops, 'load_library', _load_library(None))
    assert compat.declare_missing_torchvision_ops() is False
    assert not libraries


def test_nothing_happens_without_torchvision(monkeypatch, libraries):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert compat.declare_missing_torchvision_ops() is False
    assert not libraries


def test_nothing_happens_once_torchvision_is_imported(monkeypatch, libraries):
    monkeypatch.setitem(sys.modules, 'torchvision', SimpleNamespace())
    assert compat.declare_missing_torchvision_ops() is False
    assert not libraries


@pytest.mark.parametrize('cfg, eps', [
    (dict(type='mmconvnextv2.GRN'), 1e-6),
    (dict(type='mmconvnextv2.GRN', eps=1e-5), 1e-5),
    (dict(type='mmconvnextv2.GRN', eps=1e-3), 1e-3),
])
def test_eps_of_build_norm_layer_counts_only_if_configured(cfg, eps):
    assert build_norm_layer(cfg, 4)[1].eps == eps


def test_eps_of_a_subclass():

    class Derived(GRN):

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    assert build_norm_layer(dict(type=Derived), 4)[1].eps == 1e-6
    assert build_norm_layer(dict(type=Derived, eps=1e-5), 4)[1].eps == 1e-5
    assert Derived(4, eps=1e-5).eps == 1e-5


def test_eps_of_a_direct_call_counts():
    assert GRN(4, eps=1e-5).eps == 1e-5

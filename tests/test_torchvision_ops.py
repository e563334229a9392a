"""The bridge over a torchvision without operators."""
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmconvnextv2 import torchvision_ops as bridge

# The environment of a checkout has a bridge of its own, see dev/setup_env.py.
_WITHOUT = ('import sys; sys.meta_path[:] = [x for x in sys.meta_path '
            "if type(x).__name__ != '_BeforeTorchvision']; ")
_IMPORT = 'import torch, torchvision.transforms'


def _run(code):
    return subprocess.run([sys.executable, '-c', code],
                          capture_output=True,
                          text=True)


def test_torchvision_without_operators_imports_and_still_cannot_call_them():
    broken = _run(_WITHOUT + _IMPORT)
    if broken.returncode == 0:
        pytest.skip('torchvision has its operators here')
    assert 'torchvision::nms does not exist' in broken.stderr
    bridged = _run(f'{_WITHOUT}import mmconvnextv2; {_IMPORT}; '
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
    monkeypatch.setattr(bridge, '_has_schemas', lambda: bool(declared))
    monkeypatch.setattr(bridge, '_library', None)
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
    assert bridge.declare_missing_torchvision_ops() is True
    signature = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
    assert libraries == [('torchvision', 'DEF'), f'nms{signature}',
                         f'qnms{signature}']
    assert bridge.declare_missing_torchvision_ops() is False
    assert len(libraries) == 3


def test_working_operators_are_left_alone(monkeypatch, libraries):
    monkeypatch.setattr(torch.ops, 'load_library', _load_library(None))
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_nothing_happens_without_torchvision(monkeypatch, libraries):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_nothing_happens_once_torchvision_is_imported(monkeypatch, libraries):
    monkeypatch.setitem(sys.modules, 'torchvision', SimpleNamespace())
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_schemas_that_are_there_are_left_alone(monkeypatch, libraries):
    monkeypatch.setattr(bridge, '_has_schemas', lambda: True)
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_a_hook_acts_once_torchvision_is_sought(monkeypatch):
    monkeypatch.setattr(sys, 'meta_path', sys.meta_path[:])
    acted = []
    monkeypatch.setattr(bridge, 'declare_missing_torchvision_ops',
                        lambda: acted.append(1))
    bridge.declare_before_torchvision()
    before = importlib.util.find_spec('json'), len(acted)
    assert before[0] is not None and before[1] == 0
    for _ in range(2):
        # The hook itself finds nothing.
        assert sys.meta_path[0].find_spec('torchvision') is None
    assert acted == [1]


def test_the_hook_needs_neither_this_package_nor_pytorch(tmp_path):
    (tmp_path / 'alone.py').write_text(Path(bridge.__file__).read_text())
    code = ('import sys; import alone; alone.declare_before_torchvision(); '
            "assert not {'torch', 'mmconvnextv2'} & set(sys.modules); "
            'import torchvision')
    done = subprocess.run([sys.executable, '-S', '-c', code], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: No module named 'torchvision'")

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
    """List of declared schemas, in a world with a torchvision."""
    declared = []

    class Library:

        def __init__(self, *args):
            declared.append(args)

        def define(self, schema):
            declared.append(schema)

    monkeypatch.setattr(bridge, '_library', None)
    monkeypatch.setattr(torch.library, 'Library', Library)
    monkeypatch.setattr(torch.ops, 'torchvision', SimpleNamespace(),
                        raising=False)
    (tmp_path / '_C.so').touch()
    spec = SimpleNamespace(origin=str(tmp_path / '__init__.py'))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: spec)
    return declared


@pytest.mark.parametrize('error, declared', [
    (OSError('libcudart.so'), True),
    (None, False),
])
def test_schemas_are_declared_if_the_operators_cannot_load(
        monkeypatch, libraries, error, declared):

    def load(path):
        assert Path(path).name == '_C.so'
        if error is not None:
            raise error

    monkeypatch.setattr(torch.ops, 'load_library', load)
    assert bridge.declare_missing_torchvision_ops() is declared
    signature = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
    assert libraries == ([('torchvision', 'DEF'), f'nms{signature}',
                          f'qnms{signature}'] if declared else [])


def test_nothing_happens_without_torchvision(monkeypatch, libraries):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_schemas_that_are_there_are_left_alone(monkeypatch, libraries):
    monkeypatch.setattr(torch.ops, 'torchvision', SimpleNamespace(nms=1),
                        raising=False)
    assert bridge.declare_missing_torchvision_ops() is False
    assert not libraries


def test_the_hook_acts_once_torchvision_is_sought(monkeypatch):
    monkeypatch.setattr(sys, 'meta_path', [])
    acted = []
    monkeypatch.setattr(bridge, 'declare_missing_torchvision_ops',
                        lambda: acted.append(1))
    bridge.declare_before_torchvision()
    hook, = sys.meta_path
    assert hook.find_spec('json') is None and not acted
    for _ in range(2):
        assert hook.find_spec('torchvision') is None
    assert acted == [1]


def test_the_hook_is_installed_once_beside_a_copy_of_it(tmp_path):
    (tmp_path / 'copied.py').write_text(Path(bridge.__file__).read_text())
    count = ("sum(type(x).__name__ == '_BeforeTorchvision' "
             'for x in sys.meta_path)')
    code = (f'{_WITHOUT}import copied; copied.declare_before_torchvision(); '
            f'import mmconvnextv2; print({count})')
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.stdout == '1\n'


def test_the_hook_needs_neither_this_package_nor_pytorch(tmp_path):
    (tmp_path / 'alone.py').write_text(Path(bridge.__file__).read_text())
    code = ('import sys; import alone; alone.declare_before_torchvision(); '
            "assert not {'torch', 'mmconvnextv2'} & set(sys.modules); "
            'import torchvision')
    done = subprocess.run([sys.executable, '-S', '-c', code], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: No module named 'torchvision'")

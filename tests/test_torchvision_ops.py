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
            "if not type(x).__name__.startswith('_Before')]; ")
_IMPORT = 'import torch, torchvision.transforms'


def _run(*arguments, **kwargs):
    return subprocess.run([sys.executable, *arguments], capture_output=True,
                          text=True, **kwargs)


def test_torchvision_without_operators_imports_and_still_cannot_call_them():
    broken = _run('-c', _WITHOUT + _IMPORT)
    if broken.returncode == 0:
        pytest.skip('torchvision has its operators here')
    assert 'torchvision::nms does not exist' in broken.stderr
    bridged = _run('-c', f'{_WITHOUT}import mmconvnextv2; {_IMPORT}; '
                   'torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), '
                   '0.5)')
    assert 'does not exist' not in bridged.stderr
    assert 'torchvision::nms' in bridged.stderr.splitlines()[-1] or (
        "Couldn't load custom C++ ops" in bridged.stderr)


_SIGNATURE = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'
_SCHEMAS = [('torchvision', 'DEF'), f'nms{_SIGNATURE}', f'qnms{_SIGNATURE}']


@pytest.mark.parametrize('is_installed, is_broken, ops, expected', [
    (True, True, {}, _SCHEMAS),
    (True, True, dict(nms=1), []),  # declared by somebody else
    (True, False, {}, []),
    (False, True, {}, []),
])
def test_schemas_are_declared_only_if_operators_cannot_load(
        monkeypatch, tmp_path, is_installed, is_broken, ops, expected):
    declared = []

    def library(*args):
        declared.append(args)
        return SimpleNamespace(define=declared.append)

    def load(path):
        assert Path(path) == tmp_path / '_C.so'
        if is_broken:
            raise OSError('libcudart.so')

    monkeypatch.setattr(bridge, '_library', None)
    monkeypatch.setattr(torch.library, 'Library', library)
    monkeypatch.setattr(torch.ops, 'load_library', load)
    monkeypatch.setattr(torch.ops, 'torchvision', SimpleNamespace(**ops),
                        raising=False)
    (tmp_path / '_C.so').touch()
    spec = SimpleNamespace(origin=str(tmp_path / '__init__.py'))
    monkeypatch.setattr(importlib.util, 'find_spec',
                        lambda name: spec if is_installed else None)
    assert bridge.declare_missing_torchvision_ops() is bool(expected)
    assert declared == expected


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


@pytest.mark.parametrize('mmpretrain, transformers, limit', [
    ('1.3.6', '5.24.0', '5'),
    ('1.3.6', '4.57.6', None),
    ('1.2.0', '4.57.6', '4.57'),
    ('1.2.0', '4.46.3', None),
])
@pytest.mark.parametrize('sought', ['mmpretrain.models',
                                    'mmpretrain.datasets'])
def test_mmpretrain_does_without_transformers_that_break_it(
        monkeypatch, recwarn, sought, mmpretrain, transformers, limit):
    dependency = pytest.importorskip('mmpretrain.utils.dependency')
    monkeypatch.setattr('mmpretrain.version.__version__', mmpretrain)
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    monkeypatch.setattr(bridge.metadata, 'version',
                        dict(transformers=transformers).__getitem__)
    assert bridge._BeforeImport().find_spec(sought) is None
    assert dependency.WITH_MULTIMODAL is (limit is None)
    assert [str(x.message) for x in recwarn] == ([
        f'mmpretrain {mmpretrain} cannot use transformers {transformers}: its '
        'models of images and text are left out, all others work. For them: '
        f'pip install "transformers<{limit}"'] if limit else [])


def test_a_copy_is_enough_and_needs_neither_this_package_nor_pytorch(
        tmp_path):
    (tmp_path / 'copied.py').write_text(Path(bridge.__file__).read_text())
    start = 'import copied; copied.declare_before_torchvision(); '
    done = _run('-c', f'{_WITHOUT}{start}import mmconvnextv2; print(sum('
                "type(x).__name__ == '_BeforeImport' "
                'for x in sys.meta_path))', cwd=tmp_path)
    assert done.stdout == '1\n'
    done = _run('-S', '-c', f'import sys; {start}'
                "assert not {'torch', 'mmconvnextv2'} & set(sys.modules); "
                'import torchvision', cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: No module named 'torchvision'")

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from mmconvnextv2.ops.triton.switch import SWITCH, wants_triton

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _not_interpreted(monkeypatch):
    monkeypatch.delenv('TRITON_INTERPRET', raising=False)
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture
def no_triton(monkeypatch):
    monkeypatch.setitem(sys.modules, 'triton', None)


def some_triton(monkeypatch, version):
    """As if this release were there; what it is asked for is not reached."""
    triton = type(sys)('triton')
    triton.__version__ = version
    monkeypatch.setitem(sys.modules, 'triton', triton)


@pytest.mark.parametrize('given', [None, '0'])
def test_off_by_default(monkeypatch, no_triton, given):
    if given:
        monkeypatch.setenv(SWITCH, given)
    assert not wants_triton(torch.zeros(1))


@pytest.mark.parametrize('given', ['', 'yes', '2'])
def test_refuses_other_values(monkeypatch, given):
    monkeypatch.setenv(SWITCH, given)
    with pytest.raises(
            ValueError,
            match='^the variable MMCONVNEXTV2_TRITON must be 1 .Triton '
            f'kernels on GPUs. or 0 .the default., got {given!r}$'):
        wants_triton(torch.zeros(1))


def test_asked_for_without_triton(monkeypatch, no_triton):
    monkeypatch.setenv(SWITCH, '1')
    block = ConvNeXtV2Block(2).bfloat16()  # float32 is fused in other ways
    with pytest.raises(
            ImportError,
            match='^MMCONVNEXTV2_TRITON=1 needs Triton 3.3 or newer, which '
            'comes with PyTorch 2.7 for GPUs; found none beside torch .*. '
            'Unset MMCONVNEXTV2_TRITON to go on without.$'):
        block(torch.zeros(1, 2, 2, 2, dtype=torch.bfloat16))


@pytest.mark.parametrize('version', ['2.3.1', '3.2.0', 'unknown'])
def test_asked_for_with_an_old_triton(monkeypatch, version):
    monkeypatch.setenv(SWITCH, '1')
    some_triton(monkeypatch, version)
    with pytest.raises(ImportError, match=f'found {version} beside torch'):
        wants_triton(torch.zeros(1))


def test_not_on_a_cpu(monkeypatch):
    monkeypatch.setenv(SWITCH, '1')
    some_triton(monkeypatch, '10.0.0+git')
    assert not wants_triton(torch.zeros(1))
    monkeypatch.setenv('TRITON_INTERPRET', '1')
    assert wants_triton(torch.zeros(1))
    assert not wants_triton(torch.zeros(1, device='meta'))


@pytest.mark.parametrize('name', ['gelu_grn', 'depthwise_norm',
                                  'depthwise_norm_block', 'operators'])
def test_kernels_in_the_interpreter(name):
    """test_triton_NAME.py, in a process that interprets kernels."""
    if importlib.util.find_spec('triton') is None:
        pytest.skip('Triton is not installed')
    result = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider',
         str(HERE / f'test_triton_{name}.py')],
        env={**os.environ, 'TRITON_INTERPRET': '1'},
        cwd=HERE.parents[1], capture_output=True, text=True)
    last = result.stdout.strip().splitlines()[-1]
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'passed' in last and 'skipped' not in last, last

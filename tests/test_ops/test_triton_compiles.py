"""The kernels become machine code of a GPU, which need not be there."""
import os

import pytest

if os.environ.get('TRITON_INTERPRET') == '1':
    pytest.skip('kernels are interpreted here', allow_module_level=True)
triton = pytest.importorskip('triton', reason='Triton is not installed')
compiler = pytest.importorskip('triton.compiler')
backends = pytest.importorskip('triton.backends.compiler')

from mmconvnextv2.ops.triton import (  # noqa: E402
    depthwise_kernels,
    gelu_grn,
    gelu_grn_kernels,
)
from mmconvnextv2.ops.triton.depthwise_launches import (  # noqa: E402
    _MANY,
    _blocks,
)

MAPS = ('h', 'x', 'visible', 'grad', 'conv_out', 'out')
TABLES = ('rows', 'index')
NUMBERS = ('sites', 'channels', 'chunk', 'chunks', 'images', 'runs', 'height',
           'across', 'SIDE')


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))


def machine_code(kernel, of_maps, absent, num_warps=4, **constants):
    """For compute capability 8.0 and multiples of 16, which Triton tells."""
    types = {}
    constants = {k: v for k, v in constants.items() if k in kernel.arg_names}
    for name in kernel.arg_names:
        if name in constants or name in absent:
            types[name] = 'constexpr'
            constants.setdefault(name, None)
        elif name in NUMBERS:
            types[name] = 'i32'
        elif name in TABLES:
            types[name] = '*i32'
        else:
            types[name] = '*' + (of_maps if name in MAPS else 'fp32')
    sixteen = {(i, ): [['tt.divisibility', 16]]
               for i, (name, kind) in enumerate(types.items())
               if kind.startswith('*') or (name, kind) == ('channels', 'i32')}
    source = compiler.ASTSource(kernel, types, constants, sixteen)
    return triton.compile(
        source, target=backends.GPUTarget('cuda', 80, 32),
        options=dict(num_warps=num_warps)).asm


def wide(code, kind):
    """How often a thread reads ('ld') or writes ('st') 16 bytes at a time."""
    assert code['cubin'][:4] == b'\x7fELF'
    return sum(f'{kind}.global' in line and '.v4.b32' in line
               for line in code['ptx'].splitlines())


# Maps that a pass reads, and writes.
@pytest.mark.parametrize('name, reads, writes', [
    ('square_sums', 1, 0), ('scale_and_shift', 1, 1), ('gradient_sums', 2, 0),
    ('gradient_of_input', 2, 1)])
@pytest.mark.parametrize('of_maps, masked', [('bf16', True), ('fp32', False)])
def test_passes_of_gelu_grn(name, reads, writes, of_maps, masked):
    code = machine_code(
        getattr(gelu_grn_kernels, name), of_maps,
        () if masked else ('visible', ), HALF=of_maps == 'bf16',
        CHUNK=gelu_grn._CHUNK, BLOCK_S=gelu_grn._BLOCK_S,
        BLOCK_E=gelu_grn._BLOCK_E)
    # A thread has eight entries of a tile.
    per_map = 1 if of_maps == 'bf16' else 2
    assert wide(code, 'ld') == per_map * reads
    assert wide(code, 'st') == per_map * writes


@pytest.mark.parametrize('name', ['gradient_of_input', 'gradient_of_weight'])
@pytest.mark.parametrize('strip, absent, of_maps', [
    (7, TABLES, 'bf16'), (7, TABLES, 'fp32'), (8, (), 'bf16'), (2, (), 'bf16'),
    (1, (), 'bf16')])
def test_gradients_of_the_convolution(name, strip, absent, of_maps):
    code = machine_code(
        getattr(depthwise_kernels, name), of_maps, absent, STRIP=strip,
        channels=192, **_blocks(192, False, _MANY))
    assert wide(code, 'ld')
    # Nothing goes through shared memory, where threads wait for each other,
    # but the sums at the end.
    assert ('bar.sync' in code['ptx']) == (name == 'gradient_of_weight')


@pytest.mark.parametrize('channels', [40, 192, 2816])
@pytest.mark.parametrize('absent, maps', [(('conv_out', *TABLES), 1), ((), 2)])
def test_convolution_and_norm(channels, absent, maps):
    code = machine_code(
        depthwise_kernels.convolution_and_norm, 'bf16', absent, STRIP=7,
        EPS=1e-6, channels=channels, **_blocks(channels, True, _MANY))
    # The seven sites of a strip; 13 are read in each line of the kernel.
    assert wide(code, 'st') == 7 * maps
    assert wide(code, 'ld') >= 13


@pytest.mark.parametrize('channels', [40, 2816])
def test_gradient_of_norm(channels):
    code = machine_code(
        depthwise_kernels.gradient_of_norm, 'bf16', (), EPS=1e-6,
        channels=channels, **_blocks(channels, True, _MANY))
    # Two maps, and gamma, which is float32.
    assert wide(code, 'ld') == 2 + 2


def test_what_is_between_the_passes():
    for kernel in (gelu_grn_kernels.norms_and_scale,
                   gelu_grn_kernels.gradients_of_statistics):
        code = machine_code(kernel, 'bf16', (), num_warps=16, BLOCK=16384,
                            EPS=1e-6, LARGEST=2e19)
        assert code['cubin'][:4] == b'\x7fELF'

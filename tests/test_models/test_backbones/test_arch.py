"""Names and checks of architectures and output indices."""
import copy
import re

import pytest

from mmconvnextv2.models.backbones.arch import (
    ARCHS,
    Arch,
    resolve_arch,
    resolve_out_indices,
)

# Depths and channels of the papers, written out.
PAPERS = {
    'atto': ((2, 2, 6, 2), (40, 80, 160, 320)),
    'femto': ((2, 2, 6, 2), (48, 96, 192, 384)),
    'pico': ((2, 2, 6, 2), (64, 128, 256, 512)),
    'nano': ((2, 2, 8, 2), (80, 160, 320, 640)),
    'tiny': ((3, 3, 9, 3), (96, 192, 384, 768)),
    'small': ((3, 3, 27, 3), (96, 192, 384, 768)),
    'base': ((3, 3, 27, 3), (128, 256, 512, 1024)),
    'large': ((3, 3, 27, 3), (192, 384, 768, 1536)),
    'xlarge': ((3, 3, 27, 3), (256, 512, 1024, 2048)),
    'huge': ((3, 3, 27, 3), (352, 704, 1408, 2816)),
}


def test_archs_of_the_papers():
    assert {name: resolve_arch(name) for name in ARCHS} == PAPERS


@pytest.mark.parametrize('kind', [list, tuple])
@pytest.mark.parametrize('stages', [1, 2, 6])
def test_own_arch(kind, stages):
    arch = dict(depths=kind(range(1, stages + 1)), channels=kind([7] * stages))
    before = copy.deepcopy(arch)
    assert resolve_arch(arch) == Arch(
        tuple(range(1, stages + 1)), (7, ) * stages)
    assert arch == before and type(arch['depths']) is kind


@pytest.mark.parametrize('arch', [
    'Tiny', 3, dict(depths=[1]), dict(depths=[1], channels=[2], width=3),
    dict(depths=[], channels=[]), dict(depths=[1, 0], channels=[2, 4]),
    dict(depths=[1], channels=[2.]), dict(depths=2, channels=[2]),
    dict(depths=[1, 1], channels=[2])])
def test_refuses_arch(arch):
    message = (f'arch must be one of {list(PAPERS)} or a dict with depths and '
               f'channels, one positive integer per stage in each, got '
               f'{arch!r}')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        resolve_arch(arch)


@pytest.mark.parametrize('given, expected', [
    (-1, [3]), (0, [0]), ([0, 1, 2, 3], [0, 1, 2, 3]), ((-1, -2), [2, 3]),
    ((3, 0), [0, 3]), (range(2), [0, 1]), ([-4], [0])])
def test_out_indices(given, expected):
    before = copy.copy(given)
    assert resolve_out_indices(given, 4) == expected
    assert given == before


@pytest.mark.parametrize('given', [
    4, (0, -5), [], (3, -1), '0', 1.5, ['0']])
def test_refuses_out_indices(given):
    message = ('out_indices must be one or more integers in [-4, 3], none '
               f'twice, for 4 stages, got {given!r}')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        resolve_out_indices(given, 4)

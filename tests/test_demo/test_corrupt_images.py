"""ImageNet-C's corruptions of one's own images."""
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from corrupt_images import KINDS, corrupted, main
from PIL import Image

from mmconvnextv2.analysis.robustness import ALEXNET, corruption_folders

NAMES = [x for names in KINDS.values() for x in names]


@pytest.fixture
def source(tmp_path):
    """Two classes of an image each."""
    rng = np.random.default_rng(0)
    for name in ('cat', 'dog'):
        (tmp_path / 'val' / name).mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype='u1')).save(
            tmp_path / 'val' / name / f'my.{name}.png')
    return tmp_path / 'val'


def fill(image, severity, name, seed=0):
    """Tells severity and corruption by a colour."""
    assert image.shape == (32, 32, 3) and image.dtype == np.uint8
    return np.full_like(image, 40 * severity + NAMES.index(name))


def test_layout_is_that_of_imagenet_c(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'imagecorruptions',
                        SimpleNamespace(corrupt=fill))
    arguments = [str(source), str(tmp_path / 'c'), '--size', '32']
    assert main([*arguments, '--grid', str(tmp_path / 'grid.png')]) == 0
    found = corruption_folders(tmp_path / 'c', ALEXNET)
    assert list(found) == NAMES
    for i, (corruption, folders) in enumerate(found.items()):
        assert corruption in KINDS[folders[0].parents[1].name]
        for severity, folder in enumerate(folders, 1):
            for name in ('cat', 'dog'):
                with Image.open(folder / name / f'my.{name}.JPEG') as image:
                    assert image.getpixel((5, 5))[0] == pytest.approx(
                        40 * severity + i, abs=1)
    with Image.open(tmp_path / 'grid.png') as grid:
        assert grid.size[0] > 900
    assert main(arguments) == 2  # nothing is overwritten
    assert capsys.readouterr().err.endswith('c exists\n')


def test_refused(tmp_path, source, capsys, monkeypatch):
    (tmp_path / 'empty').mkdir()
    target = str(tmp_path / 'c')
    assert main([str(tmp_path / 'empty'), target]) == 2
    assert 'must have a folder of images for each' in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, 'imagecorruptions', None)
    assert main([str(source), target]) == 2
    assert 'pip install -e ".[robustness]"' in capsys.readouterr().err
    assert not (tmp_path / 'c').exists()


@pytest.mark.parametrize('name', NAMES)
def test_each_is_the_same_again_and_more_is_worse(name):
    corrupt = pytest.importorskip('imagecorruptions').corrupt
    y, x = np.mgrid[:64, :64]
    checks = 255 * ((x // 5 + y // 7) % 2)
    image = np.stack([4 * x, x * y // 16, checks], 2).astype('u1')
    mild, again, other, severe = (
        corrupted(corrupt, image, severity, name, seed).astype(float)
        for severity, seed in ((1, 3), (1, 3), (1, 4), (5, 3)))
    assert (mild == again).all()
    drawn = name.endswith('noise') or name in (
        'glass_blur', 'motion_blur', 'snow', 'frost', 'fog',
        'elastic_transform')
    assert (mild != other).any() == drawn
    assert abs(severe - image).mean() > abs(mild - image).mean() > 0

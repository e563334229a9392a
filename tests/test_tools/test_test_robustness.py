"""Classifiers on sets of images in the layouts of ImageNet-C and the like."""
import shutil

import corrupt_images
import pytest
import torch
from mmengine.config import Config
from small_models import build_model

from mmconvnextv2.analysis.robustness import ALEXNET, C_BAR
from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mmpretrain')
pytestmark = pytest.mark.slow
_NAME = 'convnextv2_a_ft_shapes'


@pytest.fixture
def robustness(tool_here, tmp_path):
    """The tool, in a folder with the shapes and an untrained classifier."""
    test = tool_here('test_robustness')
    make_shapes('data/shapes', num_train=8, num_val=10)
    torch.manual_seed(0)
    model = build_model(Config.fromfile(find_config(_NAME)))
    torch.save(dict(state_dict=model.state_dict()), 'w.pth')
    return lambda *arguments, config=_NAME: test(config, 'w.pth', *arguments)


def test_every_set_gets_its_figure(robustness, tmp_path, capsys):
    clean = tmp_path / 'data/shapes/imagenet/val'
    for root, names in (('c/noise', ALEXNET), ('bar', C_BAR)):
        for name in names:
            for severity in '12345':
                shutil.copytree(clean, tmp_path / root / name / severity)
    assert robustness('--c', 'c', '--c-bar', 'bar', '--sketch', clean) == 0
    table, corruptions = capsys.readouterr().out.split('\n\n')
    table = table.splitlines()
    assert len(table) == 3  # The published rows are of ImageNet's classes.
    c, c_bar, a, r, sketch = table[2].replace(' ', '').split('|')[2:-1]
    # All of them are the same images.
    error = 100 - float(sketch)
    assert error > 0 and (a, r) == ('-', '-')
    assert float(c_bar) == pytest.approx(error, abs=0.06)
    assert float(c) == pytest.approx(
        error * sum(1 / x for x in ALEXNET.values()) / 15, abs=0.2)
    header, _, *lines = [x.replace(' ', '').split('|')[1:-1]
                         for x in corruptions.splitlines()]
    assert header == ['error,%', *'12345', 'mean', '/AlexNet']
    assert [x[0] for x in lines] == list(ALEXNET)
    assert {y for x in lines for y in x[1:7]} == {f'{error:.1f}'}
    assert float(lines[7][7]) == pytest.approx(error / ALEXNET['snow'],
                                               abs=0.1)


def test_folders_that_do_not_fit(robustness, tmp_path, capsys):
    assert robustness() == 2
    assert 'give a folder with --c, --c-bar' in capsys.readouterr().err
    (tmp_path / 'sketch/circle').mkdir(parents=True)
    assert robustness('--sketch', 'sketch') == 2
    assert capsys.readouterr().err == (
        'test_robustness.py: the sets: sketch must have 5 of the 5 classes of '
        'the model, such as circle; it has 1 folders, of other names: '
        'nothing; missing: cross, square, star and 1 more; without images: '
        'circle\n')
    assert robustness('--c', 'sketch') == 2
    assert ('the sets: sketch must have the folders gaussian_noise/1 to '
            'gaussian_noise/5\n') in capsys.readouterr().err
    clean = 'data/shapes/imagenet/val'
    assert robustness('--classes', 'sketch', '--sketch', clean) == 2
    assert ("for each class of the model's 5 in sketch, found 1\n"
            in capsys.readouterr().err)
    assert robustness('--sketch', clean, config='maskrcnn_convnextv2_a_shapes'
                      ) == 2
    assert 'config: expected one of a classifier\n' in capsys.readouterr().err
    image = next((tmp_path / clean).glob('star/*'))
    image.write_bytes(image.read_bytes()[:500])
    assert robustness('--sketch', clean) == 1
    assert capsys.readouterr().err.startswith(
        f'test_robustness.py: {clean}/star/{image.name}: ')


def test_shapes_c(robustness, capsys):
    pytest.importorskip('imagecorruptions')
    assert corrupt_images.main(['data/shapes/imagenet/val', 'data/shapes-c',
                                '--size', '96']) == 0
    assert robustness('--c', 'data/shapes-c') == 0
    table, corruptions = capsys.readouterr().out.split('\n\n')
    relative = [float(x.split('|')[-2])
                for x in corruptions.splitlines()[2:]]
    assert len(relative) == 15 and min(relative) > 0
    assert float(table.splitlines()[2].split('|')[2]) == pytest.approx(
        sum(relative) / 15, abs=0.1)

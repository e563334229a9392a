"""mmconvnextv2.RandomResizedCrop against mmpretrain's, on photographs."""
import re

import cv2
import numpy as np
import pytest
from mmpretrain.datasets.transforms import RandomResizedCrop as MMPretrains
from PIL import Image
from real_photographs import photograph

from mmconvnextv2.datasets.transforms import RandomResizedCrop
from mmconvnextv2.datasets.transforms.random_resized_crop import resize

_RANGE = (0.2, 1.0)


@pytest.fixture(scope='module')
def photographs():
    names = ('sklearn/datasets/images/china.jpg',
             'sklearn/datasets/images/flower.jpg',
             'skimage/data/chelsea.png', 'skimage/data/astronaut.png')
    return [cv2.imread(str(photograph(name))) for name in names]


def cropped(transform, image, seed):
    np.random.seed(seed)
    return transform(dict(img=image.copy()))


def rows_then_columns(image, size, interpolation):
    """Pillow's filter, one direction after the other."""
    flag = getattr(Image, interpolation.upper())
    image = Image.fromarray(np.ascontiguousarray(image))
    image = image.resize((size[1], image.height), flag)
    return np.array(image.resize(size[::-1], flag))


@pytest.mark.parametrize('scope', ['mmengine', 'mmdet', 'mmseg', 'mmpretrain'])
def test_resolves_with_its_prefix_only(scope):
    registry = pytest.importorskip(f'{scope}.registry').TRANSFORMS
    assert registry.get('mmconvnextv2.RandomResizedCrop') is RandomResizedCrop
    assert registry.get('RandomResizedCrop') is not RandomResizedCrop


@pytest.mark.parametrize('shape', [(375, 500), (300, 90), (20, 400), (1, 1)])
def test_draws_the_boxes_of_mmpretrain(shape):
    image = np.zeros((*shape, 3), np.uint8)
    boxes = []
    for kind in (RandomResizedCrop, MMPretrains):
        np.random.seed(0)
        transform = kind(224, crop_ratio_range=_RANGE)
        boxes.append([transform.rand_crop_params(image) for _ in range(50)])
        boxes[-1].append(np.random.random())
    assert boxes[0] == boxes[1]


@pytest.mark.parametrize('interpolation', ['bicubic', 'bilinear'])
def test_equals_mmpretrain_with_pillow(photographs, interpolation):
    shared = dict(
        scale=224, crop_ratio_range=_RANGE, interpolation=interpolation)
    ours = RandomResizedCrop(**shared)
    standard = MMPretrains(backend='pillow', **shared)
    means = []
    for seed in range(40):
        image = photographs[seed % len(photographs)]
        pair = [cropped(x, image, seed)['img'] for x in (ours, standard)]
        difference = np.abs(np.subtract(*pair, dtype=int))
        assert difference.max() <= 10
        # The order of rows and columns is up to Pillow.
        assert difference.mean() <= 0.3
        means.append(difference.mean())
    assert 0 < np.mean(means) <= 0.05


@pytest.mark.parametrize('interpolation', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('size', [(224, 224), (96, 400), (700, 64), (9, 1)])
def test_filters_as_pillow_does(photographs, size, interpolation):
    for image in photographs:
        crop = image[10:-7, 3:-40]
        difference = np.abs(
            np.subtract(
                resize(crop, size, interpolation),
                rows_then_columns(crop, size, interpolation),
                dtype=int))
        assert difference.max() <= 2
        assert (difference > 0).mean() <= 0.02


def test_other_channels_layouts_and_sizes():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    expected = resize(image, (16, 24), 'bicubic')
    assert expected.shape == (16, 24, 3) and expected.flags.c_contiguous
    assert expected.dtype == np.uint8
    flipped = np.flip(image, 1)  # as a flip before the crop leaves it
    for given, wanted in (
        (image[..., 0], expected[..., 0]),
        (image[..., :1], expected[..., :1]),
        (np.asfortranarray(image), expected),
        (flipped, resize(flipped.copy(), (16, 24), 'bicubic'))):
        np.testing.assert_array_equal(
            resize(given, (16, 24), 'bicubic'), wanted)
    one = resize(image[:1, :1], (5, 7), 'bicubic')
    np.testing.assert_array_equal(one, np.tile(image[:1, :1], (5, 7, 1)))


def test_rejects_other_filters():
    message = ("interpolation must be one of ('bilinear', 'bicubic'), got "
               "'area'; mmpretrain's RandomResizedCrop has others")
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        RandomResizedCrop(224, interpolation='area')


def test_rejects_other_types_of_images():
    with pytest.raises(
            TypeError,
            match='an image to be resized by PyTorch must be uint8, got '
            "float32; mmpretrain's RandomResizedCrop takes others"):
        RandomResizedCrop(224)(dict(img=np.zeros((9, 9, 3), np.float32)))

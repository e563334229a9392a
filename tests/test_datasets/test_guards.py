"""Reading transforms under guard: left out, refused, or passed on."""
import errno
import pickle
import re
import resource
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from damaged_files import DAMAGED, ODD, spoil
from forked import Forked
from mmcv.transforms import LoadImageFromFile, RandomChoice, TestTimeAug
from mmdet.datasets.transforms import LoadAnnotations as LoadInstances
from mmengine.dataset import BaseDataset
from mmseg.datasets.transforms import LoadAnnotations as LoadLabelMap
from PIL import Image

from mmconvnextv2.datasets.damaged import DamagedDataError, DamageLog
from mmconvnextv2.datasets.guards import Guard, guard_dataset

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'x.jpg'
    Image.fromarray(PIXELS).save(path, quality=95)
    return path


@pytest.fixture
def log(tmp_path):
    return DamageLog(str(tmp_path / 'log.jsonl'), 0)


def read(image, log=None, **results):
    guard = Guard(LoadImageFromFile(), log=log, max_in_a_row=3)
    return guard(dict(img_path=str(image), **results))


@pytest.mark.parametrize('kind', ODD)
def test_odd_images_are_read(image, log, kind):
    plain = read(image)['img']
    spoil(image, kind)
    loaded = read(image, log)['img']
    assert loaded.shape == ((1, 1, 3) if kind == '1x1' else (40, 60, 3))
    assert loaded.dtype == np.uint8 and log.skips == 0
    if kind == '16 bit':
        assert (loaded == plain).all()
    elif kind == 'cmyk':
        assert abs(loaded.astype(int) - plain).mean() < 12 < plain.std()


@pytest.mark.parametrize('kind, reason', [
    ('corrupt', 'it cannot be used (AssertionError: failed to load image: '
     '{path})'),
    ('truncated', 'the JPEG is cut off'),
    ('empty', 'the file is empty'),
    ('gone', 'there is no such file'),
])
def test_damaged_image(image, log, kind, reason):
    image.unlink() if kind == 'gone' else spoil(image, kind)
    reason = reason.format(path=image)
    assert read(image, log) is None
    assert log.read_new() == {str(image): reason} and log.skips == 1
    with pytest.raises(DamagedDataError) as caught:
        read(image)
    assert str(caught.value) == (
        f'{image}: {reason}. An evaluation leaves nothing out, for its '
        'figures would not be comparable: repair the file, or take it out of '
        'the data set.')


def test_truncated_image_that_opencv_fills(image, log):
    spoil(image, 'truncated')
    guard = Guard(LoadImageFromFile(), log=log)
    # As OpenCV before 4.12 does.
    guard.read = lambda results: dict(img=PIXELS, ori_shape=PIXELS.shape[:2])
    assert guard(dict(img_path=str(image))) is None
    assert log.read_new() == {str(image): 'the JPEG is cut off'}


def test_size_that_differs_from_the_annotations(image, log):
    assert read(image, log, height=40, width=60)['img'].shape == (40, 60, 3)
    assert read(image, log, height=60, width=40) is None
    assert list(log.read_new().values()) == [
        'it has 60x40 pixels, its annotations say 40x60'
    ]
    with pytest.raises(DamagedDataError) as caught:
        read(image, height=60, width=40)
    assert str(caught.value) == (
        f'{image}: it has 60x40 pixels, its annotations say 40x60. An '
        'evaluation leaves nothing out, for its figures would not be '
        'comparable: repair the file, or take it out of the data set.')
    # Data sets whose records have no size, or none of one side.
    for record in (dict(), dict(height=60), dict(height=None, width=40)):
        assert read(image, **record)['img'].shape == (40, 60, 3)


def test_size_is_that_of_the_image_as_exif_turns_it(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(image, exif=exif)
    assert read(image, height=60, width=40)['img'].shape == (60, 40, 3)
    with pytest.raises(DamagedDataError, match=(
            'it has 40x60 pixels, its annotations say 60x40')):
        read(image, height=40, width=60)
    stored = LoadImageFromFile(color_type='color_ignore_orientation')
    assert Guard(stored)(dict(img_path=str(image), height=40, width=60))


def test_too_many_in_a_row(image, log):
    guard = Guard(LoadImageFromFile(), log=log, max_in_a_row=3)
    good = dict(img_path=str(image))
    bad = dict(img_path=str(image) + '.gone')
    assert [guard(bad), guard(bad)] == [None, None]
    assert guard(good) is not None
    assert [guard(bad), guard(bad)] == [None, None]
    with pytest.raises(DamagedDataError) as caught:
        guard(bad)
    assert str(caught.value) == (
        f'3 damaged files one after another, the last of them {image}.gone: '
        f'there is no such file. {log.path} lists them. Is the whole data set '
        'damaged, or the storage out of reach?')


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_out_of_memory_is_no_damage(tmp_path, log, backend):
    path = tmp_path / 'large.png'
    Image.new('RGB', (4000, 4000)).save(path)

    def read_with_little(arguments):
        now = int(re.search(r'VmSize:\s+(\d+)',
                            Path('/proc/self/status').read_text())[1]) * 2**10
        resource.setrlimit(resource.RLIMIT_AS, (now + 2**24, ) * 2)
        guard = Guard(LoadImageFromFile(imdecode_backend=backend), log=log)
        with pytest.raises(MemoryError, match=str(path)):
            guard(dict(img_path=str(path)))
        return log.skips

    ended = Forked(read_with_little, [], name=tmp_path / 'said.txt').wait()
    assert ended.code == 0, ended.output


def test_too_many_open_files_are_no_damage(monkeypatch, log):

    def read(*_):
        raise OSError(errno.EMFILE, 'Too many open files', 'a.jpg')

    monkeypatch.setattr(LoadImageFromFile, 'transform', read)
    with pytest.raises(OSError, match='Too many open files'):
        Guard(LoadImageFromFile(), log=log)(dict(img_path='a.jpg'))
    assert log.skips == 0


def load_labels(path, log=None, shape=(40, 60), zero=False):
    guard = Guard(LoadLabelMap(), num_classes=5, log=log)
    return guard(
        dict(seg_map_path=str(path), img_path='x.jpg', ori_shape=shape,
             reduce_zero_label=zero, seg_fields=[]))


@pytest.fixture
def labels(tmp_path):
    """Function that writes a label map."""

    def write(values):
        Image.fromarray(values).save(tmp_path / 'x.png')
        return tmp_path / 'x.png'

    return write


@pytest.mark.parametrize('zero', [False, True])
def test_label_map_that_does_not_fit(labels, log, zero):
    path = labels(np.full((40, 60), 6, np.uint8))
    for guard_log in (log, None):
        with pytest.raises(DamagedDataError) as caught:
            load_labels(path, guard_log, zero=zero)
        assert str(caught.value).startswith(
            f'{path}: it holds the label 6, while the 5 classes have the '
            f'labels {int(zero)} to {4 + zero} ')
    assert log.skips == 0


@pytest.mark.parametrize('kind', DAMAGED)
def test_damaged_label_map_is_left_out(labels, log, kind):
    path = labels(np.random.default_rng(0).integers(0, 5, (40, 60), np.uint8))
    spoil(path, kind)
    assert load_labels(path, log) is None
    reason = log.read_new()[str(path)]
    assert reason.startswith(
        'the file is empty' if kind == 'empty' else 'it cannot be used (')
    with pytest.raises(DamagedDataError, match='An evaluation leaves nothing'):
        load_labels(path)


@pytest.mark.parametrize('zero', [False, True])
def test_label_above_8_bits(labels, log, zero):
    values = np.full((40, 60), 3, np.uint16)
    assert load_labels(labels(values), log, zero=zero)
    values[9, 9] = 258  # 2, as mmseg reads it
    for guard_log in (log, None):
        with pytest.raises(DamagedDataError, match='it holds the label 258; '
                           'mmseg keeps 8 bits .* would be 2$'):
            load_labels(labels(values), guard_log, zero=zero)


def test_label_map_above_pillows_limit(labels, log, monkeypatch):
    path = labels(np.zeros((40, 60), np.uint8))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1100)
    reason = ('it has more pixels than the 2,200 that Pillow reads: cut it '
              'into tiles, or set PIL.Image.MAX_IMAGE_PIXELS higher in the '
              'config')
    assert load_labels(path, log) is None
    assert log.read_new() == {str(path): reason}
    with pytest.raises(DamagedDataError) as caught:
        load_labels(path)
    assert str(caught.value).startswith(f'{path}: {reason}. An evaluation ')


def test_label_map_of_one_pixel(labels, log):
    path = labels(np.zeros((1, 1), np.uint8))
    assert load_labels(path, log, shape=(1, 1)) is None
    assert log.read_new()[str(path)] == (
        'it is one pixel wide or high, and mmseg reads no such label maps')


def load_instances(instances, log):
    guard = Guard(LoadInstances(with_bbox=True, with_mask=True), log=log)
    instances = [dict(bbox=[0, 0, 9, 9], bbox_label=0, ignore_flag=0, **x)
                 for x in instances]
    return guard(
        dict(img_path='x.jpg', img_id=7, ori_shape=(40, 60),
             instances=instances))


def test_objects_without_a_mask_are_ignored(log):
    square = [[0, 0, 9, 0, 9, 9, 0, 9]]
    loaded = load_instances([
        dict(mask=square),
        dict(),
        dict(mask=[[0, 0, 9, 9]]),
        dict(mask=dict(counts=None))
    ], log)
    assert loaded['gt_ignore_flags'].tolist() == [False, True, True, True]
    assert loaded['gt_masks'].masks.sum(axis=(1, 2)).tolist() == [81, 0, 0, 0]
    assert len(load_instances([], log)['gt_bboxes']) == 0


def test_mask_that_does_not_fit(log):
    bad = dict(mask=dict(size=[20, 20], counts=[400]))
    assert load_instances([bad], log) is None
    reason, = log.read_new().values()
    assert reason.startswith('it cannot be used (ValueError: cannot reshape')
    with pytest.raises(DamagedDataError, match='^x.jpg: it cannot be used'):
        load_instances([bad], None)


def test_guards_are_put_in_everywhere_once(image, log):
    choice = RandomChoice([[LoadImageFromFile()], [LoadInstances()]])
    views = TestTimeAug([[dict(type='Resize', scale=(8, 8))],
                         [LoadImageFromFile()]])
    dataset = BaseDataset(
        metainfo=dict(classes=('a', 'b')),
        pipeline=[LoadImageFromFile(to_float32=True), choice, views],
        lazy_init=True)
    first = dataset.pipeline.transforms[0]
    inside = [x.transforms[0] for x in choice.transforms]
    last = views.subroutines[0].transforms[1]
    wrapper = type('Wrapper', (), dict(datasets=[dataset]))()
    for _ in range(2):
        guard_dataset(wrapper, log, max_in_a_row=9)
        for step in (first, *inside, last):
            assert type(step.transform) is Guard
            assert step.transform.read.__func__ is type(step).transform
            assert step.transform.max_in_a_row == 9
    assert not isinstance(views.subroutines[0].transforms[0].transform, Guard)
    assert inside[1].transform.num_classes == 2
    first.transform.log = None  # which travels to workers only
    for copied in (pickle.loads(pickle.dumps(first)), deepcopy(first)):
        assert copied.transform.read.__self__ is copied
        assert copied(dict(img_path=str(image)))['img'].dtype == np.float32
